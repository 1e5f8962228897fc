//! Deadlines of what is sent and of what is handled.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use relayhouse_core::{
    Context, Delivery, Error, ErrorKind, Instant, Message, Result, Sent, Settlement, Timestamp,
    config::Params, extract,
};
use tower::{Service, ServiceExt, service_fn};
use tower_layer::Layer;

use super::{Deadline, DeadlineConfig, DeadlineLayer, Late};
use crate::{
    correlation::CorrelationLayer,
    sync::lock,
    testing::{context, delivery},
};

const SECOND: Duration = Duration::from_secs(1);

type Outbox = Arc<Mutex<Vec<Message>>>;

fn producer(
    layer: &DeadlineLayer,
    outbox: &Outbox,
) -> Deadline<impl Service<Message, Response = Sent, Error = Error, Future: Send> + Clone + use<>> {
    let outbox = Arc::clone(outbox);
    layer.layer(service_fn(move |message: Message| {
        lock(&outbox).push(message);
        async { Ok::<_, Error>(Sent::default()) }
    }))
}

fn until(id: &str, deadline: Option<Timestamp>) -> Delivery {
    let mut delivery = delivery(id, 1, Instant::NEVER);
    if let Some(deadline) = deadline {
        delivery.message = delivery.message.deadline(deadline);
    }
    delivery
}

fn deadline(message: &Message) -> Option<Timestamp> {
    extract::Deadline::of(message).0
}

async fn wait(context: &Context, time: Duration) {
    let clock = &context.clock;
    clock.sleep_until(clock.now() + time).await;
}

#[tokio::test(start_paused = true)]
async fn message_past_its_deadline_is_not_sent() {
    let context = context();
    let outbox = Outbox::default();
    let mut producer = producer(&DeadlineLayer::new(&context), &outbox);
    let at = context.clock.wall() + SECOND;
    producer.call(Message::new("").deadline(at)).await.unwrap();
    wait(&context, SECOND).await;
    let late = producer.call(Message::new("").deadline(at)).await;
    let error = late.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.is_permanent());
    assert_eq!(lock(&outbox).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn limit_is_for_messages_that_say_nothing() {
    let context = context();
    let config = DeadlineConfig {
        limit: Some(10 * SECOND),
        ..DeadlineConfig::default()
    };
    let outbox = Outbox::default();
    let mut producer = producer(&DeadlineLayer::with_config(config, &context), &outbox);
    let own = context.clock.wall() + 60 * SECOND;
    producer.call(Message::new("")).await.unwrap();
    producer.call(Message::new("").deadline(own)).await.unwrap();
    let sent = lock(&outbox);
    assert_eq!(deadline(&sent[0]), Some(context.clock.wall() + 10 * SECOND));
    assert_eq!(deadline(&sent[1]), Some(own));
}

#[tokio::test(start_paused = true)]
async fn late_delivery_is_settled_without_its_handler() {
    let context = context();
    for late in [Late::DeadLetter, Late::Ack] {
        let config = DeadlineConfig {
            late,
            ..DeadlineConfig::default()
        };
        let layer = DeadlineLayer::with_config(config, &context);
        let handler = layer.layer(service_fn(|_: Delivery| async {
            Err::<Settlement, _>(Error::new(ErrorKind::Handler, "ran"))
        }));
        let past = until("7", Some(context.clock.wall()));
        let settlement = handler.clone().oneshot(past).await.unwrap();
        match settlement {
            Settlement::DeadLetter(letter) => {
                assert_eq!(late, Late::DeadLetter);
                assert_eq!(letter.reason, "expired");
            }
            settlement => assert_eq!((settlement, late), (Settlement::Ack, Late::Ack)),
        }
        let timely = until("7", Some(context.clock.wall() + SECOND));
        assert_eq!(
            handler.clone().oneshot(timely).await.unwrap_err().message(),
            "ran"
        );
        let without = until("7", None);
        assert_eq!(handler.oneshot(without).await.unwrap_err().message(), "ran");
    }
}

/// What a handler sends inherits its deadline, also through other layers and after a wait.
#[tokio::test(start_paused = true)]
async fn sends_of_a_handler_inherit_its_deadline() {
    let context = context();
    let layer = DeadlineLayer::new(&context);
    let outbox = Outbox::default();
    let producer = producer(&layer, &outbox);
    let handler = service_fn(move |_: Delivery| {
        let mut producer = producer.clone();
        async move {
            tokio::task::yield_now().await;
            producer.call(Message::new("")).await?;
            Ok::<_, Error>(Settlement::Ack)
        }
    });
    let handler = layer.layer(CorrelationLayer::new(&context).layer(handler));
    let at = context.clock.wall() + SECOND;
    handler.clone().oneshot(until("7", Some(at))).await.unwrap();
    handler.oneshot(until("8", None)).await.unwrap();
    let sent = lock(&outbox);
    assert_eq!(deadline(&sent[0]), Some(at));
    assert_eq!(deadline(&sent[1]), None);
}

/// Of a batch the late ones are settled, the others handled, and each answer is in its place.
#[tokio::test(start_paused = true)]
async fn batch_is_handled_without_its_late_ones() {
    let context = context();
    let layer = DeadlineLayer::new(&context);
    let mut handler = layer.layer(service_fn(|batch: Vec<Delivery>| async move {
        let answer = |delivery: Delivery| match delivery.id.to_string().as_str() {
            "b" => Ok(Settlement::RELEASE),
            _ => Ok(Settlement::Ack),
        };
        Ok::<_, Error>(batch.into_iter().map(answer).collect::<Vec<_>>())
    }));
    let past = Some(context.clock.wall());
    let batch = vec![until("a", None), until("x", past), until("b", None)];
    let answers: Result<Vec<Settlement>> = handler.call(batch).await.unwrap().into_iter().collect();
    let answers = answers.unwrap();
    assert_eq!(answers[0], Settlement::Ack);
    assert!(matches!(answers[1], Settlement::DeadLetter(_)));
    assert_eq!(answers[2], Settlement::RELEASE);
    let answers = handler.call(vec![until("x", past)]).await.unwrap();
    assert!(matches!(answers[..], [Ok(Settlement::DeadLetter(_))]));
}

#[test]
fn options_are_read_from_text() {
    let params = Params::from_pairs([("limit", "30s"), ("late", "ack")]);
    let config: DeadlineConfig = params.unwrap().read().unwrap();
    assert_eq!(config.limit, Some(30 * SECOND));
    assert_eq!(config.late, Late::Ack);
}
