//! Sessions.

use std::time::Duration;

use fe2o3_amqp::{
    Receiver,
    link::receiver::CreditMode,
    types::{
        definitions::Fields,
        messaging::{Body, Message, Properties, Source},
        primitives::{Symbol, Value},
    },
};
use servicebus_emulator::ManualClock;

use crate::client::{Asking, Client, builder, data, map, receive};

const FILTER: &str = "com.microsoft:session-filter";

fn session(id: Option<&str>) -> Source {
    let id = id.map_or(Value::Null, Value::from);
    let builder = Source::builder().address("carts");
    builder
        .add_to_filter_using_legacy_format(FILTER, id)
        .build()
}

async fn put(client: &mut Client, sessions: &[&str]) {
    let mut sender = client.sender("carts").await;
    for session in sessions {
        let properties = Properties::builder()
            .group_id((*session).to_owned())
            .build();
        let message = Message::builder()
            .properties(properties)
            .data(session.as_bytes().to_vec());
        assert!(sender.send(message.build()).await.unwrap().is_accepted());
    }
    sender.close().await.unwrap();
}

fn id_of(receiver: &Receiver) -> &str {
    let filter = receiver.source().as_ref().unwrap().filter.as_ref().unwrap();
    match filter.get(&Symbol::from(FILTER)) {
        Some(Value::String(id)) => id,
        other => panic!("no session: {other:?}"),
    }
}

#[tokio::test]
async fn the_next_free_session_is_given() {
    let emulator = builder().start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    put(&mut client, &["a", "b", "a"]).await;
    let mut receiver = client.receiver(session(None)).await;
    assert_eq!(id_of(&receiver), "a");
    let locked = receiver.properties(|properties| {
        let properties = properties.as_ref().unwrap();
        properties
            .get(&Symbol::from("com.microsoft:locked-until-utc"))
            .cloned()
    });
    // Ticks since the year 1: it is after 2020 by them.
    assert!(matches!(locked, Some(Value::Long(it)) if 637_134_336_000_000_000 < it));
    for _ in 0..2 {
        let received = receive(&mut receiver).await;
        assert_eq!(data(&received), b"a");
        receiver.accept(&received).await.unwrap();
    }
    client.close().await;
}

#[tokio::test]
async fn a_session_has_one_holder() {
    let emulator = builder().start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    put(&mut client, &["a"]).await;
    let receiver = client.receiver(session(Some("a"))).await;
    let mut other = Client::connect(&emulator).await;
    let refused = Receiver::builder()
        .name("second")
        .source(session(Some("a")));
    let refused = refused.attach(&mut other.session).await.unwrap_err();
    let refused = format!("{refused:?}");
    assert!(
        refused.contains("com.microsoft:session-cannot-be-locked"),
        "{refused}"
    );
    // It is free again once its holder is gone.
    receiver.close().await.unwrap();
    let mut receiver = other.receiver(session(Some("a"))).await;
    assert_eq!(data(&receive(&mut receiver).await), b"a");
    other.close().await;
    client.close().await;
}

#[tokio::test]
async fn nobody_waits_longer_than_it_says() {
    let clock = ManualClock::new();
    let emulator = builder().clock(clock.clone()).start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut properties = Fields::new();
    properties.insert(Symbol::from("com.microsoft:timeout"), Value::Uint(5_000));
    let builder = Receiver::builder().name("waiting").source(session(None));
    let builder = builder
        .properties(properties)
        .credit_mode(CreditMode::Manual);
    let attached = builder.attach(&mut client.session);
    let mut other = Client::connect(&emulator).await;
    let mut asking = Asking::attach(&mut other, "carts/$management").await;
    // Time goes on until somebody has noticed, by as much as another client has answers: faster, the
    // connection would seem dead.
    let pass = async {
        loop {
            let body = map([
                ("from-sequence-number", Value::Long(0)),
                ("message-count", Value::Int(1)),
            ]);
            let answer = asking.ask("com.microsoft:peek-message", body).await;
            assert_eq!(answer.status, 204);
            clock.advance(Duration::from_secs(1));
        }
    };
    let refused = tokio::select! {
        attached = attached => attached.unwrap_err(),
        () = pass => unreachable!("time goes on for ever"),
    };
    let refused = format!("{refused:?}");
    assert!(refused.contains("com.microsoft:timeout"), "{refused}");
    drop(client);
}

#[tokio::test]
async fn a_session_has_a_state() {
    let emulator = builder().start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    put(&mut client, &["a"]).await;
    let _receiver = client.receiver(session(Some("a"))).await;
    let mut asking = Asking::attach(&mut client, "carts/$management").await;
    let id = || ("session-id", Value::from("a"));
    let state = Value::Binary(b"state".to_vec().into());
    let body = map([id(), ("session-state", state.clone())]);
    let answer = asking.ask("com.microsoft:set-session-state", body).await;
    assert_eq!(answer.status, 200);
    let answer = asking
        .ask("com.microsoft:get-session-state", map([id()]))
        .await;
    assert_eq!(answer.body["session-state"], state);
    let answer = asking
        .ask("com.microsoft:renew-session-lock", map([id()]))
        .await;
    assert!(
        matches!(answer.body["expiration"], Value::Timestamp(_)),
        "{answer:?}"
    );
    let other = map([("session-id", Value::from("b"))]);
    let answer = asking.ask("com.microsoft:get-session-state", other).await;
    assert_eq!(answer.status, 410);
    assert_eq!(
        answer.condition.as_deref(),
        Some("com.microsoft:session-lock-lost")
    );
    client.close().await;
}

/// The holder hears that its time is over, by the broker's clock.
#[tokio::test]
async fn a_session_is_lost_when_its_lock_ends() {
    let clock = ManualClock::new();
    let emulator = builder().clock(clock.clone()).start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    put(&mut client, &["a"]).await;
    let mut receiver = client.receiver(session(Some("a"))).await;
    let received = receive(&mut receiver).await;
    assert_eq!(data(&received), b"a");
    clock.advance(Duration::from_secs(60));
    let lost = receiver.recv::<Body<Value>>().await.unwrap_err();
    let lost = format!("{lost:?}");
    assert!(lost.contains("com.microsoft:session-lock-lost"), "{lost}");
    // Another gets it, with the delivery that came to nothing counted.
    let mut other = Client::connect(&emulator).await;
    let mut receiver = other.receiver(session(None)).await;
    let again = receive(&mut receiver).await.into_message();
    assert_eq!(again.header.unwrap().delivery_count, 1);
    other.close().await;
}
