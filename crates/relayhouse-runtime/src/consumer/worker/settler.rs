//! Settlements on their way: coalesced while calls are in flight, tried again while it is safe.

use std::{
    future::Future,
    mem::take,
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll},
    time::Duration,
};

use futures_util::stream::{FuturesUnordered, StreamExt};
use relayhouse_core::{
    Delivery, Error, ErrorKind, Event, Operation, Result, Settlement, Settling, Sleep,
    port::Receiver,
};
use tracing::debug;

use super::{Mode, Worker};
use crate::{
    consumer::{report::add, shared::Shared},
    lease::Hold,
    sync::answered,
};

/// How often a settlement that did not leave is tried.
const TRIES_MAX: u32 = 6;
/// The wait before the second try; it doubles with each further one.
const TRY_WAIT: Duration = Duration::from_millis(50);

/// The settlements of one worker.
///
/// Acks and other settlements go apart, since a dead letter or a delayed release is more than one
/// call on many providers.
pub(super) struct Settler {
    acks: Lane,
    others: Lane,
    calls: FuturesUnordered<Call>,
    /// Settlements whose lease is being extended.
    busy: Vec<Settling>,
    /// Settlements that wait for their next try.
    later: FuturesUnordered<Later>,
    /// Vectors, used again.
    spare: Vec<Vec<Settling>>,
    batch_max: usize,
    calls_max: usize,
    timeout: Duration,
    release_delay_max: Duration,
}

#[derive(Default)]
struct Lane {
    queue: Vec<Settling>,
    calls: usize,
}

type Call = Pin<Box<dyn Future<Output = Settled> + Send>>;
type Later = Pin<Box<dyn Future<Output = (Vec<Settling>, u32)> + Send>>;

/// Is the end of one settle.
struct Settled {
    is_acks: bool,
    tries: u32,
    batch: Vec<Settling>,
    result: Result<()>,
}

impl Settler {
    pub(super) fn new(shared: &Shared, receiver: &dyn Receiver) -> Self {
        let capabilities = receiver.capabilities();
        Self {
            acks: Lane::default(),
            others: Lane::default(),
            calls: FuturesUnordered::new(),
            busy: Vec::new(),
            later: FuturesUnordered::new(),
            spare: Vec::new(),
            batch_max: capabilities
                .settle_batch_max
                .map_or(usize::MAX, |max| max.get() as usize),
            calls_max: shared.config.settles_in_flight.get() as usize,
            timeout: shared.config.timeouts.settle,
            release_delay_max: capabilities.release_delay_max.unwrap_or(Duration::MAX),
        }
    }

    /// Shortens a delay that is longer than the provider can hold a message.
    pub(super) fn fit(&self, settlement: Settlement) -> Settlement {
        match settlement {
            Settlement::Release { delay } => Settlement::Release {
                delay: delay.min(self.release_delay_max),
            },
            other => other,
        }
    }

    pub(super) fn push(&mut self, settling: Settling) {
        self.lane(settling.settlement == Settlement::Ack)
            .queue
            .push(settling);
    }

    pub(super) fn is_idle(&self) -> bool {
        self.acks.queue.is_empty()
            && self.others.queue.is_empty()
            && self.calls.is_empty()
            && self.busy.is_empty()
            && self.later.is_empty()
    }

    /// Returns true if no settlement but acks is on its way.
    pub(super) fn is_idle_but_acks(&self) -> bool {
        self.others.queue.is_empty()
            && self.others.calls == 0
            && self.busy.is_empty()
            && self.later.is_empty()
    }

    /// Drops everything, and returns how many settlements nobody will hear of.
    pub(super) fn drop_settles(&mut self) -> u64 {
        let queued = self.acks.queue.len() + self.others.queue.len() + self.busy.len();
        let calls = self.calls.len() + self.later.len();
        self.calls = FuturesUnordered::new();
        self.later = FuturesUnordered::new();
        self.busy.clear();
        self.acks = Lane::default();
        self.others = Lane::default();
        (queued + calls) as u64
    }

