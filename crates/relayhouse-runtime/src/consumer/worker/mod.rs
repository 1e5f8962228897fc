//! A worker: one task that receives, runs handlers, settles, and yields in time.

mod finish;
mod intake;
mod run;
mod settler;

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::Arc,
    task::{Context as TaskContext, Poll},
    time::Duration,
};

use futures_util::stream::FuturesUnordered;
use relayhouse_core::{Backoff, Clock, Event, Instant, Load, Sleep, port::Receiver};
use tokio::task::yield_now;

use self::{
    intake::Intake,
    run::{Place, Run},
    settler::Settler,
};
use super::{
    buffer::{Buffer, Entry},
    control::Phase,
    mode::Mode,
    shared::Shared,
};
use crate::{lease::Leases, ordering::Ordering};

/// A worker lets others have its thread after so many rounds.
const ROUNDS_MAX: u32 = 8;
/// A worker lets others have its thread after so long.
const TURN_MAX: Duration = Duration::from_millis(1);
/// The share of a start margin in a lease, at most: a tenth.
const MARGIN_SHARE: u32 = 10;

/// Receives, runs handlers and settles, in one task.
pub(crate) struct Worker<M: Mode> {
    /// Its place in the control.
    seat: usize,
    shared: Arc<Shared>,
    receiver: Arc<dyn Receiver>,
    leases: Arc<Leases>,
    mode: M,
    /// An instance that waits for readiness before a receive.
    probe: Option<M>,
    /// The most handlers at a time.
    share: usize,
    buffer: Buffer,
    /// When what waits may start, if nothing may now.
    turn: Option<(Instant, Sleep)>,
    /// The halves of failed batches, which run before anything else.
    again: VecDeque<M::Unit>,
    running: FuturesUnordered<Run<M>>,
    running_messages: usize,
    running_bytes: u64,
    /// Places for futures, used again.
    spare: Vec<Place<M>>,
    /// Whether a suspect runs, or waits to run, alone.
    is_alone: bool,
    /// Whether the service was asked to be ready, and not called since.
    is_asked: bool,
    /// Whether a delivery waits for the service to be ready.
    is_blocked: bool,
    intake: Intake,
    settler: Settler,
    /// How long a handler takes, smoothed; with its settlement, where the next one waits for that.
    pace: Option<Duration>,
    /// When the unit began whose settlement the next one waits for.
    unsettled_since: Option<Instant>,
    /// How long a lease is when it comes in.
    lease_length: Duration,
    session: Option<Quantum>,
    is_closing: bool,
    /// The latest reading of the clock.
    now: Instant,
    /// What an observer was told last of what is at hand.
    told: Load,
}

impl<M: Mode> Drop for Worker<M> {
    fn drop(&mut self) {
        self.report_load(Load::default());
    }
}

/// Bounds how long a worker stays with one session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quantum {
    pub(crate) until: Instant,
    pub(crate) messages_left: u64,
}

/// Says why a worker stopped polling.
enum Turn {
    Yield,
    End,
}

impl<M: Mode> Worker<M> {
    /// Makes the worker of a queue, with `share` handlers at a time.
    pub(crate) fn new(
        seat: usize,
        shared: Arc<Shared>,
        receiver: Arc<dyn Receiver>,
        leases: Arc<Leases>,
        mode: M,
        share: usize,
    ) -> Self {
        let now = shared.context.clock.now();
        let ordering = shared.dispatch.clone();
        let line = shared.policy.as_ref().map(|policy| policy.line());
        Self {
            intake: Intake::new(&shared, &*receiver),
            settler: Settler::new(&shared, &*receiver),
            seat,
            shared,
            receiver,
            leases,
            mode,
            probe: None,
            share,
            buffer: Buffer::new(ordering, line),
            turn: None,
            again: VecDeque::new(),
            running: FuturesUnordered::new(),
            running_messages: 0,
            running_bytes: 0,
            spare: Vec::new(),
            is_alone: false,
            is_asked: false,
            is_blocked: false,
            pace: None,
            unsettled_since: None,
            lease_length: Duration::MAX,
            session: None,
            is_closing: false,
            now,
            told: Load::default(),
        }
    }

    /// Makes it the worker of a session, one handler at a time, until `quantum` is used up.
    pub(crate) fn of_session(mut self, quantum: Quantum) -> Self {
        self.share = 1;
        self.buffer = Buffer::new(None::<Ordering>, None);
        self.session = Some(quantum);
        self.intake
            .wait_at_most(self.shared.config.session_idle_max);
        self
    }

    /// Works until the consumer, or the session, is over and everything is settled.
    pub(crate) async fn run(mut self) {
        loop {
            let turn = poll_fn(|context| {
                let turn = self.poll_turn(context);
                self.report_load(self.load());
                turn
            });
            match turn.await {
                Turn::Yield => yield_now().await,
                Turn::End => return,
            }
        }
    }

