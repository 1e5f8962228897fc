//! Deliveries: what comes with a message, and how often it came.

use std::time::Duration;

use anyhow::Result;
use fe2o3_amqp::types::{messaging::Modified, primitives::Value};
use relayhouse_bare_amqp::{Received, message, nothing, receive, text};

use super::{
    Probe,
    bench::{self, Bench, annotation, count, wait},
};
use crate::service::probe::probe;

pub(super) const PROBES: &[Probe] = &[
    probe!(
        tag_is_a_lock_token,
        "The delivery tag of a message",
        "16 bytes"
    ),
    probe!(
        first_delivery_counts_none_before,
        "The header of a first delivery",
        "delivery-count 0"
    ),
    probe!(
        message_tells_of_itself,
        "Annotations of a message on receipt",
        "x-opt-enqueued-time, x-opt-locked-until, x-opt-sequence-number"
    ),
    probe!(
        numbers_grow_by_one,
        "Sequence numbers of two messages that were sent one after the other",
        "the second is the next"
    ),
    probe!(
        abandoned_message_counts,
        "The header of a message that was abandoned",
        "delivery-count 1"
    ),
    probe!(
        lock_that_ends_counts,
        "The header of a message whose lock of 5 seconds has ended",
        "delivery-count 1"
    ),
    probe!(
        locked_message_is_not_given_to_others,
        "A receive of another connection while a message is locked",
        "nothing"
    ),
    probe!(
        drained_credit_is_given_back,
        "A message that is sent after the credit of a receiver was drained",
        "it goes to another"
    ),
];

/// Sends a message to a queue of its own, and receives it.
async fn delivered(bench: &Bench) -> Result<Received> {
    let queue = bench.queue(|_| {}).await?;
    let mut client = bench.connect().await?;
    bench::send(&mut client.sender(&queue).await?, message("it")).await;
    receive(&mut client.receiver(&queue).await?).await
}

async fn tag_is_a_lock_token(bench: Bench) -> Result<String> {
    let bytes = delivered(&bench).await?.delivery_tag().len();
    Ok(format!("{bytes} bytes"))
}

async fn first_delivery_counts_none_before(bench: Bench) -> Result<String> {
    Ok(count(&delivered(&bench).await?))
}

async fn message_tells_of_itself(bench: Bench) -> Result<String> {
    let received = delivered(&bench).await?;
    let names = [
        "x-opt-enqueued-time",
        "x-opt-locked-until",
        "x-opt-sequence-number",
    ];
    let mut told = names.to_vec();
    told.retain(|name| annotation(&received, name).is_some());
    Ok(told.join(", "))
}

async fn numbers_grow_by_one(bench: Bench) -> Result<String> {
    let queue = bench.queue(|_| {}).await?;
    let mut client = bench.connect().await?;
    let mut sender = client.sender(&queue).await?;
    let mut receiver = client.receiver(&queue).await?;
    let mut numbers = Vec::new();
    for body in ["a", "b"] {
        bench::send(&mut sender, message(body)).await;
        let received = receive(&mut receiver).await?;
        numbers.push(annotation(&received, "x-opt-sequence-number"));
    }
    Ok(match numbers[..] {
        [Some(Value::Long(first)), Some(Value::Long(second))] if second == first + 1 => {
            "the second is the next".to_owned()
        }
        _ => format!("{numbers:?}"),
    })
}

async fn abandoned_message_counts(bench: Bench) -> Result<String> {
    let queue = bench.queue(|_| {}).await?;
    let mut client = bench.connect().await?;
    bench::send(&mut client.sender(&queue).await?, message("it")).await;
    let mut receiver = client.receiver(&queue).await?;
    let received = receive(&mut receiver).await?;
    let abandoned = Modified {
        delivery_failed: Some(true),
        undeliverable_here: None,
        message_annotations: None,
    };
    receiver.modify(&received, abandoned).await?;
    Ok(count(&receive(&mut receiver).await?))
}

async fn lock_that_ends_counts(bench: Bench) -> Result<String> {
    let lock = Duration::from_secs(5);
    let queue = bench.queue(|it| it.lock_duration = Some(lock)).await?;
    let mut client = bench.connect().await?;
    bench::send(&mut client.sender(&queue).await?, message("it")).await;
    let mut receiver = client.receiver(&queue).await?;
    receive(&mut receiver).await?;
    wait(lock).await;
    Ok(count(&receive(&mut receiver).await?))
}

async fn locked_message_is_not_given_to_others(bench: Bench) -> Result<String> {
    let queue = bench.queue(|_| {}).await?;
    let (mut client, mut other) = (bench.connect().await?, bench.connect().await?);
    bench::send(&mut client.sender(&queue).await?, message("it")).await;
    let mut receiver = client.receiver(&queue).await?;
    receive(&mut receiver).await?;
    Ok(match nothing(&mut other.receiver(&queue).await?).await {
        Ok(()) => "nothing",
        Err(_) => "it",
    }
    .to_owned())
}

async fn drained_credit_is_given_back(bench: Bench) -> Result<String> {
    let queue = bench.queue(|_| {}).await?;
    let (mut client, mut other) = (bench.connect().await?, bench.connect().await?);
    let mut receiver = client.receiver(&queue).await?;
    receiver.set_credit(10).await?;
    receiver.drain().await?;
    bench::send(&mut client.sender(&queue).await?, message("it")).await;
    let received = receive(&mut other.receiver(&queue).await?).await?;
    Ok(format!("{} goes to another", text(&received)?))
}
