//! Receives: how many, for how much, and what becomes of what they bring.

use std::{
    future::Future,
    num::{NonZeroU32, NonZeroU64},
    pin::Pin,
    sync::Arc,
    task::{Context as TaskContext, Poll},
    time::Duration,
};

use futures_util::stream::{FuturesUnordered, StreamExt};
use relayhouse_core::{
    Backoff, Delivery, Error, ErrorKind, Event, Growth, Jitter, LeaseKind, Operation, Previous,
    Result, Sleep,
    port::{ReceiveRequest, Receiver},
};
use tracing::debug;

use super::{Entry, Mode, Phase, Worker};
use crate::{
    config::Suspects,
    consumer::{report::add, shared::Shared},
    sync::answered,
};

/// How long receives wait after failures in a row; half of it is left to chance.
const FAILURE_WAIT: Backoff = Backoff {
    growth: Growth::Exponential,
    delay_first: Duration::from_millis(100),
    delay_max: Duration::from_secs(30),
    jitter: Jitter::None,
};
/// What waits for a handler may take up to this share of a lease to start.
const LEASE_SHARE: u32 = 4;

/// The receives of one worker.
pub(super) struct Intake {
    calls: FuturesUnordered<Call>,
    /// The messages that the calls ask for together.
    asked: usize,
    asked_bytes: u64,
    /// Vectors, used again.
    spare: Vec<Vec<Delivery>>,
    /// The most messages one receive brings.
    batch_max: usize,
    /// Whether the last answer was empty, or none has come: then one call waits, of all workers.
    seems_empty: bool,
    /// The most calls at a time now.
    calls_now: usize,
    calls_max: usize,
    wait: Duration,
    timeout: Duration,
    can_drop: bool,
    failures: u32,
    pause: Option<Sleep>,
}

type Call = Pin<Box<dyn Future<Output = Received> + Send>>;

/// Is the end of one receive.
pub(super) struct Received {
    asked: usize,
    asked_bytes: u64,
    deliveries: Vec<Delivery>,
    result: Result<()>,
    took: Duration,
}

impl Intake {
    pub(super) fn new(shared: &Shared, receiver: &dyn Receiver) -> Self {
        let capabilities = receiver.capabilities();
        let config = &shared.config;
        let batch_max = capabilities.receive_batch_max;
        Self {
            calls: FuturesUnordered::new(),
            asked: 0,
            asked_bytes: 0,
            spare: Vec::new(),
            batch_max: batch_max.map_or(usize::MAX, |max| max.get() as usize),
            seems_empty: true,
            calls_now: 1,
            calls_max: config.receives_in_flight.get() as usize,
            wait: capabilities
                .receive_wait_max
                .map_or(config.receive_wait, |max| max.min(config.receive_wait)),
            timeout: config.timeouts.receive_beyond_wait,
            can_drop: capabilities.receive_drop.is_supported(),
            failures: 0,
            pause: None,
        }
    }

    pub(super) fn wait_at_most(&mut self, wait: Duration) {
        self.wait = self.wait.min(wait);
    }

    pub(super) fn is_idle(&self) -> bool {
        self.calls.is_empty()
    }

    /// Learns from an answer how many calls to have at a time: all after a full one, one more after
    /// half of what was asked for, one fewer after less. Each of many would bring but a few.
    fn learn(&mut self, asked: usize, came: usize) {
        self.seems_empty = came == 0;
        self.calls_now = if self.seems_empty {
            1
        } else if asked <= came {
            self.calls_max
        } else if asked <= 2 * came {
            self.calls_max.min(self.calls_now + 1)
        } else {
            1.max(self.calls_now - 1)
        };
    }

    /// Drops the receives in flight, and returns how many may leave messages leased to nobody.
    pub(super) fn drop_receives(&mut self) -> u64 {
        let dropped = if self.can_drop {
            0
        } else {
            self.calls.len() as u64
        };
        self.calls = FuturesUnordered::new();
        self.asked = 0;
        self.asked_bytes = 0;
        dropped
    }

    /// Returns true once the wait after a failure is over.
    fn is_open(&mut self, context: &mut TaskContext<'_>) -> bool {
        if let Some(pause) = &mut self.pause {
            if pause.as_mut().poll(context).is_pending() {
                return false;
            }
            self.pause = None;
        }
        true
    }
}

