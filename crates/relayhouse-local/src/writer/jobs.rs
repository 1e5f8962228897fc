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

use super::{Call, Job, group::Writer, job::reply, pace::Pace};
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

/// Is a call in line, with the number of places that it takes.
type InLine = (Box<dyn Job>, u32);

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<InLine>,
    /// True if the thread is to look at the file though nobody calls.
    is_nudged: bool,
    is_stopped: bool,
    /// Why the thread has ended, if it did so by itself.
    error: Option<Error>,
    /// True while the thread sleeps.
    is_asleep: bool,
    desk: Desk,
}

/// Says where the writer is.
#[derive(Debug, Default)]
enum Desk {
    /// Somebody runs a group, or the file is not open yet.
    #[default]
    InUse,
    /// Whoever has a call may take it.
    Free(Box<Writer>),
    /// It is kept for the storage thread.
    Kept(Box<Writer>),
    /// A call that panicked has taken it along.
    Lost,
}

/// Is what the storage thread does next.
#[derive(Debug)]
pub(super) enum Order {
    /// It runs these calls as one group: none, to look at the file.
    Group {
        jobs: Vec<Box<dyn Job>>,
        is_nudged: bool,
    },
    /// It does some of what there is to do while nobody calls.
    Chores,
    /// It ends.
    Stop,
}