    fn poll_turn(&mut self, context: &mut TaskContext<'_>) -> Poll<Turn> {
        self.shared.control.register(self.seat, context);
        self.leases.worker.register(context.waker());
        self.read_clock();
        let turn_end = self.now + TURN_MAX;
        for _ in 0..ROUNDS_MAX {
            let phase = self.phase();
            if phase == Phase::Over {
                self.abandon_all();
                return Poll::Ready(Turn::End);
            }
            let has_progress = self.round(phase, turn_end, context);
            if self.is_over(phase) {
                return Poll::Ready(Turn::End);
            }
            if !has_progress {
                return Poll::Pending;
            }
            if turn_end <= self.now {
                break;
            }
        }
        Poll::Ready(Turn::Yield)
    }

    /// Does everything that can be done now, and returns true if there may be more.
    fn round(&mut self, phase: Phase, turn_end: Instant, context: &mut TaskContext<'_>) -> bool {
        let mut has_progress = self.poll_receives(phase, context);
        has_progress |= self.poll_running(context);
        if phase < Phase::Draining {
            has_progress |= self.start(turn_end, context);
        } else {
            self.give_back(phase);
        }
        has_progress |= self.poll_settles(context);
        if phase == Phase::Running {
            has_progress |= self.begin_receives(context);
        }
        has_progress
    }

    /// Returns what this worker is to do: a worker of a session that is used up drains.
    fn phase(&mut self) -> Phase {
        let phase = self.shared.control.phase();
        self.is_closing |= self.session.is_some_and(|quantum| {
            quantum.is_over(self.now) || self.leases.session_is_lost(self.now)
        });
        if self.is_closing {
            phase.max(Phase::Draining)
        } else {
            phase
        }
    }

    fn is_over(&self, phase: Phase) -> bool {
        Phase::Draining <= phase
            && self.running.is_empty()
            && self.buffer.len() == 0
            && self.again.is_empty()
            && self.settler.is_idle()
            && self.intake.is_idle()
    }

    /// Gives back what has not started, and in the last phase drops what still runs.
    fn give_back(&mut self, phase: Phase) {
        while let Some(unit) = self.again.pop_front() {
            self.uncount(&unit);
            self.release_unit(unit);
        }
        for entry in self.buffer.drain() {
            self.release(entry);
        }
        if phase == Phase::Ending {
            self.abandon_running();
        }
        self.rest_if_idle();
    }

    fn read_clock(&mut self) {
        self.now = self.shared.context.clock.now();
    }

    fn clock(&self) -> &dyn Clock {
        &*self.shared.context.clock
    }

    /// Returns how long to wait after `failures` in a row, half of it left to chance.
    fn wait_after(&self, failures: u32, backoff: &Backoff) -> Duration {
        let random = &*self.shared.context.random;
        let half = backoff.delay(failures, random) / 2;
        half + random.up_to(half)
    }

    /// Returns what is left of the lease of `entry`; `None` if it has no end. While more than half
    /// is left of what it came with, nobody has renewed it yet, and no lock is taken.
    fn lease_left(&self, entry: &Entry) -> Option<Duration> {
        if entry.until == Instant::NEVER {
            return None;
        }
        let left = entry.until.since(self.now);
        if self.session.is_none() && self.lease_length / 2 < left {
            return Some(left);
        }
        Some(entry.delivery.lease.until().since(self.now))
    }

    /// Tells what this worker has in its hands, if that has changed.
    fn report_load(&mut self, now: Load) {
        if self.shared.context.observer.is_none() || self.told == now {
            return;
        }
        let before = std::mem::replace(&mut self.told, now);
        let source = &self.shared.source;
        self.shared.observe_one(self.now, || Event::Load {
            source,
            before,
            now,
        });
    }

    fn load(&self) -> Load {
        Load {
            running: self.running_messages as u64,
            running_bytes: self.running_bytes,
            waiting: self.buffer.len() as u64,
            waiting_bytes: self.buffer.bytes(),
            permits: self.share as u64,
        }
    }

    /// Returns true if enough of the lease is left to start a handler.
    fn may_start(&self, entry: &Entry) -> bool {
        let is_near = entry.until < self.now + self.shared.config.start_margin;
        if !is_near && !self.leases.has_early_losses() {
            return true;
        }
        let margin = self
            .shared
            .config
            .start_margin
            .min(self.lease_length / MARGIN_SHARE);
        self.now + margin <= entry.delivery.lease.until()
    }
}

impl Quantum {
    fn is_over(self, now: Instant) -> bool {
        self.messages_left == 0 || self.until <= now
    }
}
