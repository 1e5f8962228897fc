//! What waits for the storage thread: bounded in count and bytes, in the order of arrival.

use std::{
    collections::VecDeque,
    mem,
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use relayhouse_core::{Error, Result};
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};

use super::{Call, Job, job::reply, pace::Pace};
use crate::{
    error,
    store::{Access, Moment, Store},
};

/// The most calls that wait for one storage thread.
const JOBS_MAX: u32 = 1024;

/// The most bytes of messages that wait for one storage thread: 16 MiB.
const BYTES_MAX: u64 = 16 << 20;

/// The bytes that count as one call, so that one bound is both.
const BYTES_PER_PLACE: u64 = BYTES_MAX / JOBS_MAX as u64;

/// The most messages of one group.
const GROUP_MESSAGES_MAX: u64 = 1000;

/// The most bytes of one group: 4 MiB.
const GROUP_BYTES_MAX: u64 = 4 << 20;

/// Says what a call weighs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
}

/// Holds the calls that wait for one storage thread.
#[derive(Debug)]
pub(crate) struct Jobs {
    state: Mutex<State>,
    called: Condvar,
    places: Semaphore,
    /// What the thread has been asked and has not answered.
    pending: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<(Box<dyn Job>, u32)>,
    /// True if the thread is to look at the file though nobody calls.
    is_nudged: bool,
    is_stopped: bool,
    /// Why the thread has ended, if it did so by itself.
    error: Option<Error>,
    /// True while the thread sleeps.
    is_asleep: bool,
}

/// Is what the storage thread does next.
#[derive(Debug)]
pub(crate) enum Next {
    /// It runs these calls as one group: none, to look at the file.
    Group {
        jobs: Vec<Box<dyn Job>>,
        is_nudged: bool,
    },
    /// Nothing waits.
    Idle,
    /// It ends.
    Stop,
}

impl State {
    /// Returns why no call is taken any more.
    fn gone(&self) -> Error {
        self.error.clone().unwrap_or_else(error::writer_gone)
    }
}

impl Cost {
    /// One call that carries no messages to speak of.
    pub(crate) const ONE: Self = Self {
        messages: 1,
        bytes: 0,
    };

    fn places(self) -> u32 {
        let places = self.bytes.div_ceil(BYTES_PER_PLACE);
        u32::try_from(places).unwrap_or(JOBS_MAX).clamp(1, JOBS_MAX)
    }
}