/// Is the turn of a caller that runs its call itself. Its end calls the storage thread for what
/// is left to do.
#[derive(Debug)]
struct Turn<'a> {
    jobs: &'a Jobs,
    /// The writer, and the call if it could not run: nothing after a panic.
    end: Option<(Box<Writer>, Option<InLine>)>,
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
        let call = Call::new(cost, access, run, reply(to));
        self.answer(Box::new(call), answer).await
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
        self.answer(Box::new(call), answer).await
    }

    /// Makes a call, and returns what it sends to `answer`.
    pub(crate) async fn answer<T>(
        &self,
        job: Box<dyn Job>,
        answer: oneshot::Receiver<Result<T>>,
    ) -> Result<T> {
        self.push(job).await?;
        answer.await.unwrap_or_else(|_| Err(error::unanswered()))
    }

    /// Adds a call, when there is a place for it; a quick one that has nothing before it runs here
    /// and now.
    pub(crate) async fn push(&self, job: Box<dyn Job>) -> Result<()> {
        let places = job.cost().places();
        let permit = match self.places.try_acquire_many(places) {
            Ok(permit) => Ok(permit),
            Err(_) => self.places.acquire_many(places).await,
        };
        let permit = permit.map_err(|_| self.lock().gone())?;
        let is_waiting = match self.take_writer(&*job) {
            Some(writer) => self.run_here(writer, job, places),
            None => self.add(job, places).map(|()| true)?,
        };
        if is_waiting {
            SemaphorePermit::forget(permit);
        }
        Ok(())
    }

    /// Takes the writer for `job`, if that is quick and nothing is before it.
    fn take_writer(&self, job: &dyn Job) -> Option<Box<Writer>> {
        let mut state = self.lock();
        let is_next = state.waiting.is_empty() && !state.is_nudged && !state.is_stopped;
        let is_free = matches!(state.desk, Desk::Free(_));
        if !(job.is_quick() && is_next && is_free) {
            return None;
        }
        self.pending.fetch_add(1, Ordering::SeqCst);
        state.desk.take()
    }

    /// Runs `job` on this thread; returns true if it waits for the storage thread instead.
    fn run_here(&self, mut writer: Box<Writer>, job: Box<dyn Job>, places: u32) -> bool {
        let mut turn = Turn {
            jobs: self,
            end: None,
        };
        let left = writer.group_at_once(job).map(|job| (job, places));
        let is_waiting = left.is_some();
        turn.end = Some((writer, left));
        is_waiting
    }

    /// Adds a call that nobody waits for, past the bound: there is at most one for each call that
    /// had a place, since it undoes or finishes that one.
    pub(crate) fn push_now(&self, job: Box<dyn Job>) {
        // Where the thread has ended there is nothing left to undo.
        drop(self.add(job, 0));
    }

    fn add(&self, job: Box<dyn Job>, places: u32) -> Result<()> {
        let mut state = self.lock();
        if state.is_stopped {
            return Err(state.gone());
        }
        self.pending.fetch_add(1, Ordering::SeqCst);
        state.waiting.push_back((job, places));
        self.call_thread(state);
        Ok(())
    }

    /// Wakes the storage thread, unless somebody has its writer: who has it wakes it then.
    fn call_thread(&self, mut state: MutexGuard<'_, State>) {
        let is_in_use = matches!(state.desk, Desk::InUse);
        let is_woken = !is_in_use && mem::take(&mut state.is_asleep);
        drop(state);
        if is_woken {
            self.called.notify_one();
        }
    }

    /// Asks the thread to look at the file: what is due, and what others have changed.
    pub(crate) fn nudge(&self) {
        let mut state = self.lock();
        if state.is_nudged || state.is_stopped {
            return;
        }
        state.is_nudged = true;
        self.pending.fetch_add(1, Ordering::SeqCst);
        self.call_thread(state);
    }

    /// Tells the thread to end when it has run what waits.
    pub(crate) fn stop(&self) {
        let mut state = self.lock();
        if state.is_stopped {
            return;
        }
        state.is_stopped = true;
        self.pending.fetch_add(1, Ordering::SeqCst);
        self.call_thread(state);
        self.places.close();
    }

    /// Returns how much the thread was asked and has not done.
    pub(crate) fn pending(&self) -> usize {
        self.pending.load(Ordering::SeqCst)
    }

    /// Notes that `count` calls were answered.
    pub(super) fn answered(&self, count: usize) {
        self.pending.fetch_sub(count, Ordering::SeqCst);
    }

    /// Puts the writer back.
    pub(super) fn rest(&self, writer: Box<Writer>) {
        self.lock().desk = Desk::Free(writer);
    }

    /// Takes the writer when there is something to do, and returns what; waits for it at that
    /// pace. `None` if the writer is lost.
    pub(super) fn next(&self, pace: &mut Pace) -> Option<(Box<Writer>, Order)> {
        let mut state = self.lock();
        let mut has_looked = false;
        loop {
            if matches!(state.desk, Desk::Lost) {
                return None;
            }
            if let Some(writer) = state.desk.take() {
                match self.order(&mut state, writer.has_chores()) {
                    Some(order) => {
                        if matches!(order, Order::Group { .. }) {
                            pace.come();
                        }
                        return Some((writer, order));
                    }
                    None => state.desk = Desk::Free(writer),
                }
            }
            if !has_looked {
                drop(state);
                has_looked = true;
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

    /// Returns what there is to do.
    fn order(&self, state: &mut State, has_chores: bool) -> Option<Order> {
        if state.is_nudged || !state.waiting.is_empty() {
            return Some(self.group(state));
        }
        if state.is_stopped {
            return Some(Order::Stop);
        }
        has_chores.then_some(Order::Chores)
    }

    fn group(&self, state: &mut State) -> Order {
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
        Order::Group {
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

impl Desk {
    /// Takes the writer, if it is there.
    fn take(&mut self) -> Option<Box<Writer>> {
        match mem::take(self) {
            Self::Free(writer) | Self::Kept(writer) => Some(writer),
            other => {
                *self = other;
                None
            }
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let end = self.end.take();
        let is_waiting = end.as_ref().is_some_and(|(_, left)| left.is_some());
        if !is_waiting {
            self.jobs.answered(1);
        }
        let Some((writer, left)) = end else {
            let mut state = self.jobs.lock();
            state.desk = Desk::Lost;
            return self.jobs.call_thread(state);
        };
        let has_chores = writer.has_chores();
        let mut state = self.jobs.lock();
        left.into_iter()
            .for_each(|left| state.waiting.push_front(left));
        let is_called = state.is_nudged || state.is_stopped || !state.waiting.is_empty();
        if !is_called && !has_chores {
            state.desk = Desk::Free(writer);
            return;
        }
        state.desk = Desk::Kept(writer);
        self.jobs.call_thread(state);
    }
}

#[cfg(test)]
mod tests;
