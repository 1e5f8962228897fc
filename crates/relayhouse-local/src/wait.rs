//! Waiting without polling: for messages, for sessions, for what time brings, and for the end.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use relayhouse_core::{Clock, Instant};
use tokio::sync::{Mutex as AsyncMutex, Notify, futures::Notified};

use crate::{
    gate::Gate,
    store::{Lane, News},
    writer::Jobs,
};

/// One who got all it asked for wakes this many others, as there may be more.
const PASSED_ON: usize = 2;

/// Holds everybody that waits on one file.
#[derive(Debug)]
pub(crate) struct Waits {
    lanes: Mutex<HashMap<Lane, Arc<LaneWaits>>>,
    pub(crate) gate: Arc<Gate>,
    /// When something is due next, in nanoseconds of the context's clock.
    next_wake: AtomicU64,
    /// Tells who holds the timer that it has moved.
    moved: Notify,
    /// Held by the one that sleeps until something is due.
    timer: AsyncMutex<()>,
    end: Closing,
}

/// Holds those that wait for one lane.
#[derive(Debug, Default)]
pub(crate) struct LaneWaits {
    /// Who takes anything: one wakes for one message.
    any: Notify,
    any_count: AtomicUsize,
    /// Who takes nothing but one session, or what is in it: all wake, and look.
    one: Notify,
    one_count: AtomicUsize,
    pub(crate) end: Closing,
}

/// Is something that ends once, and tells those that wait.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    is_closed: AtomicBool,
    notify: Notify,
}

/// Says what one that waits can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Whatever comes.
    Any,
    /// What concerns one session.
    One,
}

impl Closing {
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }

    /// Ends it; returns false if it had ended.
    pub(crate) fn close(&self) -> bool {
        let was_closed = self.is_closed.swap(true, Ordering::SeqCst);
        self.notify.notify_waiters();
        !was_closed
    }

    /// Waits for the end.
    pub(crate) async fn closed(&self) {
        let mut notified = pin!(self.notify.notified());
        notified.as_mut().enable();
        if !self.is_closed() {
            notified.await;
        }
    }
}

impl Waits {
    pub(crate) fn new() -> Self {
        Self {
            lanes: Mutex::default(),
            gate: Arc::default(),
            next_wake: AtomicU64::new(Instant::NEVER.as_nanos()),
            moved: Notify::new(),
            timer: AsyncMutex::new(()),
            end: Closing::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Lane, Arc<LaneWaits>>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns those that wait for `lane`.
    pub(crate) fn lane(&self, lane: Lane) -> Arc<LaneWaits> {
        Arc::clone(self.lock().entry(lane).or_default())
    }

    /// Returns the end of the file: it was deleted.
    pub(crate) const fn end(&self) -> &Closing {
        &self.end
    }

    /// Tells everybody that the file was deleted.
    pub(crate) fn deleted(&self) {
        self.end.close();
        for lane in self.lock().values() {
            lane.end.close();
        }
        self.wake_all();
    }

    /// Forgets the lanes of a subscription that was deleted, and tells those that wait there.
    pub(crate) fn lane_deleted(&self, lane: Lane) {
        for lane in [lane.live(), lane.dead_letters()] {
            let removed = self.lock().remove(&lane);
            if let Some(waits) = removed {
                waits.end.close();
                waits.wake_all();
            }
        }
        self.gate.open();
    }

    /// Tells those that a commit concerns; `due` is when something is due next.
    pub(crate) fn tell(&self, news: &News, due: Instant) {
        for lane in &news.ready {
            let waits = self.lock().get(lane).map(Arc::clone);
            if let Some(waits) = waits {
                waits.tell();
            }
        }
        if news.made_room {
            self.gate.open();
        }
        self.set_next_wake(due);
    }

    /// Lets one of each lane look, since another process has changed the file.
    pub(crate) fn tell_changed(&self) {
        let lanes: Vec<_> = self.lock().values().map(Arc::clone).collect();
        for waits in lanes {
            waits.tell();
        }
        self.gate.open();
    }

    /// Lets everybody look.
    pub(crate) fn wake_all(&self) {
        let lanes: Vec<_> = self.lock().values().map(Arc::clone).collect();
        for waits in lanes {
            waits.wake_all();
        }
        self.gate.open_all();
        self.moved.notify_one();
    }

    fn set_next_wake(&self, due: Instant) {
        let before = self.next_wake.swap(due.as_nanos(), Ordering::SeqCst);
        if before != due.as_nanos() {
            self.moved.notify_one();
        }
    }

    /// Has the storage thread look whenever something is due. It never ends; of many that call
    /// it, one sleeps by the clock, and the others take over from it.
    pub(crate) async fn keep_time(&self, clock: &dyn Clock, jobs: &Jobs) {
        let _timer = self.timer.lock().await;
        loop {
            let due = Instant::from_nanos(self.next_wake.load(Ordering::SeqCst));
            tokio::select! {
                biased;
                () = self.moved.notified() => continue,
                () = clock.sleep_until(due) => {}
            }
            if clock.now() < due {
                // It woke early.
                continue;
            }
            jobs.nudge();
            while self.next_wake.load(Ordering::SeqCst) == due.as_nanos() {
                self.moved.notified().await;
            }
        }
    }
}

impl LaneWaits {
    fn tell(&self) {
        self.pass_on(1);
        if 0 < self.one_count.load(Ordering::SeqCst) {
            self.one.notify_waiters();
        }
    }

    fn wake_all(&self) {
        self.any.notify_waiters();
        self.one.notify_waiters();
    }

    /// Wakes `count` of those that take anything, if there are any.
    fn pass_on(&self, count: usize) {
        for _ in 0..count.min(self.any_count.load(Ordering::SeqCst)) {
            self.any.notify_one();
        }
    }

    /// Wakes others after one got all it asked for.
    pub(crate) fn may_be_more(&self) {
        self.pass_on(PASSED_ON);
    }

    /// Counts one that waits, until the answer is dropped. What it is woken by it passes on if
    /// it ends before it has looked.
    pub(crate) fn join(&self, what: Use) -> Waiting<'_> {
        let count = match what {
            Use::Any => &self.any_count,
            Use::One => &self.one_count,
        };
        count.fetch_add(1, Ordering::SeqCst);
        Waiting {
            lane: self,
            what,
            is_woken: false,
        }
    }
}

/// Is one that waits for a lane.
#[derive(Debug)]
pub(crate) struct Waiting<'a> {
    lane: &'a LaneWaits,
    what: Use,
    /// True from being woken until it has looked.
    is_woken: bool,
}

impl<'a> Waiting<'a> {
    /// Returns what wakes it; to be enabled before it looks.
    pub(crate) fn notified(&self) -> Notified<'a> {
        match self.what {
            Use::Any => self.lane.any.notified(),
            Use::One => self.lane.one.notified(),
        }
    }

    /// Notes that it was woken and looks now.
    pub(crate) const fn woken(&mut self) {
        self.is_woken = true;
    }

    /// Notes that it has looked.
    pub(crate) const fn looked(&mut self) {
        self.is_woken = false;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let count = match self.what {
            Use::Any => &self.lane.any_count,
            Use::One => &self.lane.one_count,
        };
        count.fetch_sub(1, Ordering::SeqCst);
        if self.is_woken && self.what == Use::Any {
            self.lane.pass_on(1);
        }
    }
}
