//! Rates of messages and bytes, shared by clones, under paused time.

use std::{num::NonZeroU64, sync::Arc, time::Duration};

use relayhouse_core::{Context, Error, Instant, Message, config::Params};
use tower::{Service, ServiceExt, service_fn};
use tower_layer::Layer;
use tower_test::mock;

use super::{RateLimit, RateLimitConfig, RateLimitLayer, Unit};
use crate::{
    backpressure::BackpressureLayer,
    testing::{Door, context, poll_and_drop},
};

fn config(amount: u64, burst: u64, unit: Unit) -> RateLimitConfig {
    RateLimitConfig {
        burst: NonZeroU64::new(burst),
        unit,
        ..RateLimitConfig::per_second(NonZeroU64::new(amount).unwrap())
    }
}

fn messages(amount: u64, burst: u64, context: &Context) -> RateLimitLayer {
    RateLimitLayer::with_config(&config(amount, burst, Unit::Messages), context)
}

fn service(
    layer: &RateLimitLayer,
) -> RateLimit<impl Service<Message, Response = (), Error = Error, Future: Send> + Clone + use<>> {
    layer.layer(service_fn(|_: Message| async { Ok::<_, Error>(()) }))
}

fn elapsed(context: &Context) -> u128 {
    context.clock.now().since(Instant::START).as_millis()
}

