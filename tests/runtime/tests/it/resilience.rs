//! Layers of the middleware around a handler, with the consumer's own failure policy behind them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use relayhouse_core::{Error, ErrorKind, Instant};
use relayhouse_middleware::{
    breaker::{BreakerLayer, Open, State},
    retry::RetryLayer,
};

use crate::fixture::{Fixture, Latch};

fn failure() -> Error {
    Error::new(ErrorKind::Handler, "the database is away")
}

/// Tries in the process and redeliveries are five together, and the fifth ends as a dead letter.
#[tokio::test(start_paused = true)]
async fn retries_and_redeliveries_share_one_budget() {
    let fixture = Fixture::new();
    fixture.send(["poison"]).await;
    let latch = Latch::default();
    let handler = {
        let latch = latch.clone();
        move || {
            latch.hit();
            async { Err::<(), _>(failure()) }
        }
    };
    let layer = RetryLayer::new(&fixture.context);
    let consumer = fixture.consumer().layer(layer).handler(handler);
    let running = consumer.start().await.unwrap();
    latch.reached(5).await;
    fixture.pass(Duration::from_secs(300)).await;
    running.shutdown(Duration::from_secs(10)).await.unwrap();
    assert_eq!(latch.count(), 5);
    let letters = fixture.dead_letters().await;
    let [letter] = letters.as_slice() else {
        panic!("{} dead letters", letters.len());
    };
    let envelope = letter.envelope.as_ref().unwrap();
    assert_eq!(envelope.dead_letter.reason, "attempts-exhausted");
    assert!(envelope.attempts < 5, "{} deliveries", envelope.attempts);
}

/// In an outage of ten minutes a breaker stops the intake, so that no message uses its attempts up.
#[tokio::test(start_paused = true)]
async fn open_breaker_pauses_the_intake_and_saves_attempts() {
    let fixture = Fixture::new();
    fixture.send((0..20).map(|number| number.to_string())).await;
    let layer = BreakerLayer::new("database", Open::Pause, &fixture.context);
    let is_down = Arc::new(AtomicBool::new(true));
    let (calls, done) = (Arc::new(AtomicU32::new(0)), Latch::default());
    let handler = {
        let (is_down, calls) = (Arc::clone(&is_down), Arc::clone(&calls));
        let done = done.clone();
        move || {
            calls.fetch_add(1, SeqCst);
            let is_down = is_down.load(SeqCst);
            let done = done.clone();
            async move {
                if is_down {
                    return Err(failure());
                }
                done.hit();
                Ok(())
            }
        }
    };
    let consumer = fixture.consumer().concurrency(1).workers(1);
    let consumer = consumer.layer(layer.clone()).handler(handler);
    let running = consumer.start().await.unwrap();
    fixture.pass(Duration::from_secs(600)).await;
    assert_ne!(layer.state(), State::Closed);
    // Five failures open it, and each half minute one probe finds the outage still there.
    let made = calls.load(SeqCst);
    assert!((20..=5 + 20).contains(&made), "{made} calls");
    is_down.store(false, SeqCst);
    done.reached(20).await;
    let recovered = fixture.context.clock.now().since(Instant::START);
    let report = running.shutdown(Duration::from_secs(10)).await.unwrap();
    assert_eq!(report.acked, 20);
    assert!(fixture.dead_letters().await.is_empty());
    let within = Duration::from_secs(600 + 31);
    assert!(recovered < within, "{recovered:?}");
}
