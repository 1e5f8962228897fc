//! Fair shares among keys, by the policy of the middleware.

use std::{
    collections::HashMap,
    num::{NonZeroU32, NonZeroU64},
    sync::Arc,
    time::Duration,
};

use relayhouse_core::{ErrorKind, Instant, Message, Settlement, extract::Attempt};
use relayhouse_middleware::fair::{Fair, FairConfig};
use relayhouse_runtime::{ConsumerBuilder, ConsumerConfig, Ordering};

use crate::fixture::{Fixture, Gauge, Latch, Log};

const TAKES: Duration = Duration::from_millis(10);
const CONCURRENCY: u32 = 8;
const QUIET: u32 = 200;
const TIMES: u32 = 100;

fn of(tenant: &'static str) -> Message {
    Message::new(tenant).header("tenant", tenant)
}

/// Builds a consumer that receives far ahead.
fn consumer(fixture: &Fixture) -> ConsumerBuilder {
    let config = ConsumerConfig {
        concurrency: NonZeroU32::new(CONCURRENCY).unwrap(),
        prefetch_max: 100_000,
        prefetch_window: Duration::from_secs(600),
        ..ConsumerConfig::default()
    };
    let lease = Duration::from_secs(3_600);
    fixture.consumer().config(config).lease(lease)
}

fn tenant(message: &Message) -> &str {
    message.headers().text("tenant").unwrap_or_default()
}

/// Handles a backlog in which each message of the quiet tenant comes behind a hundred of the busy
/// one, and returns how many of the quiet one were handled in a second until its last.
async fn quiet_rate(fixture: &Fixture, consumer: ConsumerBuilder) -> f64 {
    for _ in 0..QUIET {
        let busy = (0..TIMES).map(|_| of("busy"));
        fixture.send_messages(busy.chain([of("quiet")])).await;
    }
    let (latch, clock) = (Latch::default(), Arc::clone(&fixture.context.clock));
    let began = clock.now();
    let handler = {
        let latch = latch.clone();
        move |message: Message| {
            let sleep = clock.sleep_until(clock.now() + TAKES);
            let latch = latch.clone();
            async move {
                sleep.await;
                if tenant(&message) == "quiet" {
                    latch.hit();
                }
            }
        }
    };
    let running = consumer.handler(handler).start().await.unwrap();
    latch.reached(QUIET as usize).await;
    let took = fixture.context.clock.now().since(began);
    running.shutdown(Duration::from_secs(10)).await.unwrap();
    f64::from(QUIET) / took.as_secs_f64()
}

/// With a hundred times the load, the busy tenant leaves the quiet one nine tenths of its half.
#[tokio::test(start_paused = true)]
async fn busy_tenant_leaves_the_quiet_one_its_share() {
    let share = f64::from(CONCURRENCY) / TAKES.as_secs_f64() / 2.0;
    let fixture = Fixture::new();
    let policy = Fair::by_header("tenant");
    let rate = quiet_rate(&fixture, consumer(&fixture).dispatch(policy)).await;
    assert!(0.9 * share < rate, "{rate} of {share}");
    // What it is for: in the order of arrival the quiet one gets a hundredth.
    let fixture = Fixture::new();
    let rate = quiet_rate(&fixture, consumer(&fixture)).await;
    assert!(rate < 0.1 * share, "{rate} of {share}");
}

/// A tenant at its limit leaves its places to the others, and does not hold them up.
#[tokio::test(start_paused = true)]
async fn tenant_has_no_more_handlers_than_it_may() {
    let fixture = Fixture::new();
    let busy = (0..100).map(|_| of("busy"));
    let quiet = (0..100).map(|_| of("quiet"));
    fixture.send_messages(busy.chain(quiet)).await;
    let gauges: HashMap<&str, Gauge> = ["busy", "quiet"]
        .map(|name| (name, Gauge::default()))
        .into();
    let latch = Latch::default();
    let config = FairConfig {
        concurrency_max: NonZeroU32::new(5),
        ..FairConfig::default()
    };
    let handler = {
        let (gauges, latch, fixture) = (gauges.clone(), latch.clone(), fixture.clone());
        move |message: Message| {
            let gauge = &gauges[tenant(&message)];
            fixture.busy(TAKES, gauge, &latch)()
        }
    };
    let policy = Fair::by_header("tenant").config(config);
    let consumer = consumer(&fixture).dispatch(policy).handler(handler);
    let report = consumer.run_until(latch.reached(200)).await.unwrap();
    assert_eq!(report.acked, 200);
    assert!(gauges.values().all(|gauge| gauge.max() == 5));
    // Eight places are used for as long as both have work: 200 at 800 a second.
    let took = fixture.context.clock.now().since(Instant::START);
    assert!(took < Duration::from_millis(300), "{took:?}");
}

