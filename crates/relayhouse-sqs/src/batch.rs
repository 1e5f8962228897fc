//! The three batch calls, with one answer for each entry, in the order of the entries.

use std::collections::HashMap;

use aws_sdk_sqs::types::{
    BatchResultErrorEntry, ChangeMessageVisibilityBatchRequestEntry as Change,
    DeleteMessageBatchRequestEntry as Delete, SendMessageBatchResultEntry,
};
use relayhouse_core::{Error, ErrorKind, MessageId, Operation, Result, Sent};

use crate::{
    capability::BATCH_MAX,
    convert::{Digests, Packet, sequence},
    cost::{Call, Load},
    error,
    link::Link,
    pack::pack,
    queue::Queue,
};

/// Sends `packets` in as many calls as they need, in their order.
///
/// When a call fails, those after it are not made, and when an entry of a FIFO queue fails, later
/// calls leave out its group: they could overtake what is sent again.
pub(crate) async fn send(link: &Link, queue: &Queue, packets: Vec<Packet>) -> Vec<Result<Sent>> {
    let sizes: Vec<u64> = packets.iter().map(Packet::size).collect();
    let mut answers = Vec::with_capacity(packets.len());
    let mut packets = packets.into_iter();
    let mut held = Held::default();
    for call in pack(&sizes) {
        let chunk: Vec<Packet> = packets.by_ref().take(call.len()).collect();
        answers.extend(send_chunk(link, queue, chunk, &mut held).await);
    }
    answers
}

/// Sends what may leave of one call, and notes in `held` what then may not.
async fn send_chunk(
    link: &Link,
    queue: &Queue,
    chunk: Vec<Packet>,
    held: &mut Held,
) -> Vec<Result<Sent>> {
    let causes: Vec<Option<Error>> = chunk.iter().map(|it| held.cause(it)).collect();
    let leaving = chunk.into_iter().zip(&causes);
    let leaving = leaving.filter_map(|(packet, cause)| cause.is_none().then_some(packet));
    let leaving: Vec<Packet> = leaving.collect();
    let group = |it: &Packet| it.group.clone().filter(|_| queue.is_fifo);
    let groups: Vec<Option<String>> = leaving.iter().map(group).collect();
    let sent = match leaving.is_empty() {
        true => Ok(Vec::new()),
        false => send_call(link, queue, leaving).await,
    };
    let sent = sent.unwrap_or_else(|cause| {
        held.all = Some(cause.clone());
        groups.iter().map(|_| Err(cause.clone())).collect()
    });
    for (group, answer) in groups.into_iter().zip(&sent) {
        if let (Some(group), Err(cause)) = (group, answer) {
            held.groups.insert(group, cause.clone());
        }
    }
    let mut sent = sent.into_iter();
    let answers = causes.into_iter().map(|cause| match cause {
        Some(cause) => Err(not_sent(&cause)),
        None => sent
            .next()
            .unwrap_or_else(|| Err(error::missing_answer(Operation::Send))),
    });
    answers.collect()
}

/// What may not leave any more, since something before it failed.
#[derive(Debug, Default)]
struct Held {
    all: Option<Error>,
    groups: HashMap<String, Error>,
}

impl Held {
    /// Returns what failed before `packet` and holds it back.
    fn cause(&self, packet: &Packet) -> Option<Error> {
        let of_group = packet.group.as_ref().and_then(|it| self.groups.get(it));
        self.all.as_ref().or(of_group).cloned()
    }
}

fn not_sent(cause: &Error) -> Error {
    Error::new(
        ErrorKind::ConnectionFailed,
        "it was not sent, since what comes before it failed",
    )
    .operation(Operation::Send)
    .with_source(cause.clone())
}

async fn send_call(link: &Link, queue: &Queue, packets: Vec<Packet>) -> Result<Vec<Result<Sent>>> {
    let count = packets.len();
    let bytes = packets.iter().map(Packet::size).sum();
    let digests = link.config.verify.then(|| Digests::of(&packets));
    let entries = packets.into_iter().enumerate();
    let entries: Result<Vec<_>> = entries.map(|(index, it)| it.entry(index)).collect();
    let request = link.client().await?.send_message_batch();
    let request = request.queue_url(&*queue.url).set_entries(Some(entries?));
    let load = Load::new(Call::Send, count as u64, bytes);
    let answer = link
        .call(load, Operation::Send, Box::pin(request.send()))
        .await?;
    link.called(Operation::Send, count as u64, load.requests());
    let mut answers = Answers::new(count);
    for entry in answer.successful {
        let index = answers.index(&entry.id);
        let check =
            |digests: &Vec<Digests>| index.map_or(Ok(()), |index| digests[index].check(&entry));
        let is_sound = digests.as_ref().map_or(Ok(()), check);
        answers.set(index, is_sound.map(|()| sent(&entry)));
    }
    Ok(answers.finish(&answer.failed, Operation::Send))
}

