//! Handlers that block: on the pool where they may, and noticed where they may not.

use std::{io, sync::Arc, thread, time::Duration};

use relayhouse_core::{Context, Message, SeededRandom, Timestamp, extract::Attempt};
use relayhouse_testkit::clock::ManualClock;

use crate::fixture::{Fixture, LEASE, Latch, Log, text};

#[tokio::test]
async fn blocking_handler_runs_on_another_thread() {
    let fixture = Fixture::new();
    fixture.send(["a"]).await;
    let (log, latch) = (Log::default(), Latch::default());
    let report = fixture
        .consumer()
        .handler_blocking({
            let (log, latch) = (log.clone(), latch.clone());
            move |message: Message| {
                log.push((text(&message), thread::current().id()));
                latch.hit();
            }
        })
        .run_until(latch.reached(1))
        .await
        .unwrap();
    assert_eq!(report.acked, 1);
    let (body, thread) = log.entries().remove(0);
    assert_eq!(body, "a");
    assert_ne!(thread, thread::current().id());
}

#[tokio::test]
async fn blocking_handler_that_fails_or_panics_is_tried_again() {
    let fixture = Fixture::new();
    fixture.send(["a"]).await;
    let latch = Latch::default();
    let report = fixture
        .consumer()
        .handler_blocking({
            let latch = latch.clone();
            move |Attempt(attempt): Attempt| match attempt {
                1 => Err(io::Error::other("no stock")),
                2 => panic!("a panic that the test wants"),
                _ => {
                    latch.hit();
                    Ok(())
                }
            }
        })
        .run_until(latch.reached(1))
        .await
        .unwrap();
    assert_eq!((report.failed, report.panicked, report.acked), (2, 1, 1));
}

/// Runs a handler whose one poll takes `time`, and returns stalls, acks and lost leases.
async fn poll_of(time: Duration) -> (u64, u64, u64) {
    let clock = ManualClock::new(Timestamp::from_micros(1_700_000_000_000_000));
    let random = Arc::new(SeededRandom::new(7));
    let fixture = Fixture::with_context(Context::new(Arc::new(clock.clone()), random));
    fixture.send(["a"]).await;
    let latch = Latch::default();
    let running = fixture
        .consumer()
        .workers(1)
        .handler({
            let latch = latch.clone();
            move || {
                let is_first = latch.hit() == 1;
                if is_first {
                    clock.advance(time);
                }
                async {}
            }
        })
        .start()
        .await
        .unwrap();
    latch.reached(1).await;
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    let report = running.shutdown(Duration::from_secs(1)).await.unwrap();
    (report.stalls, report.acked.min(1), report.lease_lost)
}

#[tokio::test]
async fn poll_that_holds_its_thread_is_counted() {
    assert_eq!(poll_of(Duration::from_millis(99)).await, (0, 1, 0));
    assert_eq!(poll_of(Duration::from_millis(100)).await, (1, 1, 0));
}

#[tokio::test]
async fn lease_that_ended_in_a_stall_is_lost_and_not_settled() {
    let (stalls, _, lease_lost) = poll_of(LEASE).await;
    assert_eq!((stalls, lease_lost), (1, 1));
}