impl<M: Mode> Worker<M> {
    /// Takes in what receives have brought. In a drain, receives that can be dropped are.
    pub(super) fn poll_receives(&mut self, phase: Phase, context: &mut TaskContext<'_>) -> bool {
        let drops = (Phase::Draining <= phase && self.intake.can_drop) || Phase::Ending <= phase;
        if drops && !self.intake.is_idle() {
            let dropped = self.intake.drop_receives();
            self.shared.receives_dropped(self.now, dropped);
        }
        let mut has_progress = false;
        while let Poll::Ready(Some(received)) = self.intake.calls.poll_next_unpin(context) {
            has_progress = true;
            self.take_in(received);
        }
        has_progress
    }

    fn take_in(&mut self, received: Received) {
        let Received {
            asked,
            asked_bytes,
            mut deliveries,
            result,
            took,
        } = received;
        self.read_clock();
        self.intake.asked -= asked;
        self.intake.asked_bytes -= asked_bytes;
        self.report_intake(asked, took, &deliveries, result.as_ref().err());
        match result {
            Ok(()) => self.intake.failures = 0,
            Err(error) => self.receive_failed(error),
        }
        let is_empty = deliveries.is_empty();
        self.intake.learn(asked, deliveries.len());
        match self.session {
            Some(_) => self.is_closing |= is_empty,
            None => self.shared.control.end_watch(self.seat),
        }
        self.accept(&mut deliveries);
        self.intake.spare.push(deliveries);
        self.give_back_surplus();
    }

    fn accept(&mut self, deliveries: &mut Vec<Delivery>) {
        let untils = deliveries.iter().map(|delivery| delivery.lease.until());
        let Some(until) = untils.min() else {
            return;
        };
        self.lease_length = until.since(self.now);
        add(&self.shared.counts.received, deliveries.len() as u64);
        let is_traced = self.shared.context.observer.is_some();
        self.leases.hold(deliveries, self.now, is_traced);
        let isolates = self.shared.config.suspects == Suspects::Isolate;
        for delivery in deliveries.drain(..) {
            let is_spent = self.shared.config.failure.is_spent(delivery.attempt);
            let is_suspect = isolates && !is_spent && is_suspect(&delivery);
            self.buffer.push(Entry {
                delivery,
                until,
                is_suspect,
                is_spent,
            });
        }
    }

    fn receive_failed(&mut self, error: Error) {
        let error = error.at(Operation::Receive, &self.shared.source);
        if error.is_permanent() {
            if self.session.is_some() {
                self.is_closing = true;
            } else {
                self.shared.control.fail(error);
            }
        } else {
            debug!(%error, "a receive failed");
        }
        self.intake.failures = self.intake.failures.saturating_add(1);
        let wait = self.wait_after(self.intake.failures, &FAILURE_WAIT);
        self.intake.pause = Some(self.clock().sleep_until(self.now + wait));
    }

    /// Starts receives while there is room for what they bring.
    pub(super) fn begin_receives(&mut self, context: &mut TaskContext<'_>) -> bool {
        let mut has_begun = false;
        while self.intake.calls.len() < self.intake.calls_now {
            let Some(request) = self.next_request() else {
                // An instance that waited on could hold what the deliveries at hand need.
                self.probe = None;
                break;
            };
            let waits_for_all = self.intake.seems_empty && self.session.is_none();
            if waits_for_all && self.shared.control.is_watched(self.seat) {
                self.probe = None;
                break;
            }
            if !self.intake.is_open(context) || !self.is_probed(context) {
                break;
            }
            if waits_for_all && !self.shared.control.watch(self.seat) {
                break;
            }
            self.begin_receive(request);
            has_begun = true;
        }
        has_begun
    }

    /// Says what the next receive asks for, if there is room.
    fn next_request(&self) -> Option<ReceiveRequest> {
        if self.is_blocked || self.is_alone || !self.again.is_empty() {
            return None;
        }
        let ahead = self.ahead();
        // While more than half of what may wait is there, a receive would be a small one.
        if ahead / 2 < self.buffer.len() {
            return None;
        }
        let held = self.running_messages + self.buffer.len() + self.intake.asked;
        let want = self
            .room_max(ahead)
            .saturating_sub(held)
            .min(self.intake.batch_max);
        let held_bytes = self.running_bytes + self.buffer.bytes() + self.intake.asked_bytes;
        let bytes = self
            .shared
            .config
            .bytes_max
            .get()
            .saturating_sub(held_bytes);
        let messages_max = NonZeroU32::new(u32::try_from(want).unwrap_or(u32::MAX))?;
        Some(ReceiveRequest {
            messages_max,
            bytes_max: NonZeroU64::new(bytes)?,
            wait: self.intake.wait,
        })
    }

