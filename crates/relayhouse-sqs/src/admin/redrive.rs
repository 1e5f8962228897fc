//! Sends dead letters back: by a move task of SQS, or message by message.

use std::{num::NonZeroU32, time::Duration};

use md5::{Digest, Md5};
use relayhouse_core::{Entity, Error, ErrorKind, Operation, Result};

use super::one_by_one::take;
use crate::{
    batch,
    convert::{Dead, Envoy, Reading, hex, write},
    cost::Call,
    error,
    link::Link,
    queue::Queue,
    sender::writing,
};

/// How often a move task is looked at: at first, and at last.
const LOOK_EVERY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Sends the dead letters in `letters` back to `queue`, and returns how many.
///
/// SQS moves all that is in a dead-letter queue, so one that serves other queues as well, or a
/// redrive with a maximum, goes message by message.
pub(super) async fn redrive(
    link: &Link,
    queue: &Queue,
    letters: &Queue,
    max: Option<NonZeroU32>,
) -> Result<u64> {
    let is_shared = is_shared(link, letters).await?;
    match max {
        None if !is_shared => move_all(link, queue, letters).await,
        max => move_each(link, queue, letters, max).await,
    }
}

/// Returns true if more than one queue has its dead letters there.
async fn is_shared(link: &Link, letters: &Queue) -> Result<bool> {
    let request = link.client().await?.list_dead_letter_source_queues();
    let request = request.queue_url(&*letters.url).max_results(2);
    let answer = link
        .call(Call::Other, Operation::Admin, request.send())
        .await;
    let answer = answer.map_err(|error| letters.at(error, Operation::Admin))?;
    Ok(1 < answer.queue_urls.len())
}

async fn move_all(link: &Link, queue: &Queue, letters: &Queue) -> Result<u64> {
    let from = arn(link, letters).await?;
    let to = arn(link, queue).await?;
    let request = link.client().await?.start_message_move_task();
    let request = request.source_arn(&from).destination_arn(to);
    let started = link
        .call(Call::Other, Operation::Admin, request.send())
        .await;
    started.map_err(|error| letters.at(error, Operation::Admin))?;
    let mut every = LOOK_EVERY.0;
    loop {
        if let Some(moved) = moved(link, letters, &from).await? {
            return Ok(moved);
        }
        link.clock().sleep_until(link.now() + every).await;
        every = (2 * every).min(LOOK_EVERY.1);
    }
}

async fn arn(link: &Link, queue: &Queue) -> Result<String> {
    let attributes = queue.attributes(link, Operation::Admin).await?;
    let none = || error::not_found(&queue.name, Operation::Admin);
    attributes.arn.ok_or_else(none)
}

/// Returns how many messages the latest task moved; `None` while it runs.
async fn moved(link: &Link, letters: &Queue, from: &str) -> Result<Option<u64>> {
    let request = link.client().await?.list_message_move_tasks();
    let request = request.source_arn(from).max_results(1);
    let answer = link
        .call(Call::Other, Operation::Admin, request.send())
        .await;
    let answer = answer.map_err(|error| letters.at(error, Operation::Admin))?;
    let tasks = answer.results.unwrap_or_default();
    let Some(task) = tasks.first() else {
        return Err(ended(letters, "SQS knows nothing of it"));
    };
    let moved = u64::try_from(task.approximate_number_of_messages_moved()).unwrap_or(0);
    match task.status() {
        Some("COMPLETED") => Ok(Some(moved)),
        Some("RUNNING" | "CANCELLING") | None => Ok(None),
        Some("CANCELLED") => Err(ended(letters, "it was cancelled")),
        Some(_) => Err(ended(letters, task.failure_reason().unwrap_or("it failed"))),
    }
}

fn ended(letters: &Queue, why: &str) -> Error {
    let text = format!("the move task did not end well: {why}");
    let error = Error::new(ErrorKind::Unexpected, text);
    letters.at(error, Operation::Admin)
}

async fn move_each(
    link: &Link,
    queue: &Queue,
    letters: &Queue,
    max: Option<NonZeroU32>,
) -> Result<u64> {
    let max = max.map_or(u64::MAX, |max| max.get().into());
    let (mut count, mut others) = (0, Vec::new());
    while count < max {
        let readings = take(link, letters, max - count, Some(Dead::default())).await?;
        if readings.is_empty() {
            break;
        }
        let (ours, theirs) = readings.into_iter().partition(|it| is_of(it, queue));
        let theirs: Vec<Reading> = theirs;
        others.extend(theirs.into_iter().map(|it| (it.handle, 0)));
        count += move_some(link, queue, letters, ours).await?;
    }
    // What belongs to other queues is seen again at once; an error leaves it away for a minute.
    drop(batch::change(link, letters, &others, Operation::Admin).await);
    Ok(count)
}

/// Returns true if the dead letter came from `queue`, as far as it tells.
fn is_of(reading: &Reading, queue: &Queue) -> bool {
    let Some(envelope) = &reading.envelope else {
        return true;
    };
    envelope.source.entity == Entity::Queue(queue.name.clone())
}

/// Sends `readings`, and deletes what has arrived; returns how many.
async fn move_some(
    link: &Link,
    queue: &Queue,
    letters: &Queue,
    readings: Vec<Reading>,
) -> Result<u64> {
    let writing = writing(link, queue);
    let packets = readings.iter().map(|reading| {
        let digest = Md5::digest(&reading.handle);
        let envoy = Envoy {
            enqueued_at: Some(reading.enqueued_at),
            envelope: None,
            // Its first dedup id may still be known, and would have it dropped.
            dedup: queue
                .is_fifo
                .then(|| format!("relayhouse-{}", hex(&digest))),
        };
        write(&reading.message, &reading.id, &envoy, &writing)
    });
    let packets: Result<Vec<_>> = packets.collect();
    let packets = packets.map_err(|error| queue.at(error, Operation::Admin))?;
    let (mut sent, mut failed) = (Vec::new(), None);
    let answers = batch::send(link, queue, packets).await;
    for (reading, answer) in readings.into_iter().zip(answers) {
        match answer {
            Ok(_) => sent.push(reading.handle),
            Err(error) => failed = Some(queue.at(error, Operation::Admin)),
        }
    }
    let mut count = 0;
    for answer in batch::delete(link, letters, &sent, Operation::Admin).await {
        match answer {
            Ok(()) => count += 1,
            Err(error) => failed = Some(letters.at(error, Operation::Admin)),
        }
    }
    failed.map_or(Ok(count), Err)
}