fn sent(entry: &SendMessageBatchResultEntry) -> Sent {
    Sent {
        id: Some(MessageId::from_text(&entry.message_id)),
        sequence: entry.sequence_number().and_then(sequence),
        deduplicated: false,
    }
}

/// Deletes the messages of `handles`.
pub(crate) async fn delete(
    link: &Link,
    queue: &Queue,
    handles: Vec<String>,
    operation: Operation,
) -> Vec<Result<()>> {
    let mut answers = Vec::with_capacity(handles.len());
    let mut handles = handles.into_iter();
    while 0 < handles.len() {
        let chunk: Vec<_> = handles.by_ref().take(BATCH_MAX).collect();
        let count = chunk.len();
        match delete_call(link, queue, chunk, operation).await {
            Ok(results) => answers.extend(results),
            Err(cause) => answers.extend((0..count).map(|_| Err(cause.clone()))),
        }
    }
    answers
}

async fn delete_call(
    link: &Link,
    queue: &Queue,
    handles: Vec<String>,
    operation: Operation,
) -> Result<Vec<Result<()>>> {
    let count = handles.len();
    let entries = handles.into_iter().enumerate().map(|(index, handle)| {
        let entry = Delete::builder().id(index.to_string());
        entry.receipt_handle(handle).build().map_err(unbuilt)
    });
    let entries: Result<Vec<_>> = entries.collect();
    let request = link.client().await?.delete_message_batch();
    let request = request.queue_url(&*queue.url).set_entries(Some(entries?));
    let load = Load::new(Call::Delete, count as u64, 0);
    let answer = link.call(load, operation, Box::pin(request.send())).await?;
    link.called(operation, count as u64, 1);
    let mut answers = Answers::new(count);
    for entry in &answer.successful {
        let index = answers.index(&entry.id);
        answers.set(index, Ok(()));
    }
    Ok(answers.finish(&answer.failed, operation))
}

/// Gives each message of `changes` another visibility timeout, in seconds.
pub(crate) async fn change(
    link: &Link,
    queue: &Queue,
    changes: &[(String, i32)],
    operation: Operation,
) -> Vec<Result<()>> {
    let mut answers = Vec::with_capacity(changes.len());
    for chunk in changes.chunks(BATCH_MAX) {
        match change_call(link, queue, chunk, operation).await {
            Ok(results) => answers.extend(results),
            Err(cause) => answers.extend(chunk.iter().map(|_| Err(cause.clone()))),
        }
    }
    answers
}

async fn change_call(
    link: &Link,
    queue: &Queue,
    changes: &[(String, i32)],
    operation: Operation,
) -> Result<Vec<Result<()>>> {
    let entries = changes
        .iter()
        .enumerate()
        .map(|(index, (handle, seconds))| {
            let entry = Change::builder().id(index.to_string());
            let entry = entry.receipt_handle(handle).visibility_timeout(*seconds);
            entry.build().map_err(unbuilt)
        });
    let entries: Result<Vec<_>> = entries.collect();
    let request = link.client().await?.change_message_visibility_batch();
    let request = request.queue_url(&*queue.url).set_entries(Some(entries?));
    let answer = link
        .call(Call::ChangeVisibility, operation, Box::pin(request.send()))
        .await?;
    link.called(operation, changes.len() as u64, 1);
    let mut answers = Answers::new(changes.len());
    for entry in &answer.successful {
        let index = answers.index(&entry.id);
        answers.set(index, Ok(()));
    }
    Ok(answers.finish(&answer.failed, operation))
}

fn unbuilt(source: aws_sdk_sqs::error::BuildError) -> Error {
    Error::new(ErrorKind::Unexpected, "the request cannot be built").with_source(source)
}

/// Collects the answers of one call: in any order, double, short or made up, as they come.
struct Answers<T>(Vec<Option<Result<T>>>);

impl<T> Answers<T> {
    fn new(count: usize) -> Self {
        Self((0..count).map(|_| None).collect())
    }

    /// Returns which entry has the id, if one has.
    fn index(&self, id: &str) -> Option<usize> {
        id.parse().ok().filter(|index| *index < self.0.len())
    }

    /// Keeps the first answer for an entry, unless a later one says that it failed.
    fn set(&mut self, index: Option<usize>, answer: Result<T>) {
        let Some(slot) = index.and_then(|index| self.0.get_mut(index)) else {
            return;
        };
        if slot.is_none() || answer.is_err() {
            *slot = Some(answer);
        }
    }

    fn finish(mut self, failed: &[BatchResultErrorEntry], operation: Operation) -> Vec<Result<T>> {
        for entry in failed {
            let index = self.index(&entry.id);
            self.set(index, Err(error::of_entry(entry, operation)));
        }
        let answers = self.0.into_iter();
        let missing = || Err(error::missing_answer(operation));
        answers.map(|it| it.unwrap_or_else(missing)).collect()
    }
}
