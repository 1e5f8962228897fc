//! What becomes of messages, by what clients decide and by what the broker says to it.

use std::time::Duration;

use fe2o3_amqp::types::{
    definitions::{Error, ErrorCondition, Fields},
    messaging::Modified,
    primitives::{Symbol, Value},
};
use servicebus_emulator::{
    ManualClock,
    model::{QueueSettings, State, Value as Property},
};

use crate::client::{Client, builder, data, kept, receive, send};

#[tokio::test]
async fn accepted_messages_are_gone() {
    let emulator = builder().start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut sender = client.sender("orders").await;
    send(&mut sender, b"it").await;
    let mut receiver = client.receiver("orders").await;
    let received = receive(&mut receiver).await;
    assert_eq!(kept(&emulator, "orders").len(), 1);
    receiver.accept(&received).await.unwrap();
    client.close().await;
    assert_eq!(kept(&emulator, "orders"), []);
}

#[tokio::test]
async fn released_messages_come_back_uncounted() {
    let emulator = builder().start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut sender = client.sender("orders").await;
    send(&mut sender, b"it").await;
    let mut receiver = client.receiver("orders").await;
    let received = receive(&mut receiver).await;
    receiver.release(&received).await.unwrap();
    let again = receive(&mut receiver).await;
    assert_ne!(again.delivery_tag(), received.delivery_tag());
    assert_eq!(again.into_message().header.unwrap().delivery_count, 0);
    client.close().await;
}

#[tokio::test]
async fn modified_messages_come_back_or_are_put_aside() {
    let emulator = builder().start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut sender = client.sender("orders").await;
    send(&mut sender, b"it").await;
    let mut receiver = client.receiver("orders").await;
    let received = receive(&mut receiver).await;
    let abandoned = Modified {
        delivery_failed: Some(true),
        undeliverable_here: None,
        message_annotations: None,
    };
    receiver.modify(&received, abandoned.clone()).await.unwrap();
    let received = receive(&mut receiver).await;
    assert_eq!(
        received.message().header.as_ref().unwrap().delivery_count,
        1
    );
    let deferred = Modified {
        undeliverable_here: Some(true),
        ..abandoned
    };
    receiver.modify(&received, deferred).await.unwrap();
    client.close().await;
    assert_eq!(kept(&emulator, "orders")[0].state, State::Deferred);
}

#[tokio::test]
async fn rejected_messages_are_dead() {
    let emulator = builder().start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut sender = client.sender("orders").await;
    send(&mut sender, b"it").await;
    let mut receiver = client.receiver("orders").await;
    let received = receive(&mut receiver).await;
    let mut info = Fields::new();
    info.insert(Symbol::from("DeadLetterReason"), Value::from("why"));
    info.insert(Symbol::from("note"), Value::from(7));
    let condition = ErrorCondition::Custom(Symbol::from("com.microsoft:dead-letter"));
    let error = Error::new(condition, None, Some(info));
    receiver.reject(&received, error).await.unwrap();
    let mut dead = client.receiver("orders/$DeadLetterQueue").await;
    let received = receive(&mut dead).await;
    assert_eq!(data(&received), b"it");
    client.close().await;
    let dead = kept(&emulator, "orders/$deadletterqueue");
    let properties = &dead[0].message.contents.properties;
    assert_eq!(properties["DeadLetterReason"], Property::from("why"));
    assert_eq!(properties["note"], Property::Int(7));
}

/// The broker decides by its own clock that a lock is over, and the message comes back counted.
#[tokio::test]
async fn late_settlements_settle_nothing() {
    let clock = ManualClock::new();
    let mut short = QueueSettings::default();
    short.outlet.lock_duration = Duration::from_secs(5);
    let builder = builder().queue("short", short).clock(clock.clone());
    let emulator = builder.start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut sender = client.sender("short").await;
    send(&mut sender, b"it").await;
    let mut receiver = client.receiver("short").await;
    let received = receive(&mut receiver).await;
    clock.advance(Duration::from_secs(5));
    receiver.accept(&received).await.unwrap();
    let again = receive(&mut receiver).await;
    assert_eq!(data(&again), b"it");
    assert_eq!(again.message().header.as_ref().unwrap().delivery_count, 1);
    receiver.accept(&again).await.unwrap();
    client.close().await;
    assert_eq!(kept(&emulator, "short"), []);
}
