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
    Backoff, Delivery, Error, ErrorKind, Event, Growth, Jitter, Operation, Result, Settlement,
    Settling, Sleep, port::Receiver,
};
use tracing::debug;

use super::{Mode, Worker};
use crate::{
    consumer::{report::add, shared::Shared},
    lease::Hold,
    output::is_of_the_send,
    sync::{answered, deadline},
};

/// How often a settlement that did not leave is tried.
const TRIES_MAX: u32 = 6;
/// How long a settlement waits between its tries; half of it is left to chance.
const TRY_WAIT: Backoff = Backoff {
    growth: Growth::Exponential,
    delay_first: Duration::from_millis(50),
    delay_max: Duration::from_secs(1),
    jitter: Jitter::None,
};

/// The settlements of one worker.
///
/// Acks and other settlements go apart, since a dead letter or a delayed release is more than one
/// call on many providers.
pub(super) struct Settler {
    lanes: [Lane; 4],
    calls: FuturesUnordered<Call>,
    /// Settlements whose lease is being extended.
    busy: Vec<Settling>,
    /// Settlements that wait for their next try.
    later: FuturesUnordered<Later>,
    /// The settlements in calls, and those that wait for their next try.
    on_the_way: usize,
    /// Vectors, used again.
    spare: Vec<Vec<Settling>>,
    batch_max: usize,
    calls_max: usize,
    timeout: Duration,
    release_delay_max: Duration,
}

/// Names a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ack,
    /// An ack with marks, and with nothing to send.
    Mark,
    /// An ack that is one with sends; each is a call of its own, so that none fails for another.
    Forward,
    Other,
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
    kind: Kind,
    tries: u32,
    batch: Vec<Settling>,
    result: Result<()>,
    took: Duration,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Ack, Self::Mark, Self::Forward, Self::Other];

    fn of(settlement: &Settlement) -> Self {
        match settlement {
            Settlement::Ack => Self::Ack,
            Settlement::Forward(outgoing) if outgoing.messages().is_empty() => Self::Mark,
            Settlement::Forward(_) => Self::Forward,
            _ => Self::Other,
        }
    }
}

impl Settler {
    pub(super) fn new(shared: &Shared, receiver: &dyn Receiver) -> Self {
        let capabilities = receiver.capabilities();
        Self {
            lanes: Default::default(),
            calls: FuturesUnordered::new(),
            busy: Vec::new(),
            later: FuturesUnordered::new(),
            on_the_way: 0,
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
        let kind = Kind::of(&settling.settlement);
        self.lane(kind).queue.push(settling);
    }

    pub(super) fn is_idle(&self) -> bool {
        self.lanes.iter().all(|lane| lane.queue.is_empty())
            && self.calls.is_empty()
            && self.busy.is_empty()
            && self.later.is_empty()
    }

    /// Returns true if no settlement but acks is on its way.
    pub(super) fn is_idle_but_acks(&self) -> bool {
        let [_acks, _marked, others @ ..] = &self.lanes;
        others
            .iter()
            .all(|lane| lane.queue.is_empty() && lane.calls == 0)
            && self.busy.is_empty()
            && self.later.is_empty()
    }

    /// Drops everything, and returns how many settlements nobody will hear of.
    pub(super) fn drop_settles(&mut self) -> u64 {
        let queued: usize = self.lanes.iter().map(|lane| lane.queue.len()).sum();
        let on_the_way = self.busy.len() + take(&mut self.on_the_way);
        self.calls = FuturesUnordered::new();
        self.later = FuturesUnordered::new();
        self.busy.clear();
        self.lanes = Default::default();
        (queued + on_the_way) as u64
    }

    const fn lane(&mut self, kind: Kind) -> &mut Lane {
        &mut self.lanes[kind as usize]
    }

    /// Takes the next batch of a lane: what has queued up, if no call is in flight; beside calls
    /// in flight, a full batch.
    fn take_batch(&mut self, kind: Kind) -> Option<Vec<Settling>> {
        let in_flight: usize = self.lanes.iter().map(|lane| lane.calls).sum();
        let is_forward = kind == Kind::Forward;
        let batch_max = if is_forward { 1 } else { self.batch_max };
        let lane = &mut self.lanes[kind as usize];
        let is_full = batch_max <= lane.queue.len();
        let is_due = lane.calls == 0 || (is_full && in_flight < self.calls_max);
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
            self.settler.on_the_way -= batch.len();
            self.begin_settle(batch, tries);
        }
        for kind in Kind::ALL {
            while let Some(batch) = self.settler.take_batch(kind) {
                has_progress |= self.begin_settle(batch, 0);
            }
        }
        while let Poll::Ready(Some(settled)) = self.settler.calls.poll_next_unpin(context) {
            has_progress = true;
            self.end_settle(settled);
        }
        has_progress
    }

