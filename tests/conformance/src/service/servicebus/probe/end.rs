//! Dead letters: how a message becomes one, and what it says of it.

use std::{num::NonZeroU32, time::Duration};

use anyhow::Result;
use fe2o3_amqp::types::{
    definitions::{Error, ErrorCondition, Fields},
    messaging::{Header, Message, Modified},
    primitives::{Symbol, Value},
};
use relayhouse_bare_amqp::{Client, Received, message, receive};

use super::{
    Probe,
    bench::{self, Bench, property, wait},
};
use crate::service::probe::probe;

pub(super) const PROBES: &[Probe] = &[
    probe!(
        letter_says_why,
        "The reason and the description of a message that a client dead-lettered",
        "bad: too bad"
    ),
    probe!(
        deliveries_are_limited,
        "The reason of a message that was abandoned twice, where 2 deliveries are allowed",
        "MaxDeliveryCountExceeded"
    ),
    probe!(
        expired_message_is_kept,
        "The reason of a message that expired after a second, where those are dead letters",
        "TTLExpiredException"
    ),
];

/// Receives from the dead letters of a queue.
async fn letter(client: &mut Client, queue: &str) -> Result<Received> {
    let dead = format!("{queue}/$DeadLetterQueue");
    receive(&mut client.receiver(&dead).await?).await
}

async fn letter_says_why(bench: Bench) -> Result<String> {
    let queue = bench.queue(|_| {}).await?;
    let mut client = bench.connect().await?;
    bench::send(&mut client.sender(&queue).await?, message("it")).await;
    let mut receiver = client.receiver(&queue).await?;
    let received = receive(&mut receiver).await?;
    let mut info = Fields::new();
    for (name, value) in [
        ("DeadLetterReason", "bad"),
        ("DeadLetterErrorDescription", "too bad"),
    ] {
        info.insert(Symbol::from(name), Value::from(value));
    }
    let condition = ErrorCondition::Custom(Symbol::from("com.microsoft:dead-letter"));
    receiver
        .reject(&received, Error::new(condition, None, Some(info)))
        .await?;
    let letter = letter(&mut client, &queue).await?;
    let reason = property(&letter, "DeadLetterReason");
    let description = property(&letter, "DeadLetterErrorDescription");
    Ok(format!("{reason}: {description}"))
}

async fn deliveries_are_limited(bench: Bench) -> Result<String> {
    let allowed = NonZeroU32::new(2);
    let queue = bench.queue(|it| it.attempts_max = allowed).await?;
    let mut client = bench.connect().await?;
    bench::send(&mut client.sender(&queue).await?, message("it")).await;
    let mut receiver = client.receiver(&queue).await?;
    for _ in 0..2 {
        let received = receive(&mut receiver).await?;
        let abandoned = Modified {
            delivery_failed: Some(true),
            undeliverable_here: None,
            message_annotations: None,
        };
        receiver.modify(&received, abandoned).await?;
    }
    let letter = letter(&mut client, &queue).await?;
    Ok(property(&letter, "DeadLetterReason"))
}

async fn expired_message_is_kept(bench: Bench) -> Result<String> {
    let kept = bench.queue(|it| it.dead_letters_expired = Some(true));
    let queue = kept.await?;
    let mut client = bench.connect().await?;
    let header = Header {
        ttl: Some(1000),
        ..Header::default()
    };
    let short = Message {
        header: Some(header),
        ..message("it")
    };
    bench::send(&mut client.sender(&queue).await?, short).await;
    wait(Duration::from_secs(2)).await;
    let letter = letter(&mut client, &queue).await?;
    Ok(property(&letter, "DeadLetterReason"))
}
