//! Intake, dispatch and bounds of a consumer.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use relayhouse_core::{
    Context, Error, ErrorKind, Event, Instant, Lease, Message, MessageId, Observer,
    extract::{Attempt, State},
    port::QueueConfig,
};
use relayhouse_runtime as runtime;

use crate::fixture::{Fixture, Gauge, LEASE, Latch, Log, simulated, text};

#[tokio::test(start_paused = true)]
async fn every_message_is_handled_once() {
    let fixture = Fixture::new();
    fixture
        .send((0..1000).map(|number| number.to_string()))
        .await;
    let (log, latch) = (Log::default(), Latch::default());
    let report = fixture
        .consumer()
        .concurrency(64)
        .handler({
            let (log, latch) = (log.clone(), latch.clone());
            move |message: Message| {
                log.push(text(&message));
                latch.hit();
                async {}
            }
        })
        .run_until(latch.reached(1000))
        .await
        .unwrap();
    let mut numbers: Vec<usize> = log
        .entries()
        .iter()
        .map(|number| number.parse().unwrap())
        .collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..1000));
    assert_eq!((report.received, report.acked), (1000, 1000));
    assert_eq!(fixture.stats().await.leased, Some(0));
}

#[tokio::test(start_paused = true)]
async fn arguments_are_drawn_from_delivery_and_state() {
    let fixture = Fixture::new();
    fixture
        .send_messages([Message::new("body").id("order-7")])
        .await;
    let (log, latch) = (Log::default(), Latch::default());
    let handler = |State((log, latch)): State<(Log<String>, Latch)>,
                   id: MessageId,
                   body: Bytes,
                   Attempt(attempt): Attempt,
                   lease: Lease| async move {
        let body = String::from_utf8_lossy(&body).into_owned();
        let is_leased = Instant::START < lease.until();
        log.push(format!("{id} {body} {attempt} {is_leased}"));
        latch.hit();
    };
    let consumer = fixture
        .consumer()
        .state((log.clone(), latch.clone()))
        .handler(handler);
    consumer.run_until(latch.reached(1)).await.unwrap();
    assert_eq!(log.entries(), ["order-7 body 1 true"]);
}

#[tokio::test(start_paused = true)]
async fn concurrency_is_reached_and_never_exceeded() {
    for concurrency in [1_u32, 2, 7, 64] {
        let fixture = Fixture::new();
        fixture
            .send((0..200).map(|number| number.to_string()))
            .await;
        let (gauge, latch) = (Gauge::default(), Latch::default());
        fixture
            .consumer()
            .concurrency(concurrency)
            .handler(fixture.busy(Duration::from_millis(10), &gauge, &latch))
            .run_until(latch.reached(200))
            .await
            .unwrap();
        assert_eq!(gauge.max(), concurrency as usize);
    }
}

#[tokio::test(start_paused = true)]
async fn slow_message_holds_no_other_back() {
    let fixture = Fixture::new();
    fixture.send(["slow"]).await;
    fixture
        .send((0..100).map(|number| number.to_string()))
        .await;
    let latch = Latch::default();
    let clock = Arc::clone(&fixture.context.clock);
    let began = clock.now();
    let running = fixture
        .consumer()
        .concurrency(2)
        .workers(1)
        .handler({
            let (latch, clock) = (latch.clone(), Arc::clone(&clock));
            move |message: Message| {
                let takes = Duration::from_secs(if message.body == "slow" { 1800 } else { 0 });
                let (sleep, latch) = (clock.sleep_until(clock.now() + takes), latch.clone());
                async move {
                    sleep.await;
                    latch.hit();
                }
            }
        })
        .start()
        .await
        .unwrap();
    latch.reached(100).await;
    assert!(clock.now().since(began) < Duration::from_secs(1));
    latch.reached(101).await;
    let report = running.shutdown(Duration::from_secs(1)).await.unwrap();
    assert_eq!(report.acked, 101, "the slow one kept its lease");
}

#[tokio::test(start_paused = true)]
async fn bytes_bound_stops_receives() {
    let fixture = Fixture::new();
    fixture.send((0..100).map(|_| "x".repeat(1000))).await;
    let (gauge, latch) = (Gauge::default(), Latch::default());
    fixture
        .consumer()
        .concurrency(50)
        .workers(1)
        .bytes_max(10_000)
        .handler(fixture.busy(Duration::from_millis(10), &gauge, &latch))
        .run_until(latch.reached(100))
        .await
        .unwrap();
    assert!(
        gauge.max() <= 10,
        "{} messages of 1,000 bytes at a time",
        gauge.max()
    );
}

