//! Correlation and deadline: what belongs to a message that is handled is gone with its handler.

use std::time::Duration;

use relayhouse_core::{Context, Delivery, Error, Message, Settlement, Timestamp, extract};
use relayhouse_middleware::{
    correlation::{CAUSATION_ID, CorrelationLayer},
    deadline::DeadlineLayer,
};
use tower::{ServiceBuilder, ServiceExt};

use crate::cancel::harness::{STEP, at_every_poll, context, delivery, message, pass};

/// Says what a message that is sent belongs to: what caused it, and its deadline.
type Belongs = (Option<String>, Option<Timestamp>);

async fn send(context: &Context) -> Belongs {
    let producer = ServiceBuilder::new()
        .layer(CorrelationLayer::new(context))
        .layer(DeadlineLayer::new(context))
        .service_fn(async |message: Message| Ok::<_, Error>(message));
    let sent = producer.oneshot(message()).await.unwrap();
    let cause = sent.headers().text(CAUSATION_ID).map(str::to_owned);
    (cause, extract::Deadline::of(&sent).0)
}

/// Handles a message, and sends one in between.
async fn handle(context: &Context, id: &'static str, deadline: Timestamp) -> Belongs {
    let handler = ServiceBuilder::new()
        .layer(CorrelationLayer::new(context))
        .layer(DeadlineLayer::new(context));
    let (sent, mut heard) = tokio::sync::mpsc::channel(1);
    let handler = handler.service_fn(move |_: Delivery| {
        let (context, sent) = (context.clone(), sent.clone());
        async move {
            pass(&context, STEP).await;
            sent.send(send(&context).await).await.unwrap();
            pass(&context, STEP).await;
            Ok::<_, Error>(Settlement::Ack)
        }
    });
    let mut arrived = delivery(id, 1);
    arrived.message = arrived.message.deadline(deadline);
    assert_eq!(handler.oneshot(arrived).await.unwrap(), Settlement::Ack);
    heard.recv().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn dropped_handler_leaves_nothing_of_its_message_behind() {
    at_every_poll(3, async |polls| {
        let context = context();
        let soon = context.clock.wall() + Duration::from_secs(60);
        let later = context.clock.wall() + Duration::from_secs(600);
        let (dropped, other) = tokio::join!(
            biased;
            polls.then_drop(handle(&context, "dropped", soon)),
            handle(&context, "other", later),
        );
        assert_eq!(other, (Some("other".to_owned()), Some(later)));
        assert_eq!(send(&context).await, (None, None));
        let ended = dropped.map(|belongs| {
            assert_eq!(belongs, (Some("dropped".to_owned()), Some(soon)));
        });
        ended.is_some()
    })
    .await;
}
