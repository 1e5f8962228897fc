//! Requests to entities.

use fe2o3_amqp::types::{
    messaging::{Message, Modified, Properties},
    primitives::{Array, Timestamp, Uuid, Value},
};
use servicebus_emulator::model::{State, SubscriptionSettings, TopicSettings};

use crate::client::{Asking, Client, builder, kept, map, receive, send};

#[tokio::test]
async fn messages_are_peeked() {
    let emulator = builder().start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut asking = Asking::attach(&mut client, "orders/$management").await;
    let from_first = || {
        map([
            ("from-sequence-number", Value::Long(0)),
            ("message-count", Value::Int(10)),
        ])
    };
    assert_eq!(
        asking
            .ask("com.microsoft:peek-message", from_first())
            .await
            .status,
        204
    );
    let mut sender = client.sender("orders").await;
    send(&mut sender, b"one").await;
    send(&mut sender, b"two").await;
    let answer = asking.ask("com.microsoft:peek-message", from_first()).await;
    assert_eq!(answer.status, 200);
    assert!(matches!(&answer.body["messages"], Value::List(messages) if messages.len() == 2));
    client.close().await;
}

#[tokio::test]
async fn locks_are_renewed_and_settled_by_their_tokens() {
    let emulator = builder().start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut sender = client.sender("orders").await;
    send(&mut sender, b"it").await;
    let mut receiver = client.receiver("orders").await;
    let received = receive(&mut receiver).await;
    // A tag has the bytes of a GUID, whose first three fields are the other way around.
    let mut token = <[u8; 16]>::try_from(&received.delivery_tag()[..]).unwrap();
    token[..4].reverse();
    token[4..6].reverse();
    token[6..8].reverse();
    let tokens = || {
        let tokens = Array::from(vec![Value::Uuid(Uuid::from(token))]);
        ("lock-tokens", Value::Array(tokens))
    };
    let mut asking = Asking::attach(&mut client, "orders/$management").await;
    let answer = asking
        .ask("com.microsoft:renew-lock", map([tokens()]))
        .await;
    assert!(matches!(&answer.body["expirations"], Value::Array(ends) if ends.len() == 1));
    let completed = || map([("disposition-status", Value::from("completed")), tokens()]);
    let answer = asking
        .ask("com.microsoft:update-disposition", completed())
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(kept(&emulator, "orders"), []);
    let answer = asking
        .ask("com.microsoft:update-disposition", completed())
        .await;
    assert_eq!(answer.status, 410);
    assert_eq!(
        answer.condition.as_deref(),
        Some("com.microsoft:message-lock-lost")
    );
    client.close().await;
}

