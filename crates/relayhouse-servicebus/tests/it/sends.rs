//! Sends: in batches, one by one where a batch is refused, and held back until their time.

use std::time::Duration;

use fe2o3_amqp_types::primitives::{Array, Value};
use relayhouse_core::{ErrorKind, Message, Outcome, Sending, port::Provider};

use crate::{
    broker::{Broker, Script},
    provider, sender,
};

const BATCH: u32 = 0x8001_3700;

fn batch(messages: impl IntoIterator<Item = Message>) -> Vec<Sending> {
    messages.into_iter().map(Sending::new).collect()
}

fn kinds(batch: &[Sending]) -> Vec<Option<ErrorKind>> {
    let kinds = batch.iter().map(|item| {
        assert!(!item.outcome.is_pending());
        item.outcome.error().map(relayhouse_core::Error::kind)
    });
    kinds.collect()
}

#[tokio::test]
async fn messages_of_one_key_leave_in_one_transfer() {
    let broker = Broker::start(Script::default()).await;
    let servicebus = provider(&broker);
    let sender = sender(&servicebus).await;
    let keyed = |key| Message::new("x").ordering_key(key);
    let mut batch = batch([keyed("a"), keyed("a"), keyed("b")]);
    sender.send(&mut batch).await.unwrap();
    assert_eq!(kinds(&batch), [None; 3]);
    assert_eq!(broker.script.lock().unwrap().formats, [BATCH, 0]);
    servicebus.close().await.unwrap();
}

/// The broker refuses a batch for the sake of one of its messages, and says it of all of them.
#[tokio::test]
async fn the_messages_of_a_batch_that_is_refused_are_sent_one_by_one() {
    let broker = Broker::start(Script {
        refusal: Some("amqp:not-allowed"),
        ..Script::default()
    })
    .await;
    let servicebus = provider(&broker);
    let sender = sender(&servicebus).await;
    let mut batch = batch([
        Message::new("one").id(1_u128),
        Message::new("two").dedup_id("x".repeat(200)),
        Message::new("three"),
    ]);
    sender.send(&mut batch).await.unwrap();
    assert_eq!(kinds(&batch), [None, Some(ErrorKind::MessageInvalid), None]);
    assert_eq!(broker.script.lock().unwrap().formats, [BATCH, 0, 0]);
    servicebus.close().await.unwrap();
}

#[tokio::test]
async fn a_queue_that_is_full_refuses_all_of_a_batch() {
    let broker = Broker::start(Script {
        refusal: Some("amqp:resource-limit-exceeded"),
        ..Script::default()
    })
    .await;
    let servicebus = provider(&broker);
    let sender = sender(&servicebus).await;
    let mut batch = batch([Message::new("one"), Message::new("two")]);
    sender.send(&mut batch).await.unwrap();
    assert_eq!(kinds(&batch), [Some(ErrorKind::Full); 2]);
    assert_eq!(broker.script.lock().unwrap().formats, [BATCH]);
    servicebus.close().await.unwrap();
}

#[tokio::test]
async fn a_message_that_is_held_back_has_a_number_to_cancel_it_by() {
    let numbers = Value::Array(Array::from(vec![Value::Long(41)]));
    let broker = Broker::start(Script {
        answers: [
            Ok(vec![("sequence-numbers", numbers)]),
            Ok(vec![]),
            Err("com.microsoft:message-not-found"),
        ]
        .into(),
        ..Script::default()
    })
    .await;
    let servicebus = provider(&broker);
    let sender = sender(&servicebus).await;
    let later = Message::new("later").delay(Duration::from_secs(60));
    let mut batch = batch([later, Message::new("now")]);
    sender.send(&mut batch).await.unwrap();
    let sequences = batch.iter().map(|item| match &item.outcome {
        Outcome::Done(sent) => sent.sequence,
        other => panic!("{other:?}"),
    });
    assert_eq!(sequences.collect::<Vec<_>>(), [Some(41), None]);
    let orders = "orders".parse().unwrap();
    servicebus.cancel_scheduled(&orders, 41).await.unwrap();
    let error = servicebus.cancel_scheduled(&orders, 41).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MessageNotFound);
    servicebus.close().await.unwrap();
    let script = broker.script.lock().unwrap();
    assert_eq!(script.sent.len(), 1);
    let cancel = "com.microsoft:cancel-scheduled-message";
    assert_eq!(
        script.asked,
        ["com.microsoft:schedule-message", cancel, cancel]
    );
}
