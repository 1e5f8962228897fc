//! What becomes of messages whose handlers fail.

use std::{io, num::NonZeroU32, sync::Arc, time::Duration};

use relayhouse_core::{
    Delivery, Error, ErrorKind, FromDelivery, Jitter, Message, Result, Retry, Settlement,
    extract::Attempt,
};
use relayhouse_runtime::FailurePolicy;

use crate::fixture::{Fixture, Latch, Log};

/// Cannot be drawn from any delivery.
struct NotDecodable;

impl<S> FromDelivery<S> for NotDecodable {
    fn from_delivery(_: &Delivery, _: &S) -> Result<Self> {
        Err(Error::new(ErrorKind::Codec, "this is no order"))
    }
}

#[tokio::test(start_paused = true)]
async fn error_panic_and_timeout_are_never_acked() {
    let fixture = Fixture::new();
    fixture.send(["error", "panic", "timeout"]).await;
    let (log, latch) = (Log::default(), Latch::default());
    let clock = Arc::clone(&fixture.context.clock);
    let report = fixture
        .consumer()
        .handler_timeout(Duration::from_secs(1))
        .handler({
            let (log, latch) = (log.clone(), latch.clone());
            move |message: Message, Attempt(attempt): Attempt| {
                let (log, latch) = (log.clone(), latch.clone());
                let sleep = clock.sleep_until(clock.now() + Duration::from_secs(10));
                async move {
                    log.push((crate::fixture::text(&message), attempt));
                    if attempt == 1 {
                        match &*message.body {
                            b"error" => return Err(io::Error::other("no stock")),
                            b"panic" => panic!("a panic that the test wants"),
                            _ => sleep.await,
                        }
                    }
                    latch.hit();
                    Ok(())
                }
            }
        })
        .run_until(latch.reached(3))
        .await
        .unwrap();
    let mut entries = log.entries();
    entries.sort();
    let expected = ["error", "panic", "timeout"].map(|body| [(body, 1), (body, 2)]);
    let expected: Vec<(String, u32)> = expected
        .into_iter()
        .flatten()
        .map(|(body, attempt)| (body.to_owned(), attempt))
        .collect();
    assert_eq!(entries, expected);
    assert_eq!((report.failed, report.panicked, report.acked), (3, 1, 3));
}

#[tokio::test(start_paused = true)]
async fn message_is_dead_lettered_exactly_when_its_attempts_are_used_up() {
    let fixture = Fixture::new();
    fixture
        .send_messages([Message::new("poison")
            .id("order-7")
            .header("tenant", "acme")])
        .await;
    let latch = Latch::default();
    let policy = FailurePolicy {
        attempts_max: NonZeroU32::new(3),
        ..FailurePolicy::default()
    };
    let running = fixture
        .consumer()
        .failure(policy)
        .handler({
            let latch = latch.clone();
            move || {
                latch.hit();
                async { Err::<(), _>(io::Error::other("no stock")) }
            }
        })
        .start()
        .await
        .unwrap();
    fixture.pass(Duration::from_secs(3600)).await;
    let report = running.shutdown(Duration::from_secs(1)).await.unwrap();
    assert_eq!(
        (latch.count(), report.released, report.dead_lettered),
        (3, 2, 1)
    );
    let dead = fixture.dead_letters().await;
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].id.to_string(), "order-7");
    assert_eq!(dead[0].message.headers().text("tenant"), Some("acme"));
    let envelope = dead[0].envelope.as_ref().unwrap();
    assert_eq!(envelope.attempts, 3);
    assert_eq!(envelope.dead_letter.reason, "attempts-exhausted");
    assert!(envelope.dead_letter.description.contains("no stock"));
    assert_eq!(envelope.source, fixture.source());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_decoded_is_dead_lettered_at_once() {
    let fixture = Fixture::new();
    fixture.send(["garbage"]).await;
    let running = fixture
        .consumer()
        .handler(|_: NotDecodable| async {})
        .start()
        .await
        .unwrap();
    fixture.pass(Duration::from_secs(1)).await;
    let report = running.shutdown(Duration::from_secs(1)).await.unwrap();
    assert_eq!(
        (report.received, report.acked, report.dead_lettered),
        (1, 0, 1)
    );
    let dead = fixture.dead_letters().await;
    assert_eq!(
        dead[0].envelope.as_ref().unwrap().dead_letter.reason,
        "not-decodable"
    );
}

#[tokio::test(start_paused = true)]
async fn permanent_error_is_not_tried_again() {
    let fixture = Fixture::new();
    fixture.send(["order"]).await;
    let latch = Latch::default();
    let consumer = fixture.consumer().handler({
        let latch = latch.clone();
        move || {
            latch.hit();
            let error = Error::new(ErrorKind::Handler, "no such order").retry(Retry::Permanent);
            async move { Err::<(), _>(error) }
        }
    });
    let running = consumer.start().await.unwrap();
    fixture.pass(Duration::from_secs(3600)).await;
    running.shutdown(Duration::from_secs(1)).await.unwrap();
    assert_eq!(latch.count(), 1);
    let dead = fixture.dead_letters().await;
    assert_eq!(
        dead[0].envelope.as_ref().unwrap().dead_letter.reason,
        "rejected"
    );
}

#[tokio::test(start_paused = true)]
async fn back_off_doubles_between_attempts() {
    let fixture = Fixture::new();
    fixture.send(["order"]).await;
    let log = Log::default();
    let clock = Arc::clone(&fixture.context.clock);
    let policy = FailurePolicy {
        jitter: Jitter::None,
        ..FailurePolicy::default()
    };
    let running = fixture
        .consumer()
        .failure(policy)
        .handler({
            let log = log.clone();
            move || {
                log.push(clock.now());
                async { Err::<(), _>(io::Error::other("no stock")) }
            }
        })
        .start()
        .await
        .unwrap();
    fixture.pass(Duration::from_secs(60)).await;
    running.shutdown(Duration::from_secs(1)).await.unwrap();
    let starts = log.entries();
    let gaps = starts
        .windows(2)
        .map(|pair| pair[1].since(pair[0]).as_millis());
    let expected = [100, 200, 400, 800];
    for (gap, expected) in gaps.zip(expected) {
        assert!(
            (expected..expected + 10).contains(&gap),
            "{gap} ms instead of {expected}"
        );
    }
    assert_eq!(starts.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn settlement_that_a_handler_returns_is_final() {
    let fixture = Fixture::new();
    fixture.send(["order"]).await;
    let latch = Latch::default();
    let consumer = fixture.consumer().handler({
        let latch = latch.clone();
        move |Attempt(attempt): Attempt| {
            latch.hit();
            async move {
                match attempt {
                    1 => Settlement::Release {
                        delay: Duration::from_secs(60),
                    },
                    _ => Settlement::dead_letter("unpaid", "the order was never paid"),
                }
            }
        }
    });
    let running = consumer.start().await.unwrap();
    fixture.pass(Duration::from_secs(59)).await;
    assert_eq!(latch.count(), 1, "the release delay holds");
    fixture.pass(Duration::from_secs(2)).await;
    running.shutdown(Duration::from_secs(1)).await.unwrap();
    let dead = fixture.dead_letters().await;
    assert_eq!(
        dead[0].envelope.as_ref().unwrap().dead_letter.reason,
        "unpaid"
    );
}