#[tokio::test]
async fn messages_are_scheduled_and_taken_back() {
    let emulator = builder().start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut asking = Asking::attach(&mut client, "orders/$management").await;
    // Annotations of one entry, the end of the year 2100, and a body of one byte.
    let mut message = b"\x00\x53\x72\xc1\x28\x02\xa3\x1cx-opt-scheduled-enqueue-time\x83".to_vec();
    message.extend_from_slice(&4_133_980_799_000_i64.to_be_bytes());
    message.extend_from_slice(b"\x00\x53\x75\xa0\x01a");
    let item = map([("message", Value::Binary(message.into()))]);
    let body = map([("messages", Value::List(vec![item]))]);
    let answer = asking.ask("com.microsoft:schedule-message", body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let numbers = answer.body["sequence-numbers"].clone();
    assert!(matches!(&numbers, Value::Array(numbers) if numbers.len() == 1));
    assert_eq!(kept(&emulator, "orders")[0].state, State::Scheduled);
    let body = || map([("sequence-numbers", numbers.clone())]);
    let answer = asking
        .ask("com.microsoft:cancel-scheduled-message", body())
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(kept(&emulator, "orders"), []);
    let answer = asking
        .ask("com.microsoft:cancel-scheduled-message", body())
        .await;
    assert_eq!(answer.status, 404);
    client.close().await;
}

#[tokio::test]
async fn deferred_messages_are_received_by_number() {
    let emulator = builder().start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut sender = client.sender("orders").await;
    send(&mut sender, b"it").await;
    let mut receiver = client.receiver("orders").await;
    let received = receive(&mut receiver).await;
    let deferred = Modified {
        delivery_failed: None,
        undeliverable_here: Some(true),
        message_annotations: None,
    };
    receiver.modify(&received, deferred).await.unwrap();
    let mut asking = Asking::attach(&mut client, "orders/$management").await;
    let sequence = kept(&emulator, "orders")[0].message.sequence;
    let sequence = Value::Long(sequence.try_into().unwrap());
    let body = || {
        map([
            (
                "sequence-numbers",
                Value::Array(Array::from(vec![sequence.clone()])),
            ),
            ("receiver-settle-mode", Value::Uint(1)),
        ])
    };
    let name = "com.microsoft:receive-by-sequence-number";
    let answer = asking.ask(name, body()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(matches!(&answer.body["messages"], Value::List(messages) if messages.len() == 1));
    // It is locked now.
    let answer = asking.ask(name, body()).await;
    assert_eq!(answer.status, 404);
    assert_eq!(
        answer.condition.as_deref(),
        Some("com.microsoft:message-not-found")
    );
    client.close().await;
}

#[tokio::test]
async fn sessions_are_listed() {
    let emulator = builder().start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut asking = Asking::attach(&mut client, "carts/$management").await;
    let body = map([
        (
            "last-updated-time",
            Value::Timestamp(Timestamp::from_milliseconds(253_402_300_800_000)),
        ),
        ("skip", Value::Int(0)),
        ("top", Value::Int(10)),
    ]);
    let answer = asking.ask("com.microsoft:get-message-sessions", body).await;
    assert_eq!(answer.status, 204);
    client.close().await;
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused() {
    let emulator = builder().start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut asking = Asking::attach(&mut client, "orders/$management").await;
    for (operation, body) in [
        ("com.microsoft:no-such-thing", map([])),
        ("com.microsoft:renew-lock", map([])),
        (
            "com.microsoft:renew-lock",
            map([("lock-tokens", Value::from("one"))]),
        ),
        ("com.microsoft:peek-message", Value::Null),
    ] {
        let answer = asking.ask(operation, body).await;
        assert_eq!(answer.status, 400);
        assert_eq!(
            answer.condition.as_deref(),
            Some("com.microsoft:argument-error")
        );
    }
    client.close().await;
}

#[tokio::test]
async fn rules_are_added_listed_and_removed() {
    let builder = builder().topic("news", TopicSettings::default());
    let builder = builder.subscription("news", "all", SubscriptionSettings::default());
    let emulator = builder.start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let address = "news/Subscriptions/all";
    let mut asking = Asking::attach(&mut client, &format!("{address}/$management")).await;
    let named = |name: &str| ("rule-name", Value::from(name));
    let removed = asking
        .ask("com.microsoft:remove-rule", map([named("$Default")]))
        .await;
    assert_eq!(removed.status, 200, "{removed:?}");
    for (name, filter) in [
        (
            "red",
            map([(
                "sql-filter",
                map([("expression", Value::from("color = 'red'"))]),
            )]),
        ),
        (
            "mine",
            map([("correlation-filter", map([("label", Value::from("mine"))]))]),
        ),
    ] {
        let body = map([named(name), ("rule-description", filter)]);
        assert_eq!(asking.ask("com.microsoft:add-rule", body).await.status, 200);
    }
    let listed = map([("skip", Value::Int(0)), ("top", Value::Int(10))]);
    let listed = asking.ask("com.microsoft:enumerate-rules", listed).await;
    assert!(matches!(&listed.body["rules"], Value::List(rules) if rules.len() == 2));

    let mut sender = client.sender("news").await;
    send(&mut sender, b"neither").await;
    assert_eq!(kept(&emulator, address), []);
    let subject = Properties::builder().subject("mine").build();
    let message = Message::builder()
        .properties(subject)
        .data(b"it".to_vec())
        .build();
    sender.send(message).await.unwrap();
    assert_eq!(kept(&emulator, address).len(), 1);

    let wrong = map([("sql-filter", map([("expression", Value::from("color ="))]))]);
    let body = map([named("wrong"), ("rule-description", wrong)]);
    let refused = asking.ask("com.microsoft:add-rule", body).await;
    assert_eq!(
        refused.condition.as_deref(),
        Some("com.microsoft:argument-error")
    );
    client.close().await;
}