impl Jobs {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::default(),
            called: Condvar::new(),
            places: Semaphore::new(JOBS_MAX as usize),
            pending: AtomicUsize::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `run` in a group, and returns its answer when the group lasts.
    ///
    /// Waits for a place among the calls, in the order of arrival. Once there, the call is made
    /// even if the future is dropped.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        access: Access,
        cost: Cost,
        run: impl FnOnce(&mut dyn Store, Moment) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (to, answer) = oneshot::channel();
        self.push(Box::new(Call::new(cost, access, run, reply(to))))
            .await?;
        answer.await.unwrap_or_else(|_| Err(error::unanswered()))
    }

    /// Runs `run` in a group of its own, which an error rolls back.
    pub(crate) async fn call_alone<T: Send + 'static>(
        &self,
        access: Access,
        cost: Cost,
        run: impl FnOnce(&mut dyn Store, Moment) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (to, answer) = oneshot::channel();
        let call = Call::new(cost, access, run, reply(to)).alone();
        self.push(Box::new(call)).await?;
        answer.await.unwrap_or_else(|_| Err(error::unanswered()))
    }

    /// Adds a call, when there is a place for it.
    pub(crate) async fn push(&self, job: Box<dyn Job>) -> Result<()> {
        let places = job.cost().places();
        let permit = match self.places.try_acquire_many(places) {
            Ok(permit) => Ok(permit),
            Err(_) => self.places.acquire_many(places).await,
        };
        let permit = permit.map_err(|_| self.lock().gone())?;
        self.add(job, places)
            .inspect(|()| SemaphorePermit::forget(permit))
    }

    /// Adds a call that nobody waits for, past the bound: there is at most one for each call that
    /// had a place, since it undoes or finishes that one.
    pub(crate) fn push_now(&self, job: Box<dyn Job>) {
        // Where the thread has ended there is nothing left to undo.
        drop(self.add(job, 0));
    }

    fn add(&self, job: Box<dyn Job>, places: u32) -> Result<()> {
        let is_asleep = {
            let mut state = self.lock();
            if state.is_stopped {
                return Err(state.gone());
            }
            self.pending.fetch_add(1, Ordering::SeqCst);
            state.waiting.push_back((job, places));
            mem::take(&mut state.is_asleep)
        };
        if is_asleep {
            self.called.notify_one();
        }
        Ok(())
    }

    /// Asks the thread to look at the file: what is due, and what others have changed.
    pub(crate) fn nudge(&self) {
        let mut state = self.lock();
        if state.is_nudged || state.is_stopped {
            return;
        }
        state.is_nudged = true;
        self.pending.fetch_add(1, Ordering::SeqCst);
        state.is_asleep = false;
        drop(state);
        self.called.notify_one();
    }

    /// Tells the thread to end when it has run what waits.
    pub(crate) fn stop(&self) {
        let mut state = self.lock();
        if state.is_stopped {
            return;
        }
        state.is_stopped = true;
        self.pending.fetch_add(1, Ordering::SeqCst);
        drop(state);
        self.places.close();
        self.called.notify_one();
    }

    /// Returns how much the thread was asked and has not done.
    pub(crate) fn pending(&self) -> usize {
        self.pending.load(Ordering::SeqCst)
    }

    /// Notes that `count` calls were answered.
    pub(super) fn answered(&self, count: usize) {
        self.pending.fetch_sub(count, Ordering::SeqCst);
    }

    /// Returns what to do next; waits for it at that pace, unless `may_idle`.
    pub(super) fn next(&self, may_idle: bool, pace: &mut Pace) -> Next {
        let mut state = self.lock();
        let mut is_looked_for = false;
        loop {
            if state.is_nudged || !state.waiting.is_empty() {
                pace.come();
                return self.group(&mut state);
            }
            if state.is_stopped {
                return Next::Stop;
            }
            if may_idle {
                return Next::Idle;
            }
            if !is_looked_for {
                drop(state);
                is_looked_for = true;
                pace.look(|| 0 < self.pending());
                state = self.lock();
                continue;
            }
            state.is_asleep = true;
            state = self
                .called
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.is_asleep = false;
        }
    }

    fn group(&self, state: &mut State) -> Next {
        let (mut jobs, mut total) = (Vec::new(), Cost::default());
        let mut places = 0_usize;
        while let Some((job, held)) = state.waiting.pop_front() {
            let (cost, is_alone) = (job.cost(), job.is_alone());
            let is_over = GROUP_MESSAGES_MAX < total.messages + cost.messages
                || GROUP_BYTES_MAX < total.bytes + cost.bytes;
            if !jobs.is_empty() && (is_over || is_alone) {
                state.waiting.push_front((job, held));
                break;
            }
            total.messages += cost.messages;
            total.bytes += cost.bytes;
            places += held as usize;
            jobs.push(job);
            if is_alone {
                break;
            }
        }
        if !self.places.is_closed() {
            self.places.add_permits(places);
        }
        Next::Group {
            jobs,
            is_nudged: mem::take(&mut state.is_nudged),
        }
    }

    /// Takes everything out when the thread cannot go on, and lets nothing in any more; returns
    /// how much was asked as well.
    pub(super) fn give_up(&self, error: Option<&Error>) -> (Vec<Box<dyn Job>>, usize) {
        let mut state = self.lock();
        state.error = error.cloned();
        // Whoever waits for a place asks for the error then.
        self.places.close();
        let was_stopped = mem::replace(&mut state.is_stopped, true);
        let was_nudged = mem::take(&mut state.is_nudged);
        let left: Vec<_> = state.waiting.drain(..).map(|(job, _)| job).collect();
        let count = left.len() + usize::from(was_stopped) + usize::from(was_nudged);
        (left, count)
    }

    /// Returns true if no call is taken any more.
    pub(crate) fn is_stopped(&self) -> bool {
        self.lock().is_stopped
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::{Context, Poll, Waker};

    use relayhouse_core::Timestamp;
    use relayhouse_testkit::clock::ManualClock;

    use super::*;

    fn pace() -> Pace {
        Pace::new(Arc::new(ManualClock::new(Timestamp::default())))
    }

    fn job(cost: Cost, is_alone: bool) -> Box<dyn Job> {
        let run = |_: &mut dyn Store, _: Moment| Ok(());
        let call = Call::new(cost, Access::Write, run, |_: Result<()>| ());
        match is_alone {
            true => Box::new(call.alone()),
            false => Box::new(call),
        }
    }

    /// Adds a job, and returns whether there was a place for it.
    fn push(jobs: &Jobs, cost: Cost) -> bool {
        let mut push = pin!(jobs.push(job(cost, false)));
        let polled = push.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        matches!(polled, Poll::Ready(Ok(())))
    }

    fn group_len(jobs: &Jobs) -> usize {
        match jobs.next(true, &mut pace()) {
            Next::Group { jobs, .. } => jobs.len(),
            Next::Idle | Next::Stop => 0,
        }
    }

    #[test]
    fn what_waits_is_one_group_up_to_its_caps() {
        let jobs = Jobs::new();
        for _ in 0..JOBS_MAX {
            assert!(push(&jobs, Cost::ONE));
        }
        assert!(!push(&jobs, Cost::ONE), "there are no more places");
        assert_eq!(group_len(&jobs), 1000);
        assert_eq!(group_len(&jobs), 24);
        assert_eq!(group_len(&jobs), 0);
        assert!(push(&jobs, Cost::ONE), "places are given back");
    }

    #[test]
    fn bytes_that_wait_and_bytes_of_a_group_are_bounded() {
        let jobs = Jobs::new();
        let large = Cost {
            messages: 1,
            bytes: 3 << 20,
        };
        for _ in 0..5 {
            assert!(push(&jobs, large));
        }
        assert!(!push(&jobs, large), "there are 16 MiB at most");
        assert_eq!(group_len(&jobs), 1, "two have more than 4 MiB");
        let all = Cost {
            messages: 1,
            bytes: 100 << 20,
        };
        assert!(!push(&jobs, all));
        while 0 < group_len(&jobs) {}
        assert!(
            push(&jobs, all),
            "what is larger than all places goes alone"
        );
    }

    #[test]
    fn call_that_may_roll_back_has_a_group_of_its_own() {
        let jobs = Jobs::new();
        for is_alone in [false, true, false, false] {
            jobs.push_now(job(Cost::ONE, is_alone));
        }
        assert_eq!([(); 4].map(|()| group_len(&jobs)), [1, 1, 2, 0]);
    }

    #[test]
    fn nothing_is_taken_after_the_stop_and_what_waits_is_done_first() {
        let jobs = Jobs::new();
        assert!(push(&jobs, Cost::ONE));
        jobs.stop();
        assert!(!push(&jobs, Cost::ONE));
        assert_eq!(group_len(&jobs), 1);
        assert!(matches!(jobs.next(true, &mut pace()), Next::Stop));
    }
}
