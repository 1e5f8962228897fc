//! Sends that are done together, or not at all.

use fe2o3_amqp::{
    transaction::{
        Controller, Transaction, TransactionDischarge, TransactionPosting, TransactionRetirement,
    },
    types::messaging::Message,
};
use servicebus_emulator::ServiceBusEmulator;

use crate::client::{Client, builder, kept, receive, send};

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

fn bodies(emulator: &ServiceBusEmulator) -> Vec<Vec<u8>> {
    let kept = kept(emulator, "orders");
    kept.iter()
        .map(|it| it.message.contents.body.to_vec())
        .collect()
}
