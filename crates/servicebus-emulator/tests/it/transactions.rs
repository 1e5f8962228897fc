//! Sends that are done together, or not at all.

use std::time::Duration;

use fe2o3_amqp::{
    Sender,
    transaction::{
        Controller, Transaction, TransactionDischarge, TransactionPosting, TransactionRetirement,
    },
    types::{
        definitions::Fields,
        messaging::Message,
        primitives::{Symbol, Value},
    },
};
use servicebus_emulator::{
    ManualClock, ServiceBusEmulator,
    model::{Path, QueueSettings, Status},
};

use crate::client::{Client, builder, data, kept, receive, send};

#[tokio::test]
async fn transactions_are_committed_or_undone() {
    let emulator = builder().start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut sender = client.sender("orders").await;
    let controller = Controller::attach(&mut client.session, "controller")
        .await
        .unwrap();
    let message = |body: &[u8]| Message::builder().data(body.to_vec()).build();

    let transaction = Transaction::declare(&controller, None).await.unwrap();
    for body in [b"one", b"two"] {
        let posted = transaction.post(&mut sender, message(body)).await.unwrap();
        assert!(posted.is_accepted());
    }
    assert_eq!(
        kept(&emulator, "orders"),
        [],
        "nothing is there before the end"
    );
    transaction.commit().await.unwrap();
    assert_eq!(kept(&emulator, "orders").len(), 2);

    let transaction = Transaction::declare(&controller, None).await.unwrap();
    transaction
        .post(&mut sender, message(b"three"))
        .await
        .unwrap();
    transaction.rollback().await.unwrap();
    assert_eq!(kept(&emulator, "orders").len(), 2);
    controller.close().await.unwrap();
    client.close().await;
}

#[tokio::test]
async fn a_settlement_and_a_send_are_one() {
    let emulator = builder().start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut sender = client.sender("orders").await;
    send(&mut sender, b"in").await;
    let mut receiver = client.receiver("orders").await;
    let received = receive(&mut receiver).await;
    let controller = Controller::attach(&mut client.session, "controller")
        .await
        .unwrap();
    let out = || Message::builder().data(b"out".to_vec()).build();

    let transaction = Transaction::declare(&controller, None).await.unwrap();
    transaction.accept(&mut receiver, &received).await.unwrap();
    transaction.post(&mut sender, out()).await.unwrap();
    assert_eq!(bodies(&emulator), [b"in".to_vec()]);
    transaction.commit().await.unwrap();
    assert_eq!(bodies(&emulator), [b"out".to_vec()]);
    controller.close().await.unwrap();
    client.close().await;
}

/// Attaches a sender that sends through `orders`, in whose transactions it may take part.
async fn sender_via_orders(client: &mut Client, to: &str) -> Sender {
    let destination = Symbol::from("com.microsoft:transfer-destination-address");
    let mut properties = Fields::new();
    properties.insert(destination, Value::from(to));
    Sender::builder()
        .name(format!("to-{to}-via-orders"))
        .target("orders")
        .properties(properties)
        .attach(&mut client.session)
        .await
        .unwrap()
}

fn disable(emulator: &ServiceBusEmulator, name: &str) {
    let mut settings = QueueSettings::default();
    settings.common.status = Status::Disabled;
    emulator
        .with_model(|model, now| model.update_queue(now, &Path::new(name), settings))
        .unwrap();
}

#[tokio::test]
async fn what_is_sent_via_an_entity_is_one_with_what_is_settled_there() {
    let emulator = builder()
        .queue("other", QueueSettings::default())
        .start()
        .await
        .unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut sender = client.sender("orders").await;
    send(&mut sender, b"in").await;
    let mut receiver = client.receiver("orders").await;
    let received = receive(&mut receiver).await;
    let mut via = sender_via_orders(&mut client, "other").await;
    let mut elsewhere = client.sender("other").await;
    let controller = Controller::attach(&mut client.session, "controller")
        .await
        .unwrap();
    let message = |body: &[u8]| Message::builder().data(body.to_vec()).build();

    let transaction = Transaction::declare(&controller, None).await.unwrap();
    transaction.accept(&mut receiver, &received).await.unwrap();
    let refused = transaction.post(&mut elsewhere, message(b"refused"));
    // The client knows no refusal in a transaction, and takes it for an error.
    assert!(refused.await.is_err());
    let posted = transaction.post(&mut via, message(b"out")).await.unwrap();
    assert!(posted.is_accepted());
    assert_eq!(kept(&emulator, "other"), []);
    transaction.commit().await.unwrap();
    assert_eq!(kept(&emulator, "orders"), []);
    let arrived = kept(&emulator, "other");
    assert_eq!(arrived.len(), 1);
    assert_eq!(&arrived[0].message.contents.body[..], b"out");
    controller.close().await.unwrap();
    client.close().await;
}

#[tokio::test]
async fn what_cannot_be_transferred_is_among_the_dead_of_the_entity_between() {
    let emulator = builder()
        .queue("other", QueueSettings::default())
        .start()
        .await
        .unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut via = sender_via_orders(&mut client, "other").await;
    disable(&emulator, "other");
    let controller = Controller::attach(&mut client.session, "controller")
        .await
        .unwrap();
    let transaction = Transaction::declare(&controller, None).await.unwrap();
    let message = Message::builder().data(b"out".to_vec()).build();
    transaction.post(&mut via, message).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(kept(&emulator, "orders"), []);
    let dead = "orders/$Transfer/$DeadLetterQueue";
    let mut receiver = client.receiver(dead).await;
    let received = receive(&mut receiver).await;
    assert_eq!(data(&received), b"out");
    let properties = format!("{:?}", received.message().application_properties);
    assert!(
        properties.contains("TransferDestinationDisabled"),
        "{properties}"
    );
    receiver.accept(&received).await.unwrap();
    controller.close().await.unwrap();
    client.close().await;
    assert_eq!(kept(&emulator, dead), []);
}

#[tokio::test]
async fn settlement_that_is_undone_leaves_the_message_locked() {
    let clock = ManualClock::new();
    let emulator = builder().clock(clock.clone()).start().await.unwrap();
    let mut client = Client::connect(&emulator).await;
    let mut sender = client.sender("orders").await;
    send(&mut sender, b"in").await;
    let mut receiver = client.receiver("orders").await;
    let received = receive(&mut receiver).await;
    let controller = Controller::attach(&mut client.session, "controller")
        .await
        .unwrap();
    let transaction = Transaction::declare(&controller, None).await.unwrap();
    transaction.accept(&mut receiver, &received).await.unwrap();
    transaction.rollback().await.unwrap();
    send(&mut sender, b"next").await;
    let next = receive(&mut receiver).await;
    assert_eq!(data(&next), b"next", "the first one is locked still");
    clock.advance(Duration::from_secs(60));
    let again = receive(&mut receiver).await;
    assert_eq!(data(&again), b"in");
    let header = again.message().header.as_ref().unwrap();
    assert_eq!(header.delivery_count, 1);
    receiver.accept(&again).await.unwrap();
    controller.close().await.unwrap();
    client.close().await;
    assert_eq!(bodies(&emulator), [b"next".to_vec()]);
}

fn bodies(emulator: &ServiceBusEmulator) -> Vec<Vec<u8>> {
    let kept = kept(emulator, "orders");
    kept.iter()
        .map(|it| it.message.contents.body.to_vec())
        .collect()
}
