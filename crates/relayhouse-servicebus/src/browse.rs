//! What the management node of an entity does with messages: peeking, scheduling and cancelling.

use std::{num::NonZeroU32, time::Duration};

use fe2o3_amqp_types::{
    messaging::{Body, Message as AmqpMessage, message::__private::Deserializable},
    primitives::{Array, Value},
};
use relayhouse_core::{
    Delivery, Error, ErrorKind, Instant, Operation, QueueName, Receipt, Result, Source,
};
use serde_amqp::primitives::Binary;

use crate::{
    convert::{Incoming, Packet, read},
    link::{Clerks, Question, field, items, map},
};

/// The most messages that one question asks for.
const PEEK_MAX: u32 = 1000;

/// Shows up to `max` messages of `source` from the sequence number `from` on.
pub(crate) async fn peek(
    clerks: &Clerks,
    source: &Source,
    from: u64,
    max: NonZeroU32,
    limit: Duration,
) -> Result<Vec<Delivery>> {
    let from = i64::try_from(from).unwrap_or(i64::MAX);
    let count = i32::try_from(max.get().min(PEEK_MAX)).unwrap_or(i32::MAX);
    let question = Question::new(
        "peek-message",
        [
            ("from-sequence-number", Value::Long(from)),
            ("message-count", Value::Int(count)),
        ],
    );
    let path = source.to_string();
    let at = |error: Error| error.at(Operation::Admin, source);
    let body = clerks.ask(&path, question, Operation::Admin, limit).await;
    let body = body.map_err(at)?;
    let messages = items(&body, "messages").iter();
    // Nobody has leased them, and no receipt proves that anybody has.
    let receipt = Receipt::from_bytes([0; 16]);
    let deliveries = messages.map(|item| {
        let reading = read(message_of(item)?, source);
        Ok(reading.delivery(receipt.clone(), Instant::START, 0))
    });
    deliveries.collect::<Result<_>>().map_err(at)
}

/// Cancels the message with `sequence` that `queue` holds back.
pub(crate) async fn cancel(
    clerks: &Clerks,
    queue: &QueueName,
    sequence: u64,
    limit: Duration,
) -> Result<()> {
    let sequence = i64::try_from(sequence).unwrap_or(i64::MAX);
    let question = Question::new(
        "cancel-scheduled-message",
        [("sequence-numbers", longs([sequence]))],
    );
    let asked = clerks.ask(queue.as_str(), question, Operation::Admin, limit);
    asked
        .await
        .map(|_| ())
        .map_err(|error| error.at(Operation::Admin, queue))
}

/// Has the broker hold `packets` back until their time, and returns their sequence numbers.
pub(crate) async fn schedule(
    clerks: &Clerks,
    queue: &QueueName,
    packets: &[Packet],
    limit: Duration,
) -> Result<Vec<u64>> {
    let messages = packets.iter().map(scheduled).collect();
    let question = Question::new("schedule-message", [("messages", Value::List(messages))]);
    let asked = clerks.ask(queue.as_str(), question, Operation::Send, limit);
    let body = asked.await?;
    let sequences = items(&body, "sequence-numbers").iter();
    let sequences = sequences.filter_map(|sequence| match sequence {
        Value::Long(number) => u64::try_from(*number).ok(),
        _ => None,
    });
    let sequences: Vec<u64> = sequences.collect();
    if sequences.len() == packets.len() {
        return Ok(sequences);
    }
    Err(Error::new(
        ErrorKind::OutcomeUnknown,
        format!(
            "the broker gives {} sequence numbers to {} messages",
            sequences.len(),
            packets.len()
        ),
    ))
}

fn scheduled(packet: &Packet) -> Value {
    let mut item = vec![
        ("message", Value::Binary(Binary::from(packet.encode()))),
        ("message-id", Value::String(packet.message_id.clone())),
    ];
    if let Some(session) = packet.key() {
        item.push(("session-id", Value::String(session.to_owned())));
    }
    map(item)
}

/// Reads the message of one item of an answer.
pub(crate) fn message_of(item: &Value) -> Result<Incoming> {
    let bytes = match field(item, "message") {
        Some(Value::Binary(bytes)) => &bytes[..],
        _ => &[],
    };
    let decoded = serde_amqp::from_slice::<Deserializable<AmqpMessage<Body<Value>>>>(bytes);
    decoded
        .map(|Deserializable(message)| message)
        .map_err(|error| {
            Error::new(
                ErrorKind::Unexpected,
                "the broker shows a message that cannot be read",
            )
            .with_source(error)
        })
}

/// Makes a list of numbers.
pub(crate) fn longs(numbers: impl IntoIterator<Item = i64>) -> Value {
    let numbers = numbers.into_iter().map(Value::Long);
    Value::Array(Array::from(numbers.collect::<Vec<_>>()))
}