    /// Sends one batch of a lane off, without what cannot be settled now; returns false if nothing
    /// was left.
    fn begin_settle(&mut self, mut batch: Vec<Settling>, tries: u32) -> bool {
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
        let Some(first) = batch.first() else {
            self.settler.spare.push(batch);
            return false;
        };
        let kind = Kind::of(&first.settlement);
        self.settler.lane(kind).calls += 1;
        self.settler.on_the_way += batch.len();
        let call = self.settle_call(kind, batch, tries);
        self.settler.calls.push(call);
        true
    }

    fn settle_call(&self, kind: Kind, mut batch: Vec<Settling>, tries: u32) -> Call {
        let receiver = Arc::clone(&self.receiver);
        let shared = Arc::clone(&self.shared);
        let timeout = self.settler.timeout;
        let began = self.now;
        Box::pin(async move {
            let (outputs, context) = (&shared.outputs, &shared.context);
            let call = async {
                match (kind, batch.as_mut_slice()) {
                    (Kind::Forward, [item]) => {
                        let is_repeated = |error: &Error| is_repeatable(error, tries);
                        outputs.settle_and_send(item, context, is_repeated).await;
                    }
                    // Boxed, so that a call without marks is small.
                    (Kind::Mark, batch) => {
                        Box::pin(outputs.mark_and_ack(&*receiver, batch, context)).await;
                    }
                    (_, batch) => return receiver.settle(batch).await,
                }
                Ok(())
            };
            let clock = &*shared.context.clock;
            let result = answered(clock, timeout, ErrorKind::OutcomeUnknown, call).await;
            let took = match context.observer {
                Some(_) => clock.now().since(began),
                None => Duration::ZERO,
            };
            Settled {
                kind,
                tries,
                batch,
                result,
                took,
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
                Hold::Lost if Kind::of(&item.settlement) == Kind::Mark => self.mark_lost(item),
                Hold::Lost => self.answer(&item, Duration::ZERO, Err(lease_lost())),
            }
        }
        kept
    }

    /// Completes the marks of a message that was handled, though its lease has ended: what comes
    /// again of it is not handled again.
    fn mark_lost(&mut self, mut item: Settling) {
        self.settler.lane(Kind::Mark).calls += 1;
        self.settler.on_the_way += 1;
        let shared = Arc::clone(&self.shared);
        let timeout = self.settler.timeout;
        self.settler.calls.push(Box::pin(async move {
            let context = &shared.context;
            let marked = shared.outputs.mark_lost(&item, context);
            // Whether it was in time or not, the message is not acked.
            let _ = deadline(&*context.clock, timeout, marked).await;
            item.outcome = Err(lease_lost()).into();
            Settled {
                kind: Kind::Mark,
                tries: TRIES_MAX,
                batch: vec![item],
                result: Ok(()),
                took: Duration::ZERO,
            }
        }));
    }

    fn end_settle(&mut self, settled: Settled) {
        let Settled {
            kind,
            tries,
            mut batch,
            result,
            took,
        } = settled;
        self.settler.lane(kind).calls -= 1;
        self.settler.on_the_way -= batch.len();
        self.read_clock();
        self.report_call(&batch, took, result.as_ref().err());
        let all_done = result.is_ok() && batch.iter().all(|item| item.outcome.is_done());
        if all_done {
            self.answer_done(kind, &batch, took);
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
                Err(error) if kind == Kind::Forward && is_of_the_send(&error) => {
                    self.not_sent(item, &error);
                }
                result => self.answer(&item, took, result),
            }
        }
        self.settler.spare.push(batch);
        if !again.is_empty() {
            self.retry_later(again, tries);
        }
    }

