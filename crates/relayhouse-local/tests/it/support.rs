//! A directory of queues for one test, and short names for what tests do there.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use relayhouse_core::{
    Delivery, Entity, Message, Outcome, Result, Sending, Sent, Settlement, Settling, Source,
    port::{Admin, Provider, ReceiveRequest, Receiver, ReceiverOptions, Sender},
};
use relayhouse_local::{Local, LocalBuilder};
use tempfile::TempDir;

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Is a directory that goes with the test.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().expect("a temporary directory"))
    }

    pub(crate) fn path(&self) -> &std::path::Path {
        self.0.path()
    }

    pub(crate) fn builder(&self) -> LocalBuilder {
        let context = relayhouse_time::context().expect("randomness");
        Local::builder(context, self.path())
    }

    pub(crate) fn open(&self) -> Local {
        self.builder().build().expect("a directory")
    }
}

pub(crate) async fn sender(local: &Local, queue: &str) -> Arc<dyn Sender> {
    let queue = queue.parse().expect("a name");
    local.sender(&queue).await.expect("a sender")
}

pub(crate) async fn receiver(local: &Local, source: &str) -> Arc<dyn Receiver> {
    let source: Source = source.parse().expect("a source");
    let options = ReceiverOptions::default();
    local.receiver(&source, options).await.expect("a receiver")
}

pub(crate) fn admin(local: &Local) -> Arc<dyn Admin> {
    local.admin().expect("a port for administration")
}

pub(crate) fn entity(source: &str) -> Entity {
    let source: Source = source.parse().expect("a source");
    source.entity
}

pub(crate) async fn send(sender: &dyn Sender, body: &str) -> Result<Sent> {
    let mut batch = [Sending::new(Message::new(body.to_owned()))];
    let call = sender.send(&mut batch).await;
    let [item] = batch;
    item.outcome.settle(&call)
}

/// Receives up to `max`, waiting for the first.
pub(crate) async fn receive(receiver: &dyn Receiver, max: u32) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    let request = ReceiveRequest::up_to(NonZeroU32::new(max).expect("not zero"));
    let received = receiver
        .receive(request.wait(PATIENCE), &mut deliveries)
        .await;
    received.expect("a receive that ends well");
    deliveries
}

pub(crate) fn bodies(deliveries: &[Delivery]) -> Vec<String> {
    let text = |it: &Delivery| String::from_utf8_lossy(&it.message.body).into_owned();
    deliveries.iter().map(text).collect()
}

pub(crate) async fn ack(receiver: &dyn Receiver, delivery: Delivery) -> Result<()> {
    let mut batch = [Settling::new(delivery, Settlement::Ack)];
    let call = receiver.settle(&mut batch).await;
    let [item] = batch;
    let outcome: Outcome<()> = item.outcome;
    outcome.settle(&call)
}
