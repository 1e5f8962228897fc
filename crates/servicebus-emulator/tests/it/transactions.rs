//! Sends that are done together, or not at all.

use fe2o3_amqp::{
    transaction::{Controller, Transaction, TransactionDischarge, TransactionPosting},
    types::messaging::Message,
};

use crate::client::{Client, builder, kept};

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
