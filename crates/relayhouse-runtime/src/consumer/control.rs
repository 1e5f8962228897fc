//! What the workers of one consumer share: their orders, and who of them does what only one may.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering::SeqCst},
    },
    task::Context,
};

use futures_util::task::AtomicWaker;
use relayhouse_core::Error;
use tokio::sync::Notify;

use crate::sync::lock;

/// Says what the workers are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Receive and run.
    Running,
    /// Start no receive; run what is there.
    Paused,
    /// Start nothing; let what runs end.
    Draining,
    /// Drop what still runs, and settle it.
    Ending,
    /// End at once; what is not settled is left to its lease.
    Over,
}

/// Gives orders to the workers, lets one of them run a suspect alone, and one wait for all.
#[derive(Debug)]
pub(crate) struct Control {
    phase: AtomicU8,
    /// One more than the worker whose suspect runs alone, or 0.
    alone: AtomicUsize,
    /// One more than the worker whose receive waits for all while the queue seems empty, or 0.
    watcher: AtomicUsize,
    seats: Vec<Seat>,
    fatal: Mutex<Option<Error>>,
    /// Tells the consumer that something fatal happened.
    pub(crate) failed: Notify,
}

#[derive(Debug, Default)]
struct Seat {
    /// Whether this worker may have handlers running.
    is_active: AtomicBool,
    waker: AtomicWaker,
}

impl Control {
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            phase: AtomicU8::new(Phase::Running as u8),
            alone: AtomicUsize::new(0),
            watcher: AtomicUsize::new(0),
            seats: (0..workers).map(|_| Seat::default()).collect(),
            fatal: Mutex::new(None),
            failed: Notify::new(),
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(SeqCst) {
            0 => Phase::Running,
            1 => Phase::Paused,
            2 => Phase::Draining,
            3 => Phase::Ending,
            _ => Phase::Over,
        }
    }

    /// Sets the phase and wakes everybody. A drain that has begun does not go back.
    pub(crate) fn set_phase(&self, phase: Phase) {
        let next = phase as u8;
        let is_allowed = |now: u8| now < Phase::Draining as u8 || now < next;
        let _ = self
            .phase
            .fetch_update(SeqCst, SeqCst, |now| is_allowed(now).then_some(next));
        self.wake_all();
    }

    /// Stops the consumer because of `error`; the first one is kept.
    pub(crate) fn fail(&self, error: Error) {
        lock(&self.fatal).get_or_insert(error);
        self.failed.notify_one();
    }

    pub(crate) fn take_fatal(&self) -> Option<Error> {
        lock(&self.fatal).take()
    }

    /// Returns true if something fatal happened that nobody has taken yet.
    pub(crate) fn has_failed(&self) -> bool {
        lock(&self.fatal).is_some()
    }

    pub(crate) fn register(&self, worker: usize, context: &Context<'_>) {
        self.seats[worker].waker.register(context.waker());
    }

    fn wake_all(&self) {
        self.seats.iter().for_each(|seat| seat.waker.wake());
    }

    /// Returns true if another worker's receive waits for all.
    pub(crate) fn is_watched(&self, worker: usize) -> bool {
        let watcher = self.watcher.load(SeqCst);
        watcher != 0 && watcher != worker + 1
    }

    /// Takes the turn to wait for all, and returns false if another worker has it.
    pub(crate) fn watch(&self, worker: usize) -> bool {
        let taken = self.watcher.compare_exchange(0, worker + 1, SeqCst, SeqCst);
        taken.is_ok() || !self.is_watched(worker)
    }

    /// Gives the turn back, if this worker has it, and lets another take it.
    pub(crate) fn end_watch(&self, worker: usize) {
        let turn = worker + 1;
        let was_watching = self.watcher.load(SeqCst) == turn;
        if was_watching {
            self.watcher.store(0, SeqCst);
            let others = self.seats.iter().enumerate();
            let others = others.filter(|(other, _)| *other != worker);
            others.for_each(|(_, seat)| seat.waker.wake());
        }
    }

    /// Asks for leave to start handlers, and returns false while another worker's suspect runs
    /// alone or is about to.
    ///
    /// This worker counts as active until it calls [`rest`](Self::rest).
    pub(crate) fn enter(&self, worker: usize) -> bool {
        let seat = &self.seats[worker];
        let was_active = seat.is_active.swap(true, SeqCst);
        let alone = self.alone.load(SeqCst);
        let may_start = alone == 0 || alone == worker + 1;
        if !may_start && !was_active {
            seat.is_active.store(false, SeqCst);
        }
        may_start
    }

    /// Says that this worker has no handler running.
    pub(crate) fn rest(&self, worker: usize) {
        self.seats[worker].is_active.store(false, SeqCst);
        let alone = self.alone.load(SeqCst);
        if alone != 0 && alone != worker + 1 {
            self.seats[alone - 1].waker.wake();
        }
    }

    /// Takes the turn to run a suspect alone, and returns true once no other worker is active.
    pub(crate) fn enter_alone(&self, worker: usize) -> bool {
        let turn = worker + 1;
        let holder = self
            .alone
            .compare_exchange(0, turn, SeqCst, SeqCst)
            .unwrap_or_else(|now| now);
        if holder != 0 && holder != turn {
            return false;
        }
        let mut others = self
            .seats
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != worker);
        others.all(|(_, seat)| !seat.is_active.load(SeqCst))
    }

    /// Gives the turn back, and lets the others go on.
    pub(crate) fn leave_alone(&self, worker: usize) {
        if self
            .alone
            .compare_exchange(worker + 1, 0, SeqCst, SeqCst)
            .is_ok()
        {
            self.wake_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suspect_waits_for_others_and_keeps_them_out() {
        let control = Control::new(2);
        assert!(control.enter(1));
        assert!(!control.enter_alone(0));
        assert!(!control.enter(1), "no further start while a suspect waits");
        control.rest(1);
        assert!(control.enter_alone(0));
        assert!(!control.enter(1));
        assert!(!control.enter_alone(1), "one suspect at a time");
        control.leave_alone(0);
        assert!(control.enter(1));
    }

    #[test]
    fn one_worker_watches_at_a_time() {
        let control = Control::new(2);
        assert!(control.watch(0) && control.watch(0));
        assert!(control.is_watched(1) && !control.is_watched(0));
        assert!(!control.watch(1));
        control.end_watch(1);
        assert!(!control.watch(1), "the turn of another is not given back");
        control.end_watch(0);
        assert!(control.watch(1));
    }

    #[test]
    fn drain_does_not_go_back() {
        let control = Control::new(1);
        control.set_phase(Phase::Paused);
        control.set_phase(Phase::Running);
        control.set_phase(Phase::Draining);
        control.set_phase(Phase::Running);
        assert_eq!(control.phase(), Phase::Draining);
        control.set_phase(Phase::Ending);
        assert_eq!(control.phase(), Phase::Ending);
    }
}
