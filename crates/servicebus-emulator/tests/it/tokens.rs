//! Who is let in.

use std::time::{Duration, UNIX_EPOCH};

use fe2o3_amqp::{
    Connection, Sender,
    sasl_profile::SaslProfile,
    types::{messaging::Body, primitives::Value},
};
use servicebus_emulator::{ManualClock, ServiceBusEmulator, model::QueueSettings};

use crate::client::{Asking, Client};

/// Until the year 2100, made by the recipe of the documentation with Python's hmac and base64.
pub(crate) const TOKEN: &str = "SharedAccessSignature sr=sb%3A%2F%2Fhost%2Forders\
    &sig=9dQHsDHWqU4wn5Au4F1hNb4NmBnDVatF8BWCWejFGhQ%3D&se=4133980799&skn=name";

async fn emulator() -> ServiceBusEmulator {
    let builder = ServiceBusEmulator::builder().key("name", "secret");
    let builder = builder.queue("orders", QueueSettings::default());
    builder
        .queue("others", QueueSettings::default())
        .start()
        .await
        .unwrap()
}

async fn is_let_in(client: &mut Client, queue: &str) -> bool {
    match Sender::attach(&mut client.session, queue, queue).await {
        Ok(sender) => {
            sender.close().await.unwrap();
            true
        }
        Err(refused) => {
            let refused = format!("{refused:?}");
            assert!(refused.contains("UnauthorizedAccess"), "{refused}");
            false
        }
    }
}

#[tokio::test]
async fn tokens_open_what_they_are_for() {
    let emulator = emulator().await;
    let mut client = Client::connect(&emulator).await;
    assert!(!is_let_in(&mut client, "orders").await);
    drop(client);
    let mut client = Client::connect(&emulator).await;
    let mut asking = Asking::attach(&mut client, "$cbs").await;
    let audience = ("name", "amqp://host/orders");
    let answer = asking.ask_with("put-token", [audience], TOKEN).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    assert!(is_let_in(&mut client, "orders").await);
    assert!(!is_let_in(&mut client, "others").await);
}

#[tokio::test]
async fn links_end_with_their_token() {
    let clock = ManualClock::at(UNIX_EPOCH + Duration::from_secs(4_133_980_790));
    let builder = ServiceBusEmulator::builder()
        .key("name", "secret")
        .clock(clock.clone());
    let emulator = builder
        .queue("orders", QueueSettings::default())
        .start()
        .await
        .unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut asking = Asking::attach(&mut client, "$cbs").await;
    let audience = ("name", "amqp://host/orders");
    assert_eq!(
        asking.ask_with("put-token", [audience], TOKEN).await.status,
        202
    );
    let mut receiver = client.receiver("orders").await;
    receiver.set_credit(1).await.unwrap();
    clock.advance(Duration::from_secs(9));
    let detached = receiver.recv::<Body<Value>>().await.unwrap_err();
    let detached = format!("{detached:?}");
    assert!(detached.contains("UnauthorizedAccess"), "{detached}");
    assert_eq!(
        asking.ask_with("put-token", [audience], TOKEN).await.status,
        401
    );
}

#[tokio::test]
async fn wrong_tokens_open_nothing() {
    let emulator = emulator().await;
    let mut client = Client::connect(&emulator).await;
    let mut asking = Asking::attach(&mut client, "$cbs").await;
    let forged = TOKEN.replace("orders", "others");
    for (audience, token) in [
        ("others", &forged[..]),
        ("others", TOKEN),
        ("orders", "jwt"),
    ] {
        let answer = asking
            .ask_with("put-token", [("name", audience)], Value::from(token))
            .await;
        assert_eq!(answer.status, 401);
        assert_eq!(
            answer.condition.as_deref(),
            Some("com.microsoft:auth-failed")
        );
    }
    assert!(!is_let_in(&mut client, "others").await);
}

#[tokio::test]
async fn keys_open_everything() {
    let emulator = emulator().await;
    let url = format!("amqp://{}", emulator.address());
    let plain = |password: &str| SaslProfile::Plain {
        username: "name".to_owned(),
        password: password.to_owned(),
    };
    let builder = || Connection::builder().container_id("client");
    let refused = builder().sasl_profile(plain("wrong")).open(&url[..]).await;
    assert!(refused.is_err());
    let connection = builder()
        .sasl_profile(plain("secret"))
        .open(&url[..])
        .await
        .unwrap();
    let mut client = Client::begin(connection).await;
    assert!(is_let_in(&mut client, "others").await);
    client.close().await;
}