/// The clones of all services of a layer have one rate together.
#[tokio::test(start_paused = true)]
async fn clones_share_the_rate() {
    let context = context();
    let layer = messages(100, 10, &context);
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let mut service = service(&layer);
        tasks.push(tokio::spawn(async move {
            for _ in 0..50 {
                let ready = service.ready().await.unwrap();
                ready.call(Message::new("")).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    // Ten of 200 at once, the others at 100 a second.
    let took = elapsed(&context);
    assert!((1_900..1_910).contains(&took), "{took} ms");
}

#[tokio::test(start_paused = true)]
async fn bytes_are_counted_where_that_is_asked_for() {
    let context = context();
    let layer = RateLimitLayer::with_config(&config(1_000, 1_000, Unit::Bytes), &context);
    let mut service = service(&layer);
    for _ in 0..5 {
        let ready = service.ready().await.unwrap();
        ready.call(Message::new(vec![0; 500])).await.unwrap();
    }
    service.ready().await.unwrap();
    // 2,500 bytes overdraw a burst of 1,000 by 1,500, and readiness needs one more.
    let took = elapsed(&context);
    assert!((1_500..1_503).contains(&took), "{took} ms");
}

/// A request greater than the burst passes, and what follows waits for it.
#[tokio::test(start_paused = true)]
async fn great_request_overdraws_and_is_waited_for() {
    let context = context();
    let layer = RateLimitLayer::with_config(&config(1_000, 100, Unit::Bytes), &context);
    let mut service = service(&layer);
    let ready = service.ready().await.unwrap();
    ready.call(Message::new(vec![0; 5_000])).await.unwrap();
    assert_eq!(elapsed(&context), 0);
    service.ready().await.unwrap();
    let took = elapsed(&context);
    assert!((4_900..4_903).contains(&took), "{took} ms");
}

#[tokio::test(start_paused = true)]
async fn probe_that_is_dropped_gives_its_token_back() {
    let context = context();
    let layer = messages(1, 1, &context);
    for _ in 0..100 {
        let mut probe = service(&layer);
        probe.ready().await.unwrap();
    }
    let mut service = service(&layer);
    service.ready().await.unwrap();
    assert_eq!(elapsed(&context), 0);
    service.call(Message::new("")).await.unwrap();
    service.ready().await.unwrap();
    assert_eq!(elapsed(&context), 1_000);
}

/// Who came first is served first, and who goes away is not waited for.
#[tokio::test(start_paused = true)]
async fn waiters_are_served_in_order() {
    let context = context();
    let layer = messages(10, 1, &context);
    let mut first = service(&layer);
    first.ready().await.unwrap();
    first.call(Message::new("")).await.unwrap();
    let mut waiting = Vec::new();
    for number in 0_u128..5 {
        let mut service = service(&layer);
        let clock = Arc::clone(&context.clock);
        waiting.push(tokio::spawn(async move {
            service.ready().await.unwrap();
            let at = clock.now().since(Instant::START).as_millis();
            service.call(Message::new("")).await.unwrap();
            (number, at)
        }));
        tokio::task::yield_now().await;
    }
    waiting.remove(1).abort();
    let mut served = Vec::new();
    for task in waiting {
        served.push(task.await.unwrap());
    }
    assert_eq!(served, [(0, 100), (2, 200), (3, 300), (4, 400)]);
}

/// A rate that is raised counts for those who wait already.
#[tokio::test(start_paused = true)]
async fn rate_can_be_changed_while_calls_wait() {
    let context = context();
    let slow = RateLimitConfig {
        per: Duration::from_secs(3_600),
        ..config(1, 1, Unit::Messages)
    };
    let layer = RateLimitLayer::with_config(&slow, &context);
    let mut service = service(&layer);
    service.ready().await.unwrap();
    service.call(Message::new("")).await.unwrap();
    let waiting = tokio::spawn(async move { service.ready().await.map(drop) });
    context
        .clock
        .sleep_until(Instant::START + Duration::from_secs(60))
        .await;
    assert!(!waiting.is_finished());
    layer.set(&config(10, 1, Unit::Messages));
    waiting.await.unwrap().unwrap();
    let took = elapsed(&context) - 60_000;
    assert!(took <= 101, "{took} ms");
}

/// Around back-pressure, who waits for its time keeps no permit from others.
#[tokio::test(start_paused = true)]
async fn who_waits_for_its_time_holds_no_permit() {
    let context = context();
    let layer = messages(1, 1, &context);
    let backpressure = BackpressureLayer::default();
    let mut service = layer.layer(backpressure.layer(Door::default()));
    service.ready().await.unwrap();
    service.call(Message::new("")).await.unwrap();
    assert!(poll_and_drop(service.ready(), 1).await.is_none());
    assert_eq!(backpressure.load().messages, 0);
    service.ready().await.unwrap();
    assert_eq!(backpressure.load().messages, 1);
}

/// An instance that waits for its service has one token, and the rate of others goes on.
#[tokio::test(start_paused = true)]
async fn instance_that_waits_for_its_service_keeps_one_token() {
    let context = context();
    let layer = messages(1, 1, &context);
    let door = Door::default();
    door.close();
    let mut blocked = mock::Spawn::new(layer.layer(door));
    assert!(blocked.poll_ready().is_pending());
    let mut other = service(&layer);
    other.ready().await.unwrap();
    assert_eq!(elapsed(&context), 1_000);
    other.call(Message::new("")).await.unwrap();
    drop(blocked);
    other.ready().await.unwrap();
    assert_eq!(elapsed(&context), 1_000);
}

/// Wherever a wait is dropped, the rate for others stays what it is.
#[tokio::test(start_paused = true)]
async fn wait_can_be_dropped_at_any_poll() {
    let context = context();
    let layer = messages(10, 1, &context);
    let mut other = service(&layer);
    for polls in 0..3 {
        other.ready().await.unwrap();
        other.call(Message::new("")).await.unwrap();
        let began = elapsed(&context);
        let mut dropped = service(&layer);
        let ended = poll_and_drop(dropped.ready(), polls).await.is_some();
        assert_eq!(ended, polls == 2);
        drop(dropped);
        other.ready().await.unwrap();
        assert_eq!(elapsed(&context) - began, 100, "after {polls} polls");
    }
}

#[test]
fn rates_are_read_from_text() {
    let params = Params::from_pairs([("amount", "100"), ("per", "1min"), ("unit", "bytes")]);
    let config: RateLimitConfig = params.unwrap().read().unwrap();
    assert_eq!(config.amount.get(), 100);
    assert_eq!(config.per, Duration::from_secs(60));
    assert_eq!(config.unit, Unit::Bytes);
    let params = Params::from_pairs([("per", "1s")]).unwrap();
    let error = params.read::<RateLimitConfig>().unwrap_err();
    assert!(error.to_string().contains("amount"), "{error}");
}
