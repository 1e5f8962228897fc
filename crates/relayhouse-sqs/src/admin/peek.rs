//! Shows messages by receiving and releasing them.

use std::{num::NonZeroU32, sync::Arc};

use relayhouse_core::{Delivery, Instant, Lease, Operation, Receipt, Result};

use super::one_by_one::take;
use crate::{
    batch,
    convert::{Dead, Reading},
    link::Link,
    queue::Queue,
};

/// The most messages that one peek takes, so that it ends before their leases do.
const TAKEN_MAX: usize = 200;

/// Shows up to `max` messages of `queues`, the oldest first, and on FIFO queues from the sequence
/// number `from` on.
pub(super) async fn peek(
    link: &Link,
    queues: &[(Queue, Option<Dead>)],
    from: u64,
    max: NonZeroU32,
) -> Result<Vec<Delivery>> {
    let max = usize::try_from(max.get()).unwrap_or(TAKEN_MAX);
    let mut shown = Vec::new();
    for (queue, dead) in queues {
        let left = max - shown.len().min(max);
        shown.extend(peek_at(link, queue, *dead, from, left).await?);
    }
    shown.sort_by_key(|it| (it.sequence, it.enqueued_at));
    Ok(shown.into_iter().map(deliver).collect())
}

async fn peek_at(
    link: &Link,
    queue: &Queue,
    dead: Option<Dead>,
    from: u64,
    max: usize,
) -> Result<Vec<Reading>> {
    let is_asked = |it: &Reading| it.sequence.is_none_or(|sequence| from <= sequence);
    let (mut taken, mut shown) = (Vec::new(), Vec::new());
    while shown.len() < max && taken.len() < TAKEN_MAX {
        let left = max - shown.len();
        let readings = take(link, queue, left as u64, dead).await?;
        if readings.is_empty() {
            break;
        }
        taken.extend(readings.iter().map(|it| (it.handle.clone(), 0)));
        shown.extend(readings.into_iter().filter(is_asked));
    }
    for answer in batch::change(link, queue, &taken, Operation::Admin).await {
        answer.map_err(|error| queue.at(error, Operation::Admin))?;
    }
    Ok(shown)
}

fn deliver(reading: Reading) -> Delivery {
    Delivery {
        id: reading.id,
        message: reading.message,
        receipt: Receipt::from_text(&reading.handle),
        lease: Lease::new(Instant::START, u64::from(reading.attempt)),
        attempt: reading.attempt,
        previous: reading.previous,
        sequence: reading.sequence,
        enqueued_at: reading.enqueued_at,
        envelope: reading.envelope.map(Arc::new),
    }
}
