//! Layers that keep nothing: dropping the future drops the call, and that is all.

use relayhouse_core::{Delivery, Error, ErrorKind, Message, Settlement};
use relayhouse_middleware::{
    catch_panic::CatchPanicLayer,
    compression::{CompressionLayer, Encoding},
};
use tower::{Layer, ServiceExt, service_fn};

use crate::cancel::harness::{Inner, STEP, at_every_poll, context, delivery, message, pass};

/// A call that would have panicked and is dropped before has not, and the next one is caught.
#[tokio::test(start_paused = true)]
async fn dropped_call_does_not_panic_any_more() {
    at_every_poll(2, async |polls| {
        let context = context();
        let inner = Inner::new(1, &context);
        let producer = inner.producer();
        let falls_over = CatchPanicLayer::new().layer(service_fn(move |message: Message| {
            let call = producer.clone().oneshot(message);
            async move {
                call.await?;
                fall_over()
            }
        }));
        let ended = polls.then_drop(falls_over.clone().oneshot(message())).await;
        assert_eq!(inner.in_flight(), 0);
        let next = falls_over.oneshot(message()).await.unwrap_err();
        assert_eq!(next.kind(), ErrorKind::Panicked);
        ended.is_some_and(|it| it.is_err())
    })
    .await;
}

fn fall_over() -> Result<(), Error> {
    panic!("the body is empty")
}

/// What a dropped call has used to restore a body is there for the next.
#[tokio::test(start_paused = true)]
async fn dropped_call_restores_nothing_for_the_next() {
    let body = "seven".repeat(1_000);
    at_every_poll(2, async |polls| {
        let context = context();
        let layer = CompressionLayer::new(Encoding::default()).bytes_min(100);
        let compress = layer.layer(service_fn(async |message: Message| Ok::<_, Error>(message)));
        let compressed = compress.oneshot(Message::new(body.clone())).await.unwrap();
        assert!(compressed.body.len() < body.len());
        let arrived = Delivery {
            message: compressed,
            ..delivery("7", 1)
        };
        let expected = body.clone();
        let handler = layer.layer(service_fn(move |delivery: Delivery| {
            assert_eq!(delivery.message.body, expected);
            let context = context.clone();
            async move {
                pass(&context, STEP).await;
                Ok::<_, Error>(Settlement::Ack)
            }
        }));
        let ended = polls
            .then_drop(handler.clone().oneshot(arrived.clone()))
            .await;
        assert_eq!(handler.oneshot(arrived).await.unwrap(), Settlement::Ack);
        ended.is_some()
    })
    .await;
}