/// What waits for the rate of its tenant starts at its time, without anything else that wakes.
#[tokio::test(start_paused = true)]
async fn tenant_starts_no_more_in_a_second_than_it_may() {
    let fixture = Fixture::new();
    fixture.send_messages((0..21).map(|_| of("busy"))).await;
    let config = FairConfig {
        rate_max: NonZeroU64::new(10),
        rate_burst: NonZeroU64::new(1),
        ..FairConfig::default()
    };
    let latch = Latch::default();
    let handler = {
        let latch = latch.clone();
        move || {
            latch.hit();
            async {}
        }
    };
    let policy = Fair::by_header("tenant").config(config);
    let consumer = consumer(&fixture).dispatch(policy).handler(handler);
    let report = consumer.run_until(latch.reached(21)).await.unwrap();
    assert_eq!(report.acked, 21);
    let took = fixture.context.clock.now().since(Instant::START);
    assert!(took.as_millis().abs_diff(2_000) < 50, "{took:?}");
}

/// Within a tenant, messages of one ordering key start in order, one at a time, and one that was
/// released comes again before those behind it.
#[tokio::test(start_paused = true)]
async fn order_is_kept_within_a_share() {
    let fixture = Fixture::new();
    let keyed = |number: u32| {
        let tenant = if number.is_multiple_of(2) { "a" } else { "b" };
        let message = Message::new(number.to_string()).header("tenant", tenant);
        message.ordering_key(format!("key-{}", number % 4))
    };
    fixture.send_messages((0..200).map(keyed)).await;
    let (log, latch) = (Log::default(), Latch::default());
    let clock = Arc::clone(&fixture.context.clock);
    let handler = {
        let (log, latch) = (log.clone(), latch.clone());
        move |message: Message, Attempt(attempt): Attempt| {
            let (log, latch) = (log.clone(), latch.clone());
            let sleep = clock.sleep_until(clock.now() + TAKES);
            async move {
                sleep.await;
                let number: u32 = std::str::from_utf8(&message.body).unwrap().parse().unwrap();
                if attempt == 1 && number.is_multiple_of(10) {
                    return Settlement::RELEASE;
                }
                log.push(number);
                latch.hit();
                Settlement::Ack
            }
        }
    };
    let consumer = consumer(&fixture).ordering(Ordering::message());
    let consumer = consumer
        .dispatch(Fair::by_header("tenant"))
        .handler(handler);
    consumer.run_until(latch.reached(200)).await.unwrap();
    let handled = log.entries();
    for key in 0..4 {
        let of_key = handled.iter().filter(|number| **number % 4 == key);
        assert!(of_key.is_sorted(), "key {key}");
    }
}

/// What was chosen from nothing goes back, whole, when the consumer stops.
#[tokio::test(start_paused = true)]
async fn what_waits_is_given_back_when_the_consumer_stops() {
    let fixture = Fixture::new();
    let messages = (0..100).flat_map(|_| [of("busy"), of("quiet")]);
    fixture.send_messages(messages).await;
    let (gauge, latch) = (Gauge::default(), Latch::default());
    let policy = Fair::by_header("tenant");
    let handler = fixture.busy(TAKES, &gauge, &latch);
    let consumer = consumer(&fixture).dispatch(policy).handler(handler);
    let report = consumer.run_until(latch.reached(20)).await.unwrap();
    let stats = fixture.stats().await;
    assert_eq!(report.acked + stats.ready, 200);
    assert_eq!(stats.leased, Some(0));
}

#[tokio::test(start_paused = true)]
async fn policy_is_refused_where_sessions_have_their_order() {
    let fixture = Fixture::with_sessions().await;
    let consumer = consumer(&fixture).dispatch(Fair::by_header("tenant"));
    let error = consumer.handler(|| async {}).start().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}