    /// Returns the most messages that may run and wait together.
    fn room_max(&self, ahead: usize) -> usize {
        let units = self.share.saturating_mul(M::unit_max(&self.shared.config));
        let room = units.saturating_add(ahead);
        let left = self
            .session
            .map_or(u64::MAX, |quantum| quantum.messages_left);
        room.min(
            usize::try_from(left)
                .unwrap_or(usize::MAX)
                .saturating_add(self.running_messages),
        )
    }

    /// Returns the messages that may wait for a handler: as many as handlers of the measured pace
    /// start within the prefetch window, and within a share of the lease.
    fn ahead(&self) -> usize {
        let max = self.shared.config.prefetch_max as usize / self.shared.workers;
        let Some(pace) = self.pace else {
            return 0;
        };
        let window = self
            .shared
            .config
            .prefetch_window
            .min(self.lease_length / LEASE_SHARE);
        self.starts_within(window, pace).min(max)
    }

    fn starts_within(&self, window: Duration, pace: Duration) -> usize {
        let rounds = window.as_nanos() / pace.as_nanos().max(1);
        let units = self.share.saturating_mul(M::unit_max(&self.shared.config));
        usize::try_from(rounds)
            .unwrap_or(usize::MAX)
            .saturating_mul(units)
    }

    /// Gives back what cannot start before half of its lease, renewals included, is over.
    fn give_back_surplus(&mut self) {
        let Some(pace) = self.pace else {
            return;
        };
        let is_renewed = self.receiver.capabilities().lease == LeaseKind::Delivery;
        let lease = if is_renewed {
            self.shared.config.lease_total_max
        } else {
            self.lease_length
        };
        let startable = self.starts_within(lease / 2, pace).max(self.share);
        while startable < self.buffer.len() {
            let Some(entry) = self.buffer.pop_last() else {
                return;
            };
            self.release(entry);
        }
    }

    /// Asks an instance of the stack whether it is ready, and lets it go at once.
    fn is_probed(&mut self, context: &mut TaskContext<'_>) -> bool {
        let mut probe = self.probe.take().unwrap_or_else(|| self.mode.clone());
        match probe.poll_ready(context) {
            Poll::Ready(Ok(())) => true,
            Poll::Ready(Err(error)) => {
                self.shared.control.fail(error);
                false
            }
            Poll::Pending => {
                self.probe = Some(probe);
                false
            }
        }
    }

    fn begin_receive(&mut self, request: ReceiveRequest) {
        let receiver = Arc::clone(&self.receiver);
        let clock = Arc::clone(&self.shared.context.clock);
        let mut deliveries = self.intake.spare.pop().unwrap_or_default();
        let asked = request.messages_max.get() as usize;
        let asked_bytes = request.bytes_max.get();
        let timeout = request.wait + self.intake.timeout;
        let began = self.now;
        self.intake.asked += asked;
        self.intake.asked_bytes += asked_bytes;
        self.intake.calls.push(Box::pin(async move {
            let call = receiver.receive(request, &mut deliveries);
            let result = answered(&*clock, timeout, ErrorKind::Timeout, call).await;
            let took = clock.now().since(began);
            Received {
                asked,
                asked_bytes,
                deliveries,
                result,
                took,
            }
        }));
    }

    fn report_intake(
        &self,
        asked: usize,
        took: Duration,
        deliveries: &[Delivery],
        error: Option<&Error>,
    ) {
        let source = &self.shared.source;
        self.shared.observe(self.now, || {
            let received = u32::try_from(deliveries.len()).unwrap_or(u32::MAX);
            let asked = u32::try_from(asked).unwrap_or(u32::MAX);
            let mut events = vec![Event::Intake {
                source,
                asked,
                received,
                took,
                error,
            }];
            let received = |delivery| Event::Received { source, delivery };
            events.extend(deliveries.iter().map(received));
            events
        });
    }
}

/// A message whose last delivery ended without a settle may have crashed its consumer.
fn is_suspect(delivery: &Delivery) -> bool {
    match delivery.previous {
        Previous::Expired => true,
        Previous::Unknown => 2 < delivery.attempt,
        _ => false,
    }
}
