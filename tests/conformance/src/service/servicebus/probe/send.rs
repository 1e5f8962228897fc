//! Sends: what is taken, when it is there, and how often.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use fe2o3_amqp::{
    Sendable,
    types::{
        messaging::{Data, Message, MessageAnnotations, Properties},
        primitives::{Binary, Timestamp, Value},
    },
};
use relayhouse_bare_amqp::{message, nothing, receive, text};

use super::{
    Probe,
    bench::{self, Bench, wait},
};
use crate::service::probe::probe;

pub(super) const PROBES: &[Probe] = &[
    probe!(
        transfer_of_several_messages_is_taken_apart,
        "A transfer of the batch format with two messages",
        "a, then b"
    ),
    probe!(
        message_id_is_taken_once,
        "A second send with the same message id, where duplicates are detected",
        "accepted, and one message is there"
    ),
    probe!(
        scheduled_message_waits,
        "A message that is scheduled for 3 seconds later",
        "nothing at first, and then it"
    ),
    probe!(
        message_without_a_session_is_refused,
        "A send without a session to a queue that requires sessions",
        "refused"
    ),
    probe!(
        send_to_what_is_closed_is_refused,
        "A send to a queue to which nothing can be sent",
        "refused: com.microsoft:entity-disabled"
    ),
];

/// The format of a transfer in which each section is a message.
const FORMAT_BATCH: u32 = 0x8001_3700;

async fn transfer_of_several_messages_is_taken_apart(bench: Bench) -> Result<String> {
    let queue = bench.queue(|_| {}).await?;
    let mut client = bench.connect().await?;
    // Two messages of one byte each, by hand from the specification.
    let parts = [*b"\x00\x53\x75\xa0\x01a", *b"\x00\x53\x75\xa0\x01b"];
    let parts = parts.map(|part| Data(Binary::from(part.to_vec())));
    let batch = Sendable::builder()
        .message(Message::builder().data_batch(parts.to_vec()).build())
        .message_format(FORMAT_BATCH)
        .build();
    client.sender(&queue).await?.send(batch).await?;
    let mut receiver = client.receiver(&queue).await?;
    let first = text(&receive(&mut receiver).await?)?;
    let second = text(&receive(&mut receiver).await?)?;
    Ok(format!("{first}, then {second}"))
}

async fn message_id_is_taken_once(bench: Bench) -> Result<String> {
    let detects = bench.queue(|it| it.requires_duplicate_detection = Some(true));
    let queue = detects.await?;
    let mut client = bench.connect().await?;
    let mut sender = client.sender(&queue).await?;
    let properties = || Properties::builder().message_id("same".to_owned()).build();
    let same = |body: &str| Message {
        properties: Some(properties()),
        ..message(body)
    };
    bench::send(&mut sender, same("a")).await;
    let second = bench::send(&mut sender, same("b")).await;
    let mut receiver = client.receiver(&queue).await?;
    let first = receive(&mut receiver).await?;
    receiver.accept(&first).await?;
    let count = match nothing(&mut receiver).await {
        Ok(()) => "one message is there",
        Err(_) => "two messages are there",
    };
    Ok(format!("{second}, and {count}"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the service goes by the time of the day"
)]
async fn scheduled_message_waits(bench: Bench) -> Result<String> {
    let queue = bench.queue(|_| {}).await?;
    let mut client = bench.connect().await?;
    let mut sender = client.sender(&queue).await?;
    let due = SystemTime::now() + Duration::from_secs(3);
    let due = due.duration_since(UNIX_EPOCH)?.as_millis();
    let due = Value::Timestamp(Timestamp::from_milliseconds(i64::try_from(due)?));
    let annotations = MessageAnnotations::builder();
    let scheduled = Message {
        message_annotations: Some(
            annotations
                .insert("x-opt-scheduled-enqueue-time", due)
                .build(),
        ),
        ..message("it")
    };
    bench::send(&mut sender, scheduled).await;
    let mut receiver = client.receiver(&queue).await?;
    let at_first = match nothing(&mut receiver).await {
        Ok(()) => "nothing",
        Err(_) => "it",
    };
    wait(Duration::from_secs(3)).await;
    let then = text(&receive(&mut receiver).await?)?;
    Ok(format!("{at_first} at first, and then {then}"))
}

async fn message_without_a_session_is_refused(bench: Bench) -> Result<String> {
    let queue = bench.queue(|it| it.requires_session = Some(true)).await?;
    let mut client = bench.connect().await?;
    let mut sender = client.sender(&queue).await?;
    Ok(bench::send(&mut sender, message("it")).await)
}

async fn send_to_what_is_closed_is_refused(bench: Bench) -> Result<String> {
    let closed = Some(relayhouse_servicebus::EntityStatus::SendDisabled);
    let queue = bench.queue(|it| it.status = closed).await?;
    let mut client = bench.connect().await?;
    Ok(match client.sender(&queue).await {
        Ok(mut sender) => bench::send(&mut sender, message("it")).await,
        Err(error) => match error.downcast() {
            Ok(error) => bench::attached_to::<()>(Err(error)),
            Err(error) => format!("{error:#}"),
        },
    })
}
