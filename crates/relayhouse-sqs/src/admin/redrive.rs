//! Sends dead letters back: by a move task of SQS, or message by message.

use std::{
    collections::HashSet,
    fmt::{self, Debug},
    num::NonZeroU32,
    time::Duration,
};

use md5::{Digest, Md5};
use relayhouse_core::{
    Envelope, Error, ErrorKind, Message, MessageId, Operation, QueueName, Result,
};

use super::one_by_one::take;
use crate::{
    batch,
    convert::{Dead, Envoy, Packet, Reading, hex},
    cost::Call,
    error,
    link::Link,
    location::name_of_queue_url,
    queue::Queue,
    sender::write_again,
    shards::Shards,
    subscription,
};

/// How often a move task is looked at: at first, and at last.
const LOOK_EVERY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// The most messages a second that a move task of SQS can be held to.
const RATE_MAX: u32 = 500;

/// Tells how far a redrive is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The messages sent back until now, approximately.
    pub moved: u64,
    /// All there are to send back, where SQS tells.
    pub total: Option<u64>,
}

type Filter = dyn Fn(&Message, Option<&Envelope>) -> bool + Send + Sync;
type Watcher = dyn Fn(Progress) + Send + Sync;

/// Says what to send back, and how fast.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) max: Option<NonZeroU32>,
    pub(crate) rate: Option<NonZeroU32>,
    pub(crate) filter: Option<Box<Filter>>,
    pub(crate) watcher: Option<Box<Watcher>>,
}

impl Plan {
    fn tell(&self, moved: u64, total: Option<u64>) {
        if let Some(watcher) = &self.watcher {
            watcher(Progress { moved, total });
        }
    }

    fn wants(&self, reading: &Reading) -> bool {
        let filter = self.filter.as_ref();
        filter.is_none_or(|filter| filter(&reading.message, reading.envelope.as_ref()))
    }
}

impl Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            max,
            rate,
            filter,
            watcher: _,
        } = self;
        f.debug_struct("Plan")
            .field("max", max)
            .field("rate", rate)
            .field("has_filter", &filter.is_some())
            .finish_non_exhaustive()
    }
}

/// Is where dead letters go back to.
#[derive(Debug)]
pub(super) struct Destination {
    name: QueueName,
    queues: Vec<Queue>,
    shards: Option<Shards>,
}

impl Destination {
    /// Names the destination, which is `queues`: one, or the shards of one in their order.
    pub(super) fn new(name: &QueueName, queues: Vec<Queue>) -> Result<Self> {
        Ok(Self {
            shards: Shards::of(name.as_str())?,
            name: name.clone(),
            queues,
        })
    }

    /// Returns true if the dead letter came from here, as far as it tells.
    fn sent(&self, reading: &Reading) -> bool {
        let Some(envelope) = &reading.envelope else {
            return true;
        };
        let Ok(source) = subscription::queue_of(&envelope.source.entity) else {
            return false;
        };
        source == self.name || self.queues.iter().any(|queue| queue.name == source)
    }

    /// Returns which of the queues the message goes to: that of its key, for the sake of the order.
    fn queue_of(&self, reading: &Reading) -> Option<&Queue> {
        let key = reading.message.details().ordering_key.as_deref();
        let number = match (&self.shards, key) {
            (Some(shards), Some(key)) => shards.shard_of(key),
            _ => 0,
        };
        self.queues.get(number)
    }
}

/// Sends the dead letters in `letters` back to where they came from, and returns how many.
///
/// SQS moves all that is in a dead-letter queue, so one that serves several queues, a maximum and a
/// filter need each message to be received, sent and deleted.
pub(super) async fn redrive(
    link: &Link,
    to: &Destination,
    letters: &[(Queue, Dead)],
    plan: &Plan,
) -> Result<u64> {
    let mut count = 0;
    for (letters, dead) in letters {
        let moves_all = plan.max.is_none() && plan.filter.is_none();
        let only = match moves_all {
            true => only_source(link, to, letters).await?,
            false => None,
        };
        count = match only {
            Some(queue) => move_all(link, queue, letters, plan, count).await?,
            None => move_each(link, to, (letters, *dead), plan, count).await?,
        };
    }
    Ok(count)
}

/// Returns the one queue whose dead letters are in `letters`; `None` where several have theirs there.
async fn only_source<'a>(
    link: &Link,
    to: &'a Destination,
    letters: &Queue,
) -> Result<Option<&'a Queue>> {
    let sources = sources(link, letters, 2).await?;
    let [source] = &sources[..] else {
        return Ok(None);
    };
    Ok(to.queues.iter().find(|queue| queue.name == *source))
}

/// Lists up to `max` queues whose dead letters are in `letters`.
pub(super) async fn sources(link: &Link, letters: &Queue, max: i32) -> Result<Vec<QueueName>> {
    let mut names = Vec::new();
    let mut next = None;
    loop {
        let request = link.client().await?.list_dead_letter_source_queues();
        let request = request.queue_url(&*letters.url).max_results(max);
        let request = request.set_next_token(next);
        let answer = link
            .call(Call::Other, Operation::Admin, Box::pin(request.send()))
            .await;
        let answer = answer.map_err(|error| letters.at(error, Operation::Admin))?;
        let urls = answer.queue_urls.iter();
        names.extend(urls.filter_map(|url| name_of_queue_url(url)));
        next = answer.next_token;
        if next.is_none() {
            return Ok(names);
        }
    }
}

