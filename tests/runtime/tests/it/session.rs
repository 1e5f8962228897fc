//! Sessions: exclusive, in order, given back after a quantum, and what happens when one is lost.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use relayhouse_core::{
    Context, Event, Instant, Message, Observer, Settlement, Settling,
    extract::OrderingKey,
    port::{ReceiveRequest, ReceiverOptions},
};
use relayhouse_runtime::{Batch, ConsumerConfig, FailurePolicy};

use crate::fixture::{Fixture, Gauge, LEASE, Latch, Log, simulated, text};

fn sessions(count: u32, each: u32) -> impl Iterator<Item = Message> {
    (0..each).flat_map(move |number| {
        let message =
            move |key| Message::new(number.to_string()).ordering_key(format!("session-{key}"));
        (0..count).map(message)
    })
}

#[tokio::test(start_paused = true)]
async fn sessions_run_side_by_side_and_each_in_order() {
    let fixture = Fixture::with_sessions().await;
    fixture.send_messages(sessions(10, 30)).await;
    let (log, latch, gauge) = (Log::default(), Latch::default(), Gauge::default());
    let clock = Arc::clone(&fixture.context.clock);
    let report = fixture
        .consumer()
        .concurrency(4)
        .handler({
            let (log, latch, gauge) = (log.clone(), latch.clone(), gauge.clone());
            move |message: Message, OrderingKey(key): OrderingKey| {
                log.push((
                    key.unwrap().to_string(),
                    text(&message).parse::<u32>().unwrap(),
                ));
                let (counted, latch) = (gauge.enter(), latch.clone());
                let sleep = clock.sleep_until(clock.now() + Duration::from_millis(5));
                async move {
                    sleep.await;
                    drop(counted);
                    latch.hit();
                }
            }
        })
        .run_until(latch.reached(300))
        .await
        .unwrap();
    assert_eq!((report.acked, gauge.max()), (300, 4));
    for key in 0..10 {
        let key = format!("session-{key}");
        let entries = log.entries().into_iter();
        let numbers = entries
            .filter(|(of, _)| *of == key)
            .map(|(_, number)| number);
        assert!(numbers.eq(0..30), "{key}");
    }
}

#[tokio::test(start_paused = true)]
async fn session_is_given_back_after_its_messages_age_or_idleness() {
    let fixture = Fixture::with_sessions().await;
    fixture.send_messages(sessions(2, 20)).await;
    let (log, latch) = (Log::default(), Latch::default());
    let config = ConsumerConfig {
        session_messages_max: 5.try_into().unwrap(),
        sessions_max: Some(1.try_into().unwrap()),
        ..ConsumerConfig::default()
    };
    fixture
        .consumer()
        .config(config)
        .handler({
            let (log, latch) = (log.clone(), latch.clone());
            move |OrderingKey(key): OrderingKey| {
                log.push(key.unwrap().to_string());
                latch.hit();
                async {}
            }
        })
        .run_until(latch.reached(40))
        .await
        .unwrap();
    let entries = log.entries();
    let turns = entries.chunk_by(|one, other| one == other).map(<[_]>::len);
    assert!(
        turns.clone().all(|turn| turn % 5 == 0),
        "{:?}",
        turns.collect::<Vec<_>>()
    );
    let first: HashSet<_> = entries[..10].iter().collect();
    assert_eq!(
        first.len(),
        2,
        "the second session had its turn after five messages"
    );
}

