//! A message whose last delivery ended without a settle runs alone.

use std::{sync::Arc, time::Duration};

use relayhouse_core::Message;
use relayhouse_runtime::Suspects;

use crate::fixture::{Fixture, Gauge, LEASE, Latch, Log, text};

/// Runs a suspect among 40 others, and returns how many ran beside it.
async fn neighbours(suspects: Suspects) -> usize {
    let fixture = Fixture::new();
    fixture.send(["suspect"]).await;
    // Its consumer crashed: nobody settles it.
    assert_eq!(fixture.take(&fixture.source()).await.len(), 1);
    fixture.pass(LEASE).await;
    fixture.send((0..40).map(|number| number.to_string())).await;
    let (gauge, beside, latch) = (Gauge::default(), Log::default(), Latch::default());
    let running_now = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let clock = Arc::clone(&fixture.context.clock);
    fixture
        .consumer()
        .concurrency(8)
        .workers(4)
        .suspects(suspects)
        .handler({
            let (gauge, beside, latch) = (gauge.clone(), beside.clone(), latch.clone());
            move |message: Message| {
                use std::sync::atomic::Ordering::SeqCst;
                let (counted, latch) = (gauge.enter(), latch.clone());
                let (running_now, beside) = (Arc::clone(&running_now), beside.clone());
                let is_suspect = text(&message) == "suspect";
                running_now.fetch_add(1, SeqCst);
                let sleep = clock.sleep_until(clock.now() + Duration::from_millis(10));
                async move {
                    let before = running_now.load(SeqCst) - 1;
                    sleep.await;
                    let after = running_now.fetch_sub(1, SeqCst) - 1;
                    if is_suspect {
                        beside.push(before.max(after));
                    }
                    drop(counted);
                    latch.hit();
                }
            }
        })
        .run_until(latch.reached(41))
        .await
        .unwrap();
    assert_eq!(gauge.max(), 8);
    beside.entries()[0]
}

#[tokio::test(start_paused = true)]
async fn suspect_runs_alone() {
    assert_eq!(neighbours(Suspects::Isolate).await, 0);
}

#[tokio::test(start_paused = true)]
async fn suspect_runs_beside_others_if_asked_to() {
    assert_ne!(neighbours(Suspects::Mix).await, 0);
}