#[tokio::test(start_paused = true)]
async fn paused_consumer_takes_nothing_until_it_resumes() {
    let fixture = Fixture::new();
    let latch = Latch::default();
    let consumer = fixture.consumer().handler({
        let latch = latch.clone();
        move || {
            latch.hit();
            async {}
        }
    });
    let running = consumer.start().await.unwrap();
    fixture.send(["first"]).await;
    latch.reached(1).await;
    running.pause();
    // A receive in flight may still bring what was there before it ends.
    fixture.pass(Duration::from_secs(60)).await;
    fixture.send(["second"]).await;
    fixture.pass(Duration::from_secs(60)).await;
    assert_eq!((latch.count(), fixture.stats().await.ready), (1, 1));
    running.resume();
    latch.reached(2).await;
    running.shutdown(Duration::from_secs(1)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn remote_changes_the_consumer_and_outlives_it() {
    let fixture = Fixture::new();
    let latch = Latch::default();
    let hit = latch.clone();
    let consumer = fixture.consumer().concurrency(3).handler(move || {
        hit.hit();
        async {}
    });
    let running = consumer.start().await.unwrap();
    let remote = running.remote();
    assert_eq!(
        (remote.state(), remote.concurrency().get()),
        (runtime::State::Running, 3)
    );
    remote.pause();
    assert_eq!(remote.state(), runtime::State::Paused);
    fixture.pass(Duration::from_secs(60)).await;
    fixture.send(["first"]).await;
    fixture.pass(Duration::from_secs(60)).await;
    assert_eq!(latch.count(), 0);
    remote.resume();
    latch.reached(1).await;
    running.shutdown(Duration::from_secs(1)).await.unwrap();
    remote.resume();
    assert_eq!(remote.state(), runtime::State::Ended);
    assert_eq!(
        (remote.source(), remote.report().acked),
        (&fixture.source(), 1)
    );
}

#[tokio::test(start_paused = true)]
async fn prefetch_follows_the_pace_of_handlers() {
    let fixture = Fixture::new();
    fixture
        .send((0..100).map(|number| number.to_string()))
        .await;
    let latch = Latch::default();
    let clock = Arc::clone(&fixture.context.clock);
    let running = fixture
        .consumer()
        .concurrency(2)
        .workers(1)
        .handler({
            let latch = latch.clone();
            move || {
                let sleep = clock.sleep_until(clock.now() + Duration::from_secs(1));
                let latch = latch.clone();
                async move {
                    sleep.await;
                    latch.hit();
                }
            }
        })
        .start()
        .await
        .unwrap();
    latch.reached(10).await;
    // Handlers of a second start nothing within a window of 100 ms: nothing is hoarded.
    assert!(
        fixture.stats().await.leased <= Some(4),
        "{:?}",
        fixture.stats().await
    );
    running.shutdown(Duration::from_secs(10)).await.unwrap();
}

/// Counts receives.
#[derive(Debug, Default)]
struct Intakes(std::sync::Mutex<Vec<u32>>);

impl Observer for Intakes {
    fn observe(&self, _: Instant, events: &[Event<'_>]) {
        let received = events.iter().filter_map(|event| match event {
            Event::Intake { received, .. } => Some(*received),
            _ => None,
        });
        self.0.lock().unwrap().extend(received);
    }
}

#[tokio::test(start_paused = true)]
async fn idle_consumer_waits_instead_of_polling() {
    for workers in [1, 8] {
        let receives = receives_in_an_hour(workers).await;
        assert!(receives <= 180, "{receives} receives of 20 s in an hour");
    }
}

/// Returns how often a consumer of an empty queue receives, whose receives wait for 20 seconds.
async fn receives_in_an_hour(workers: u32) -> usize {
    let intakes = Arc::new(Intakes::default());
    let observer: Arc<dyn Observer> = Arc::clone(&intakes) as _;
    let context: Context = simulated().observer(observer);
    let fixture = Fixture::with_context(context);
    let running = fixture
        .consumer()
        .workers(workers)
        .receive_wait(Duration::from_secs(20))
        .handler(|| async {})
        .start()
        .await
        .unwrap();
    fixture.pass(Duration::from_secs(3600)).await;
    running.shutdown(Duration::from_secs(1)).await.unwrap();
    intakes.0.lock().unwrap().len()
}

#[tokio::test(start_paused = true)]
async fn wrong_options_are_refused_before_anything_starts() {
    let fixture = Fixture::new();
    let refusal = |error: Error| (error.kind(), error.to_string());
    let error = fixture
        .consumer()
        .concurrency(0)
        .handler(|| async {})
        .start()
        .await
        .unwrap_err();
    let (kind, text) = refusal(error);
    assert_eq!(kind, ErrorKind::ConfigInvalid);
    assert!(text.contains("concurrency is 0"), "{text}");
    let slow = fixture
        .consumer()
        .lease_total_max(LEASE)
        .handler_timeout(LEASE * 2);
    let (kind, text) = refusal(slow.handler(|| async {}).start().await.unwrap_err());
    assert_eq!(kind, ErrorKind::ConfigInvalid);
    assert!(text.contains("handler_timeout"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn deleted_queue_ends_the_consumer_with_its_name() {
    let fixture = Fixture::new();
    let entity = fixture.source().entity;
    fixture
        .admin()
        .create(&entity, &QueueConfig::default())
        .await
        .unwrap();
    let consumer = fixture.consumer().handler(|| async {});
    let running = consumer.start().await.unwrap();
    fixture.pass(Duration::from_secs(1)).await;
    fixture.admin().delete(&entity).await.unwrap();
    running.failed().await;
    assert_eq!(running.remote().state(), runtime::State::Failed);
    let error = running.shutdown(Duration::from_secs(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QueueNotFound);
    assert!(error.to_string().contains("orders"), "{error}");
}