    fn lane(&mut self, is_acks: bool) -> &mut Lane {
        if is_acks {
            &mut self.acks
        } else {
            &mut self.others
        }
    }

    /// Takes the next batch of a lane: what has queued up, if no call is in flight; beside calls
    /// in flight, a full batch.
    fn take_batch(&mut self, is_acks: bool) -> Option<Vec<Settling>> {
        let (batch_max, calls_max) = (self.batch_max, self.calls_max);
        let in_flight = self.acks.calls + self.others.calls;
        let lane = if is_acks {
            &mut self.acks
        } else {
            &mut self.others
        };
        let is_due = lane.calls == 0 || (batch_max <= lane.queue.len() && in_flight < calls_max);
        if lane.queue.is_empty() || !is_due {
            return None;
        }
        let mut batch = self.spare.pop().unwrap_or_default();
        if lane.queue.len() <= batch_max {
            std::mem::swap(&mut batch, &mut lane.queue);
        } else {
            batch.extend(lane.queue.drain(..batch_max));
        }
        Some(batch)
    }
}

impl<M: Mode> Worker<M> {
    /// Sends settlements off, and takes their answers.
    pub(super) fn poll_settles(&mut self, context: &mut TaskContext<'_>) -> bool {
        let mut has_progress = false;
        for item in take(&mut self.settler.busy) {
            self.settler.push(item);
        }
        while let Poll::Ready(Some((batch, tries))) = self.settler.later.poll_next_unpin(context) {
            has_progress = true;
            let is_acks = batch
                .first()
                .is_some_and(|item| item.settlement == Settlement::Ack);
            self.begin_settle(is_acks, batch, tries);
        }
        for is_acks in [true, false] {
            while let Some(batch) = self.settler.take_batch(is_acks) {
                has_progress |= self.begin_settle(is_acks, batch, 0);
            }
        }
        while let Poll::Ready(Some(settled)) = self.settler.calls.poll_next_unpin(context) {
            has_progress = true;
            self.end_settle(settled);
        }
        has_progress
    }

    /// Sends one batch off, without what cannot be settled now; returns false if nothing was left.
    fn begin_settle(&mut self, is_acks: bool, mut batch: Vec<Settling>, tries: u32) -> bool {
        let mut holds = Vec::new();
        let slots = batch.iter().map(|item| item.delivery.lease.slot());
        let mut all_held = true;
        self.leases.begin_settle(slots, self.now, |hold| {
            all_held &= matches!(hold, Hold::Held);
            if !all_held {
                holds.push(hold);
            }
        });
        if !all_held {
            batch = self.keep_held(batch, &holds);
        }
        if batch.is_empty() {
            self.settler.spare.push(batch);
            return false;
        }
        self.settler.lane(is_acks).calls += 1;
        self.settler
            .calls
            .push(self.settle_call(is_acks, batch, tries));
        true
    }

    fn settle_call(&self, is_acks: bool, mut batch: Vec<Settling>, tries: u32) -> Call {
        let receiver = Arc::clone(&self.receiver);
        let clock = Arc::clone(&self.shared.context.clock);
        let timeout = self.settler.timeout;
        Box::pin(async move {
            let call = receiver.settle(&mut batch);
            let result = answered(&*clock, timeout, ErrorKind::OutcomeUnknown, call).await;
            Settled {
                is_acks,
                tries,
                batch,
                result,
            }
        })
    }

    /// Takes out of `batch` what has lost its lease, and puts back what is being extended.
    /// `holds` answers for the items from the first that is not held on.
    fn keep_held(&mut self, batch: Vec<Settling>, holds: &[Hold]) -> Vec<Settling> {
        let held_first = batch.len() - holds.len();
        let mut kept = Vec::with_capacity(batch.len());
        for (index, item) in batch.into_iter().enumerate() {
            let hold = index
                .checked_sub(held_first)
                .map_or(Hold::Held, |index| holds[index]);
            match hold {
                Hold::Held => kept.push(item),
                Hold::Busy => self.settler.busy.push(item),
                Hold::Lost => self.answer(&item, Err(lease_lost())),
            }
        }
        kept
    }