    /// What never left may be tried again while the lease holds; the receipt makes it safe.
    fn may_retry(&self, delivery: &Delivery, error: &Error, tries: u32) -> bool {
        is_repeatable(error, tries) && self.now < delivery.lease.until()
    }

    fn retry_later(&mut self, batch: Vec<Settling>, tries: u32) {
        self.settler.on_the_way += batch.len();
        let wait = self.wait_after(tries + 1, &TRY_WAIT);
        let sleep: Sleep = self.clock().sleep_until(self.now + wait);
        self.settler.later.push(Box::pin(async move {
            sleep.await;
            (batch, tries + 1)
        }));
    }

    /// Takes the failure to send for one of the handler: the failure policy decides.
    fn not_sent(&mut self, item: Settling, error: &Error) {
        add(&self.shared.counts.failed, 1);
        let settlement = self.punish(&item.delivery, error);
        self.settle(item.delivery, settlement);
    }

    /// Takes note of a batch that took effect as a whole.
    fn answer_done(&mut self, kind: Kind, batch: &[Settling], took: Duration) {
        self.leases
            .end_settle(batch.iter().map(|item| item.delivery.lease.slot()));
        self.report_settled(batch, took, Ok(()));
        let counts = &self.shared.counts;
        if kind == Kind::Other {
            let is_release =
                |item: &&Settling| matches!(item.settlement, Settlement::Release { .. });
            let released = batch.iter().filter(is_release).count();
            add(&counts.released, released as u64);
            add(&counts.dead_lettered, (batch.len() - released) as u64);
        } else {
            add(&counts.acked, batch.len() as u64);
        }
        for item in batch {
            self.settled(item, true);
        }
    }

    /// Takes note of one settlement's answer.
    fn answer(&mut self, item: &Settling, took: Duration, result: Result<()>) {
        let Err(error) = result else {
            let kind = Kind::of(&item.settlement);
            self.answer_done(kind, std::slice::from_ref(item), took);
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
        self.report_settled(std::slice::from_ref(item), took, Err(&error));
        self.settled(item, false);
    }

    fn report_call(&self, batch: &[Settling], took: Duration, error: Option<&Error>) {
        let source = &self.shared.source;
        self.shared.observe_one(self.now, || Event::SettleCall {
            source,
            messages: u32::try_from(batch.len()).unwrap_or(u32::MAX),
            messages_max: self.receiver.capabilities().settle_batch_max,
            took,
            error,
        });
    }

    fn report_settled<'a>(
        &'a self,
        batch: &'a [Settling],
        took: Duration,
        result: Result<(), &'a Error>,
    ) {
        let source = &self.shared.source;
        self.shared.observe(self.now, || {
            let event = |item: &'a Settling| Event::Settled {
                source,
                delivery: &item.delivery,
                settlement: &item.settlement,
                took,
                result,
            };
            batch.iter().map(event).collect()
        });
    }
}

/// Returns true if what failed so has not left, and has tries left.
fn is_repeatable(error: &Error, tries: u32) -> bool {
    let has_left = error.kind() == ErrorKind::OutcomeUnknown;
    error.is_temporary() && !has_left && tries + 1 < TRIES_MAX
}

fn lease_lost() -> Error {
    Error::new(
        ErrorKind::LeaseLost,
        "the lease ended before the settlement left",
    )
}