#[tokio::test(start_paused = true)]
async fn session_outlives_its_lease_while_it_is_worked_on() {
    let fixture = Fixture::with_sessions().await;
    fixture.send_messages(sessions(1, 3)).await;
    let (log, latch) = (Log::default(), Latch::default());
    let clock = Arc::clone(&fixture.context.clock);
    let report = fixture
        .consumer()
        .handler({
            let (log, latch) = (log.clone(), latch.clone());
            move |message: Message| {
                log.push(text(&message));
                let sleep = clock.sleep_until(clock.now() + LEASE * 3);
                let latch = latch.clone();
                async move {
                    sleep.await;
                    latch.hit();
                }
            }
        })
        .run_until(latch.reached(3))
        .await
        .unwrap();
    assert_eq!(log.entries(), ["0", "1", "2"]);
    assert_eq!((report.acked, report.lease_lost), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn lost_session_ends_as_lease_lost_and_runs_nothing_again() {
    let fixture = Fixture::with_sessions().await;
    fixture.send_messages(sessions(1, 5)).await;
    let (log, latch) = (Log::default(), Latch::default());
    let clock = Arc::clone(&fixture.context.clock);
    let running = fixture
        .consumer()
        .concurrency(1)
        .lease_total_max(LEASE)
        .batch_handler({
            let (log, latch) = (log.clone(), latch.clone());
            move |batch: Batch| {
                log.push(batch.len());
                let is_first = latch.hit() == 1;
                let takes = if is_first { LEASE * 2 } else { Duration::ZERO };
                let sleep = clock.sleep_until(clock.now() + takes);
                async move {
                    sleep.await;
                    Ok::<_, std::io::Error>(batch)
                }
            }
        })
        .start()
        .await
        .unwrap();
    fixture.pass(LEASE * 3).await;
    let report = running.shutdown(Duration::from_secs(1)).await.unwrap();
    assert_eq!(report.lease_lost, 5, "{report:?}");
    assert_eq!(
        report.acked, 5,
        "the next owner of the session handled them"
    );
}

/// Panics when it hears of the first start.
#[derive(Debug, Default)]
struct AfraidOnce(AtomicBool);

impl Observer for AfraidOnce {
    fn observe(&self, _: Instant, events: &[Event<'_>]) {
        let is_start = |event: &Event<'_>| matches!(event, Event::Started { .. });
        let is_first = events.iter().any(is_start) && !self.0.swap(true, SeqCst);
        assert!(!is_first, "a start");
    }
}

#[tokio::test(start_paused = true)]
async fn session_of_a_worker_that_panicked_is_kept_by_nobody() {
    let context = Context {
        observer: Some(Arc::new(AfraidOnce::default())),
        ..simulated()
    };
    let fixture = Fixture::with_sessions_of(context).await;
    let message = Message::new("order").ordering_key("7");
    fixture.send_messages([message]).await;
    let consumer = fixture.consumer().concurrency(1).handler(|| async {});
    let running = consumer.start().await.unwrap();
    running.failed().await;
    running.shutdown(LEASE).await.unwrap_err();
    fixture.pass(LEASE * 2).await;
    let latch = Latch::default();
    let done = latch.clone();
    let consumer = fixture.consumer().handler(move || {
        latch.hit();
        async {}
    });
    let report = consumer.run_until(fixture.pass(LEASE)).await.unwrap();
    assert_eq!((report.acked, done.count()), (1, 1));
}

/// Keeps which messages started, and which were settled.
#[derive(Debug, Default)]
struct Course(Mutex<Vec<(&'static str, String)>>);

impl Observer for Course {
    fn observe(&self, _: Instant, events: &[Event<'_>]) {
        let mut course = self.0.lock().unwrap();
        for event in events {
            match event {
                Event::Started { delivery, .. } => course.push(("start", text(&delivery.message))),
                Event::Settled { delivery, .. } => course.push(("settle", text(&delivery.message))),
                _ => {}
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_follows_a_spent_message_waits_until_that_is_a_dead_letter() {
    let course = Arc::new(Course::default());
    let context = Context {
        observer: Some(Arc::clone(&course) as _),
        ..simulated()
    };
    let fixture = Fixture::with_sessions_of(context).await;
    fixture.send_messages(sessions(1, 2)).await;
    let options = ReceiverOptions::default();
    let source = fixture.source();
    let sessions = fixture.memory.sessions(&source, options).await.unwrap();
    let session = sessions.accept(None, Duration::ZERO).await.unwrap();
    let session = session.unwrap();
    let mut deliveries = Vec::new();
    let request = ReceiveRequest::ONE;
    session.receive(request, &mut deliveries).await.unwrap();
    let first = Settling::new(deliveries.remove(0), Settlement::RELEASE);
    session.settle(&mut [first]).await.unwrap();
    session.close().await.unwrap();
    let latch = Latch::default();
    let handled = latch.clone();
    let config = ConsumerConfig {
        failure: FailurePolicy {
            attempts_max: Some(1.try_into().unwrap()),
            ..FailurePolicy::default()
        },
        ..ConsumerConfig::default()
    };
    // Of a batch both come at once.
    let consumer = fixture.consumer().config(config);
    let consumer = consumer.batch_handler(move |batch: Batch| {
        handled.hit();
        async { Ok::<_, std::io::Error>(batch) }
    });
    let report = consumer.run_until(latch.reached(1)).await.unwrap();
    assert_eq!((report.dead_lettered, report.acked), (1, 1));
    let text = |number: u32| number.to_string();
    assert_eq!(
        *course.0.lock().unwrap(),
        [("settle", text(0)), ("start", text(1)), ("settle", text(1))]
    );
}
