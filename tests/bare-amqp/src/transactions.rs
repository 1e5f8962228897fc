//! Transactions, which the official Python SDK does not have.

use anyhow::{Result, ensure};
use fe2o3_amqp::transaction::{
    Controller, Transaction, TransactionDischarge, TransactionPosting, TransactionRetirement,
};
use relayhouse_bare_amqp::{Client, Place, message, nothing, receive, send, text};

use crate::QUEUE;

pub(crate) async fn commits(place: &Place) -> Result<()> {
    let mut client = Client::connect(place).await?;
    let (mut sender, mut receiver) = (client.sender(QUEUE).await?, client.receiver(QUEUE).await?);
    let controller = Controller::attach(&mut client.session, "controller").await?;
    let transaction = Transaction::declare(&controller, None).await?;
    for body in ["one", "two"] {
        let outcome = transaction.post(&mut sender, message(body)).await?;
        ensure!(outcome.is_accepted(), "the send came to {outcome:?}");
    }
    nothing(&mut receiver).await?;
    transaction.commit().await?;
    for body in ["one", "two"] {
        let received = receive(&mut receiver).await?;
        ensure!(text(&received)? == body, "another message came");
        receiver.accept(&received).await?;
    }
    controller.close().await?;
    client.close().await
}

pub(crate) async fn rolls_back(place: &Place) -> Result<()> {
    let mut client = Client::connect(place).await?;
    let (mut sender, mut receiver) = (client.sender(QUEUE).await?, client.receiver(QUEUE).await?);
    let controller = Controller::attach(&mut client.session, "controller").await?;
    let transaction = Transaction::declare(&controller, None).await?;
    transaction.post(&mut sender, message("it")).await?;
    transaction.rollback().await?;
    nothing(&mut receiver).await?;
    controller.close().await?;
    client.close().await
}

pub(crate) async fn settles_and_sends(place: &Place) -> Result<()> {
    let mut client = Client::connect(place).await?;
    let (mut sender, mut receiver) = (client.sender(QUEUE).await?, client.receiver(QUEUE).await?);
    send(&mut sender, "in").await?;
    let received = receive(&mut receiver).await?;
    let controller = Controller::attach(&mut client.session, "controller").await?;
    let transaction = Transaction::declare(&controller, None).await?;
    transaction.accept(&mut receiver, &received).await?;
    transaction.post(&mut sender, message("out")).await?;
    nothing(&mut receiver).await?;
    transaction.commit().await?;
    let received = receive(&mut receiver).await?;
    ensure!(text(&received)? == "out", "another message came");
    receiver.accept(&received).await?;
    nothing(&mut receiver).await?;
    controller.close().await?;
    client.close().await
}

pub(crate) async fn settles_and_rolls_back(place: &Place) -> Result<()> {
    let mut client = Client::connect(place).await?;
    let (mut sender, mut receiver) = (client.sender(QUEUE).await?, client.receiver(QUEUE).await?);
    send(&mut sender, "it").await?;
    let received = receive(&mut receiver).await?;
    let controller = Controller::attach(&mut client.session, "controller").await?;
    let transaction = Transaction::declare(&controller, None).await?;
    transaction.accept(&mut receiver, &received).await?;
    transaction.rollback().await?;
    // The lock holds on: nobody else gets the message, and this client may settle it.
    nothing(&mut receiver).await?;
    receiver.accept(&received).await?;
    nothing(&mut receiver).await?;
    controller.close().await?;
    client.close().await
}