    fn end_settle(&mut self, settled: Settled) {
        let Settled {
            is_acks,
            tries,
            mut batch,
            result,
        } = settled;
        self.settler.lane(is_acks).calls -= 1;
        self.read_clock();
        let all_done = result.is_ok() && batch.iter().all(|item| item.outcome.is_done());
        if all_done {
            self.answer_done(is_acks, &batch);
            batch.clear();
            self.settler.spare.push(batch);
            return;
        }
        let mut again = Vec::new();
        for mut item in batch.drain(..) {
            match take(&mut item.outcome).settle(&result) {
                Err(error) if self.may_retry(&item.delivery, &error, tries) => {
                    debug!(source = %self.shared.source, %error, "a settle is tried again");
                    again.push(item);
                }
                result => self.answer(&item, result),
            }
        }
        self.settler.spare.push(batch);
        if !again.is_empty() {
            self.retry_later(again, tries);
        }
    }

    /// What never left may be tried again while the lease holds; the receipt makes it safe.
    fn may_retry(&self, delivery: &Delivery, error: &Error, tries: u32) -> bool {
        let has_left = error.kind() == ErrorKind::OutcomeUnknown;
        error.is_temporary()
            && !has_left
            && tries + 1 < TRIES_MAX
            && self.now < delivery.lease.until()
    }

    fn retry_later(&self, batch: Vec<Settling>, tries: u32) {
        let wait = TRY_WAIT.saturating_mul(1 << tries);
        let wait = wait / 2 + self.shared.context.random.up_to(wait / 2);
        let sleep: Sleep = self.clock().sleep_until(self.now + wait);
        self.settler.later.push(Box::pin(async move {
            sleep.await;
            (batch, tries + 1)
        }));
    }

    /// Takes note of a batch that took effect as a whole.
    fn answer_done(&mut self, is_acks: bool, batch: &[Settling]) {
        self.leases
            .end_settle(batch.iter().map(|item| item.delivery.lease.slot()));
        self.report_settled(batch, Ok(()));
        let counts = &self.shared.counts;
        if is_acks {
            add(&counts.acked, batch.len() as u64);
        } else {
            let is_release =
                |item: &&Settling| matches!(item.settlement, Settlement::Release { .. });
            let released = batch.iter().filter(is_release).count();
            add(&counts.released, released as u64);
            add(&counts.dead_lettered, (batch.len() - released) as u64);
        }
        for item in batch {
            self.settled(item, true);
        }
    }

    /// Takes note of one settlement's answer.
    fn answer(&mut self, item: &Settling, result: Result<()>) {
        let Err(error) = result else {
            let is_acks = item.settlement == Settlement::Ack;
            self.answer_done(is_acks, std::slice::from_ref(item));
            return;
        };
        self.leases
            .end_settle(std::iter::once(item.delivery.lease.slot()));
        let error = error.at(Operation::Settle, &self.shared.source);
        let counts = &self.shared.counts;
        let counter = match error.kind() {
            ErrorKind::LeaseLost => &counts.lease_lost,
            ErrorKind::OutcomeUnknown => &counts.unknown,
            _ => &counts.settle_failed,
        };
        add(counter, 1);
        debug!(%error, "a delivery was not settled");
        self.report_settled(std::slice::from_ref(item), Err(&error));
        self.settled(item, false);
    }

    fn report_settled<'a>(&'a self, batch: &'a [Settling], result: Result<(), &'a Error>) {
        let source = &self.shared.source;
        self.shared.observe(self.now, || {
            let event = |item: &'a Settling| Event::Settled {
                source,
                delivery: &item.delivery,
                settlement: &item.settlement,
                result,
            };
            batch.iter().map(event).collect()
        });
    }
}

fn lease_lost() -> Error {
    Error::new(
        ErrorKind::LeaseLost,
        "the lease ended before the settlement left",
    )
}
