//! Messages, sent and received.

use crate::client::{Client, builder, data, kept, receive, send};
use fe2o3_amqp::{
    Sendable, Sender,
    types::{
        definitions::{AmqpError, ErrorCondition},
        messaging::{ApplicationProperties, Body, Data, Message, MessageId, Properties},
        primitives::{Binary, OrderedMap, SimpleValue, Value},
    },
};

const FORMAT_BATCH: u32 = 0x8001_3700;

#[tokio::test]
async fn messages_arrive_as_they_were_sent() {
    let emulator = builder().start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut sender = client.sender("orders").await;
    let mut properties = OrderedMap::new();
    properties.insert("count".to_owned(), SimpleValue::Int(7));
    let message = Message::builder()
        .properties(
            Properties::builder()
                .message_id(MessageId::Ulong(5))
                .subject("a subject")
                .reply_to("there")
                .build(),
        )
        .application_properties(ApplicationProperties(properties.clone()))
        .value(Value::from(vec![1, 2]))
        .build();
    assert!(sender.send(message).await.unwrap().is_accepted());

    let mut receiver = client.receiver("orders").await;
    let received = receive(&mut receiver).await;
    assert_eq!(received.delivery_tag().len(), 16, "the tag is a lock token");
    let message = received.into_message();
    assert_eq!(message.header.unwrap().delivery_count, 0);
    let found = message.properties.unwrap();
    assert_eq!(found.message_id, Some(MessageId::Ulong(5)));
    assert_eq!(found.subject.as_deref(), Some("a subject"));
    assert_eq!(found.reply_to.as_deref(), Some("there"));
    assert_eq!(message.application_properties.unwrap().0, properties);
    let Body::Value(body) = message.body else {
        panic!("the body is of another kind");
    };
    assert_eq!(body.0, Value::from(vec![1, 2]));
    let annotations = message.message_annotations.unwrap().0;
    let sequence = annotations
        .iter()
        .find(|(key, _)| format!("{key:?}").contains("sequence-number"));
    assert!(
        matches!(sequence, Some((_, Value::Long(_)))),
        "{annotations:?}"
    );
    client.close().await;
    emulator.close().await;
}

#[tokio::test]
async fn batches_are_taken_apart() {
    let emulator = builder().start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut sender = client.sender("orders").await;
    // Two messages of one byte each, by hand from the specification.
    let parts = [*b"\x00\x53\x75\xa0\x01a", *b"\x00\x53\x75\xa0\x01b"];
    let parts = parts.map(|part| Data(Binary::from(part.to_vec())));
    let message = Message::builder().data_batch(parts.to_vec()).build();
    let batch = Sendable::builder()
        .message(message)
        .message_format(FORMAT_BATCH)
        .build();
    assert!(sender.send(batch).await.unwrap().is_accepted());
    let mut receiver = client.receiver("orders").await;
    for expected in [b"a", b"b"] {
        let received = receive(&mut receiver).await;
        assert_eq!(data(&received), expected);
        receiver.accept(&received).await.unwrap();
    }
    client.close().await;
    assert_eq!(kept(&emulator, "orders"), []);
}

#[tokio::test]
async fn large_messages_come_whole() {
    let emulator = builder().start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut sender = client.sender("orders").await;
    let body = (0..200_000_u32)
        .map(|at| at.to_be_bytes()[3])
        .collect::<Vec<_>>();
    send(&mut sender, &body).await;
    let mut receiver = client.receiver("orders").await;
    let received = receive(&mut receiver).await;
    assert_eq!(data(&received), body);
    client.close().await;
}

#[tokio::test]
async fn credit_bounds_what_is_locked() {
    let emulator = builder().start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut sender = client.sender("orders").await;
    for at in 0..5 {
        send(&mut sender, &[at]).await;
    }
    let mut receiver = client.receiver("orders").await;
    receiver.set_credit(2).await.unwrap();
    for expected in 0..2_u8 {
        let received = receiver.recv().await.unwrap();
        assert_eq!(data(&received), [expected]);
        receiver.accept(&received).await.unwrap();
    }
    // Nobody has what there was no credit for: another receiver gets it at once.
    let mut other = Client::connect(&emulator).await;
    let mut second = other.receiver("orders").await;
    assert_eq!(data(&receive(&mut second).await), [2]);
    other.close().await;
    client.close().await;
}

#[tokio::test]
async fn drain_ends_without_messages() {
    let emulator = builder().start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut receiver = client.receiver("orders").await;
    receiver.set_credit(10).await.unwrap();
    receiver.drain().await.unwrap();
    // The credit was given back, so that a message stays where it is.
    let mut sender = client.sender("orders").await;
    send(&mut sender, b"it").await;
    let mut other = Client::connect(&emulator).await;
    let mut second = other.receiver("orders").await;
    assert_eq!(data(&receive(&mut second).await), b"it");
    other.close().await;
    client.close().await;
}

#[tokio::test]
async fn waiting_receivers_are_woken() {
    let emulator = builder().start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut receiver = client.receiver("orders").await;
    receiver.set_credit(1).await.unwrap();
    let mut other = Client::connect(&emulator).await;
    let mut sender = other.sender("orders").await;
    let sent = send(&mut sender, b"it");
    let (received, ()) = tokio::join!(receiver.recv(), sent);
    assert_eq!(data(&received.unwrap()), b"it");
    other.close().await;
    client.close().await;
}

#[tokio::test]
async fn unknown_entities_are_refused() {
    let emulator = builder().start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let refused = Sender::attach(&mut client.session, "sender", "nothing")
        .await
        .unwrap_err();
    let not_found = ErrorCondition::AmqpError(AmqpError::NotFound);
    assert!(
        format!("{refused:?}").contains(&format!("{not_found:?}")),
        "{refused:?}"
    );
    client.close().await;
}

#[tokio::test]
async fn an_emulator_ends_with_clients_on_it() {
    let emulator = builder().start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut receiver = client.receiver("orders").await;
    receiver.set_credit(1).await.unwrap();
    let received = async { receiver.recv::<Body<Value>>().await };
    let (received, ()) = tokio::join!(received, emulator.close());
    assert!(received.is_err());
}
