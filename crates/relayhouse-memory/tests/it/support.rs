//! What the tests share: a namespace under paused time, and short calls.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use relayhouse_core::{
    Context, Delivery, ErrorKind, Message, Outcome, QueueName, Result, Sending, Sent, Settlement,
    Settling, Source, Timestamp,
    port::{Provider, ReceiveRequest, Receiver, ReceiverOptions, Sender},
};
use relayhouse_memory::{Memory, MemoryBuilder};

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn context() -> Context {
    relayhouse_time::simulated(Timestamp::from_micros(1_700_000_000_000_000), 7)
}

pub(crate) fn builder() -> MemoryBuilder {
    Memory::builder(context())
}

pub(crate) fn memory() -> Memory {
    builder().build().expect("the default options")
}

pub(crate) fn name(text: &str) -> QueueName {
    text.parse().expect("a queue name")
}

pub(crate) fn source(text: &str) -> Source {
    text.parse().expect("a source")
}

pub(crate) async fn sender(memory: &Memory, queue: &str) -> Arc<dyn Sender> {
    memory.sender(&name(queue)).await.expect("a sender")
}

pub(crate) async fn receiver(memory: &Memory, from: &str) -> Arc<dyn Receiver> {
    let options = ReceiverOptions::default();
    let opened = memory.receiver(&source(from), options).await;
    opened.expect("a receiver")
}

pub(crate) fn up_to(max: u32) -> ReceiveRequest {
    ReceiveRequest::up_to(NonZeroU32::new(max).expect("not zero"))
}

/// Sends messages in one batch, and returns the answers.
pub(crate) async fn send(
    sender: &dyn Sender,
    messages: impl IntoIterator<Item = Message>,
) -> Vec<Result<Sent, ErrorKind>> {
    let mut batch: Vec<Sending> = messages.into_iter().map(Sending::new).collect();
    let call = sender.send(&mut batch).await;
    let outcomes = batch.into_iter().map(|item| item.outcome.settle(&call));
    outcomes
        .map(|result| result.map_err(|error| error.kind()))
        .collect()
}

pub(crate) async fn send_texts(sender: &dyn Sender, texts: &[&str]) {
    let messages = texts.iter().map(|text| Message::new((*text).to_owned()));
    for answer in send(sender, messages).await {
        assert!(answer.is_ok(), "{answer:?}");
    }
}

pub(crate) async fn receive(receiver: &dyn Receiver, request: ReceiveRequest) -> Vec<Delivery> {
    let mut into = Vec::new();
    receiver
        .receive(request, &mut into)
        .await
        .expect("a receive");
    into
}

/// Receives what is ready, and returns the bodies.
pub(crate) async fn texts(receiver: &dyn Receiver) -> Vec<String> {
    bodies(&receive(receiver, up_to(100)).await)
}

pub(crate) fn bodies(deliveries: &[Delivery]) -> Vec<String> {
    let texts = deliveries
        .iter()
        .map(|delivery| String::from_utf8_lossy(&delivery.message.body).into_owned());
    texts.collect()
}

pub(crate) async fn settle(
    receiver: &dyn Receiver,
    delivery: &Delivery,
    settlement: Settlement,
) -> Result<(), ErrorKind> {
    let mut batch = [Settling::new(delivery.clone(), settlement)];
    let call = receiver.settle(&mut batch).await;
    let [item] = batch;
    let outcome: Outcome<()> = item.outcome;
    outcome.settle(&call).map_err(|error| error.kind())
}

pub(crate) async fn ack(receiver: &dyn Receiver, delivery: &Delivery) -> Result<(), ErrorKind> {
    settle(receiver, delivery, Settlement::Ack).await
}