async fn move_all(
    link: &Link,
    queue: &Queue,
    letters: &Queue,
    plan: &Plan,
    before: u64,
) -> Result<u64> {
    let from = arn(link, letters).await?;
    let to = arn(link, queue).await?;
    let rate = plan.rate.map(|rate| rate.get().min(RATE_MAX));
    let request = link.client().await?.start_message_move_task();
    let request = request
        .source_arn(&from)
        .destination_arn(to)
        .set_max_number_of_messages_per_second(rate.and_then(|rate| i32::try_from(rate).ok()));
    let started = link
        .call(Call::Other, Operation::Admin, Box::pin(request.send()))
        .await;
    started.map_err(|error| letters.at(error, Operation::Admin))?;
    let mut every = LOOK_EVERY.0;
    loop {
        let task = look(link, letters, &from).await?;
        plan.tell(before + task.moved, task.total.map(|total| before + total));
        if task.is_done {
            return Ok(before + task.moved);
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

/// What SQS tells of a move task.
struct Task {
    moved: u64,
    total: Option<u64>,
    is_done: bool,
}

/// Looks at the latest task.
async fn look(link: &Link, letters: &Queue, from: &str) -> Result<Task> {
    let request = link.client().await?.list_message_move_tasks();
    let request = request.source_arn(from).max_results(1);
    let answer = link
        .call(Call::Other, Operation::Admin, Box::pin(request.send()))
        .await;
    let answer = answer.map_err(|error| letters.at(error, Operation::Admin))?;
    let tasks = answer.results.unwrap_or_default();
    let Some(task) = tasks.first() else {
        return Err(ended(letters, "SQS knows nothing of it"));
    };
    let total = task.approximate_number_of_messages_to_move();
    let is_done = match task.status() {
        Some("COMPLETED") => true,
        Some("RUNNING" | "CANCELLING") | None => false,
        Some("CANCELLED") => return Err(ended(letters, "it was cancelled")),
        Some(_) => return Err(ended(letters, task.failure_reason().unwrap_or("it failed"))),
    };
    Ok(Task {
        moved: u64::try_from(task.approximate_number_of_messages_moved()).unwrap_or(0),
        total: total.and_then(|total| u64::try_from(total).ok()),
        is_done,
    })
}

fn ended(letters: &Queue, why: &str) -> Error {
    let text = format!("the move task did not end well: {why}");
    let error = Error::new(ErrorKind::Unexpected, text);
    letters.at(error, Operation::Admin)
}

async fn move_each(
    link: &Link,
    to: &Destination,
    (letters, dead): (&Queue, Dead),
    plan: &Plan,
    before: u64,
) -> Result<u64> {
    let max = plan.max.map_or(u64::MAX, |max| max.get().into());
    let (mut count, mut left) = (before, Vec::new());
    let mut seen: HashSet<MessageId> = HashSet::new();
    while count < max {
        let readings = take(link, letters, max - count, Some(dead)).await?;
        let took = readings.len();
        let (ours, others): (Vec<_>, Vec<_>) = readings
            .into_iter()
            .partition(|reading| to.sent(reading) && plan.wants(reading));
        // Those that stay come again when their leases end: then all were seen.
        let is_new = others
            .iter()
            .filter(|it| seen.insert(it.id.clone()))
            .count();
        left.extend(others.into_iter().map(|it| (it.handle, 0)));
        if took == 0 || (ours.is_empty() && is_new == 0) {
            break;
        }
        let moved = move_some(link, to, letters, ours).await?;
        count += moved;
        plan.tell(count, None);
        hold_to(link, plan.rate, moved).await;
    }
    // What stays is seen again at once; an error leaves it away for a minute.
    drop(batch::change(link, letters, &left, Operation::Admin).await);
    Ok(count)
}

/// Waits for as long as `moved` messages take at `rate`.
async fn hold_to(link: &Link, rate: Option<NonZeroU32>, moved: u64) {
    let Some(rate) = rate else {
        return;
    };
    let millis = moved.saturating_mul(1000) / u64::from(rate.get());
    let until = link.now() + Duration::from_millis(millis);
    link.clock().sleep_until(until).await;
}

/// Sends `readings`, and deletes what has arrived; returns how many.
async fn move_some(
    link: &Link,
    to: &Destination,
    letters: &Queue,
    readings: Vec<Reading>,
) -> Result<u64> {
    let (mut sent, mut failed) = (Vec::new(), None);
    for queue in &to.queues {
        let of_queue = |it: &&Reading| to.queue_of(it).is_some_and(|it| it.url == queue.url);
        let (mut packets, mut handles) = (Vec::new(), Vec::new());
        for reading in readings.iter().filter(of_queue) {
            match packet(link, queue, reading) {
                Ok(packet) => {
                    packets.push(packet);
                    handles.push(reading.handle.clone());
                }
                Err(error) => failed = Some(queue.at(error, Operation::Admin)),
            }
        }
        let answers = batch::send(link, queue, packets).await;
        for (handle, answer) in handles.into_iter().zip(answers) {
            match answer {
                Ok(_) => sent.push(handle),
                Err(error) => failed = Some(queue.at(error, Operation::Admin)),
            }
        }
    }
    let mut count = 0;
    for answer in batch::delete(link, letters, sent, Operation::Admin).await {
        match answer {
            Ok(()) => count += 1,
            Err(error) => failed = Some(letters.at(error, Operation::Admin)),
        }
    }
    failed.map_or(Ok(count), Err)
}

fn packet(link: &Link, queue: &Queue, reading: &Reading) -> Result<Packet> {
    if let Some(unread) = &reading.unread {
        return Err(unread.clone());
    }
    let digest = Md5::digest(&reading.handle);
    let envoy = Envoy {
        enqueued_at: Some(reading.enqueued_at),
        // Its first dedup id may still be known, and would have it dropped.
        dedup: queue.is_fifo.then(|| format!("relayhouse-{}", hex(digest))),
        ..Envoy::default()
    };
    write_again(&reading.message, &reading.id, &envoy, (link, queue))
}
