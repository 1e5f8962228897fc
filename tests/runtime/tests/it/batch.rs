//! Batch handlers: partial success, and bisection until the poison message is alone.

use std::{io, num::NonZeroU32, time::Duration};

use relayhouse_core::{Message, Settlement};
use relayhouse_runtime::{Batch, FailurePolicy};

use crate::fixture::{Fixture, Latch, Log, text};

fn bodies(batch: &Batch) -> Vec<String> {
    batch
        .deliveries()
        .iter()
        .map(|delivery| text(&delivery.message))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn each_delivery_of_a_batch_has_its_own_end() {
    let fixture = Fixture::new();
    fixture.send((0..10).map(|number| number.to_string())).await;
    let latch = Latch::default();
    let running = fixture
        .consumer()
        .concurrency(1)
        .batch_max(10)
        .batch_handler({
            let latch = latch.clone();
            move |mut batch: Batch| {
                latch.hit();
                for index in 0..batch.len() {
                    match text(&batch.deliveries()[index].message).as_str() {
                        "3" => batch.settle(index, Settlement::dead_letter("odd", "three")),
                        "5" => batch.fail(index, io::Error::other("again")),
                        _ => {}
                    }
                }
                batch.settle(99, Settlement::RELEASE);
                async move { Ok::<_, io::Error>(batch) }
            }
        })
        .start()
        .await
        .unwrap();
    fixture.pass(Duration::from_millis(1)).await;
    assert_eq!(latch.count(), 1, "one call for ten messages");
    fixture.pass(Duration::from_secs(600)).await;
    let report = running.shutdown(Duration::from_secs(1)).await.unwrap();
    assert_eq!(
        (report.acked, report.released, report.dead_lettered),
        (8, 4, 2)
    );
}

#[tokio::test(start_paused = true)]
async fn failing_batch_is_cut_until_the_poison_message_is_alone() {
    let fixture = Fixture::new();
    let poison = 6;
    fixture.send((0..16).map(|number| number.to_string())).await;
    let log = Log::default();
    let policy = FailurePolicy {
        attempts_max: NonZeroU32::new(1),
        ..FailurePolicy::default()
    };
    let running = fixture
        .consumer()
        .concurrency(1)
        .batch_max(16)
        .failure(policy)
        .batch_handler({
            let log = log.clone();
            move |batch: Batch| {
                let bodies = bodies(&batch);
                log.push(bodies.len());
                let is_poisoned = bodies.contains(&poison.to_string());
                async move {
                    if is_poisoned {
                        Err(io::Error::other("poison"))
                    } else {
                        Ok(batch)
                    }
                }
            }
        })
        .start()
        .await
        .unwrap();
    fixture.pass(Duration::from_secs(1)).await;
    let report = running.shutdown(Duration::from_secs(1)).await.unwrap();
    assert_eq!(
        (report.acked, report.dead_lettered, report.failed),
        (15, 1, 1)
    );
    assert_eq!(log.entries(), [16, 8, 4, 4, 2, 2, 1, 1, 8]);
    let dead = fixture.dead_letters().await;
    assert_eq!(text(&dead[0].message), poison.to_string());
}

#[tokio::test(start_paused = true)]
async fn panic_of_a_batch_handler_is_cut_the_same_way() {
    let fixture = Fixture::new();
    fixture.send(["a", "b", "poison", "c"]).await;
    let policy = FailurePolicy {
        attempts_max: NonZeroU32::new(1),
        ..FailurePolicy::default()
    };
    let running = fixture
        .consumer()
        .concurrency(1)
        .batch_max(4)
        .failure(policy)
        .batch_handler(|batch: Batch| async move {
            assert!(
                !bodies(&batch).contains(&"poison".to_owned()),
                "a panic the test wants"
            );
            Ok::<_, io::Error>(batch)
        })
        .start()
        .await
        .unwrap();
    fixture.pass(Duration::from_secs(1)).await;
    let report = running.shutdown(Duration::from_secs(1)).await.unwrap();
    assert_eq!((report.acked, report.dead_lettered), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn values_are_extracted_with_the_index_that_answers_for_them() {
    let fixture = Fixture::new();
    fixture.send(["a", "b"]).await;
    let log = Log::default();
    let running = fixture
        .consumer()
        .batch_handler({
            let log = log.clone();
            move |mut batch: Batch| {
                for (index, message) in batch.extract::<Message>() {
                    log.push((index, text(&message)));
                }
                async move { Ok::<_, io::Error>(batch) }
            }
        })
        .start()
        .await
        .unwrap();
    fixture.pass(Duration::from_millis(1)).await;
    running.shutdown(Duration::from_secs(1)).await.unwrap();
    assert_eq!(log.entries().len(), 2);
}
