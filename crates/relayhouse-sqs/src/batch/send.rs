//! Sends packets: to a queue, or to whatever else takes them in batches.

use std::{collections::HashMap, fmt::Debug, future::Future};

use aws_sdk_sqs::types::SendMessageBatchResultEntry;
use relayhouse_core::{Capabilities, Error, ErrorKind, MessageId, Operation, Result, Sent};

use super::Answers;
use crate::{
    capability::SQS_BYTES_MAX,
    convert::{Digests, Packet, sequence},
    cost::{Call, Load},
    error,
    link::Link,
    pack::pack,
    queue::Queue,
};

/// Is what packets are sent to.
pub(crate) trait Target: Debug + Send + Sync {
    /// The most bytes of one message, and of one call.
    const BYTES_MAX: u64;

    /// True if a message has a field of its own for X-Ray's trace.
    const HAS_TRACE: bool;

    /// Returns true if messages keep their order within a group.
    fn is_fifo(&self) -> bool;

    /// Returns what can be sent to it.
    fn declared<'a>(&self, link: &'a Link) -> &'a Capabilities;

    /// Names it in an error that names nothing yet.
    fn at(&self, error: Error, operation: Operation) -> Error;

    /// Sends what fits into one call, and returns an answer for each packet.
    fn send_call(
        &self,
        link: &Link,
        packets: Vec<Packet>,
    ) -> impl Future<Output = Result<Vec<Result<Sent>>>> + Send;
}

/// Sends `packets` to `target` in as many calls as they need, in their order.
///
/// When a call fails, those after it are not made, and when an entry of a FIFO queue fails, later
/// calls leave out its group: they could overtake what is sent again.
pub(crate) async fn send<T: Target>(
    link: &Link,
    target: &T,
    packets: Vec<Packet>,
) -> Vec<Result<Sent>> {
    let sizes: Vec<u64> = packets.iter().map(Packet::size).collect();
    let mut answers = Vec::with_capacity(packets.len());
    let mut packets = packets.into_iter();
    let mut held = Held::default();
    for call in pack(&sizes, T::BYTES_MAX) {
        let chunk: Vec<Packet> = packets.by_ref().take(call.len()).collect();
        answers.extend(send_chunk(link, target, chunk, &mut held).await);
    }
    answers
}

/// Sends what may leave of one call, and notes in `held` what then may not.
async fn send_chunk<T: Target>(
    link: &Link,
    target: &T,
    chunk: Vec<Packet>,
    held: &mut Held,
) -> Vec<Result<Sent>> {
    let causes: Vec<Option<Error>> = chunk.iter().map(|it| held.cause(it)).collect();
    let leaving = chunk.into_iter().zip(&causes);
    let leaving = leaving.filter_map(|(packet, cause)| cause.is_none().then_some(packet));
    let leaving: Vec<Packet> = leaving.collect();
    let group = |it: &Packet| it.group.clone().filter(|_| target.is_fifo());
    let groups: Vec<Option<String>> = leaving.iter().map(group).collect();
    let sent = match leaving.is_empty() {
        true => Ok(Vec::new()),
        false => target.send_call(link, leaving).await,
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

impl Target for Queue {
    const BYTES_MAX: u64 = SQS_BYTES_MAX;
    const HAS_TRACE: bool = true;

    fn is_fifo(&self) -> bool {
        self.is_fifo
    }

    fn declared<'a>(&self, link: &'a Link) -> &'a Capabilities {
        link.declared.queue(self.is_fifo)
    }

    fn at(&self, error: Error, operation: Operation) -> Error {
        Self::at(self, error, operation)
    }

    async fn send_call(&self, link: &Link, packets: Vec<Packet>) -> Result<Vec<Result<Sent>>> {
        let count = packets.len();
        let bytes = packets.iter().map(Packet::size).sum();
        let digests = link.config.verify.then(|| Digests::of(&packets));
        let entries = packets.into_iter().enumerate();
        let entries: Result<Vec<_>> = entries.map(|(index, it)| it.entry(index)).collect();
        let request = link.client().await?.send_message_batch();
        let request = request.queue_url(&*self.url).set_entries(Some(entries?));
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
        Ok(answers.finish_of_sqs(&answer.failed, Operation::Send))
    }
}

fn sent(entry: &SendMessageBatchResultEntry) -> Sent {
    Sent {
        id: Some(MessageId::from_text(&entry.message_id)),
        sequence: entry.sequence_number().and_then(sequence),
        deduplicated: false,
    }
}
