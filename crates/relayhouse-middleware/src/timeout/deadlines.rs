//! The deadlines of all calls of a layer that are pending, behind one timer.
//!
//! The timer is armed for the earliest deadline when a call becomes pending, and is left alone when
//! that call ends: when it rings, it is armed for what is then the earliest. A layer whose calls
//! end in time so arms it about once in the length of a timeout, however many calls there are. No
//! task drives it: the bell wakes the calls that are late and the next one, and the first that is
//! polled looks.

use std::{
    fmt::{self, Debug},
    sync::{Arc, Weak},
    task::{Context, Poll, Wake, Waker},
};

use relayhouse_core::{Clock, Instant, Sleep};

use super::TimeoutConfig;
use crate::sync::{Mutex, lock};

/// Holds the deadlines of the calls that are pending.
#[derive(Debug)]
pub(super) struct Deadlines {
    pub(super) config: TimeoutConfig,
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    /// Wakes the [`Bell`].
    bell: Waker,
}

/// Is rung by the timer. It does not keep alive what holds the timer.
struct Bell(Weak<Deadlines>);

#[derive(Default)]
struct State {
    entries: Vec<Option<Entry>>,
    /// The places in `entries` that are free.
    free: Vec<usize>,
    /// What the timer is to be armed for.
    wanted: Option<Instant>,
    /// What the timer is armed for.
    armed: Option<Instant>,
    /// The timer; it is out of here while somebody polls it.
    timer: Option<Sleep>,
    /// Whether the timer has rung, and nobody has looked yet.
    is_rung: bool,
}

struct Entry {
    deadline: Instant,
    is_late: bool,
    waker: Waker,
}

/// Is the place of one call. Dropping it takes the call out.
#[derive(Debug)]
pub(super) struct Ticket {
    deadlines: Arc<Deadlines>,
    place: usize,
}

impl Deadlines {
    pub(super) fn new(config: TimeoutConfig, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new_cyclic(|weak| Self {
            config,
            clock,
            state: Mutex::default(),
            bell: Waker::from(Arc::new(Bell(Weak::clone(weak)))),
        })
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// Takes in a call that may be pending until `deadline`.
    pub(super) fn enter(self: &Arc<Self>, deadline: Instant, context: &Context<'_>) -> Ticket {
        let waker = context.waker().clone();
        let (place, is_idle) = {
            let mut state = lock(&self.state);
            let place = state.insert(Entry {
                deadline,
                is_late: false,
                waker,
            });
            state.want(deadline);
            (place, state.is_idle())
        };
        if !is_idle {
            self.drive();
        }
        Ticket {
            deadlines: Arc::clone(self),
            place,
        }
    }

    /// Arms the timer where that is wanted, and looks at it where it has rung. Whoever calls this
    /// is being polled, which a clock may need to make a timer.
    fn drive(&self) {
        loop {
            let Some((armed, timer, old)) = lock(&self.state).begin() else {
                return;
            };
            // A clock has locks of its own, and may wake us while it holds them: ours is free.
            drop(old);
            let mut timer = timer.unwrap_or_else(|| self.clock.sleep_until(armed));
            let poll = timer.as_mut().poll(&mut Context::from_waker(&self.bell));
            let late = match poll {
                Poll::Ready(()) => lock(&self.state).rang(armed),
                Poll::Pending => {
                    let old = lock(&self.state).put_back(armed, timer);
                    drop(old);
                    continue;
                }
            };
            late.into_iter().for_each(Waker::wake);
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let Some(deadlines) = self.0.upgrade() else {
            return;
        };
        let wakers = {
            let mut state = lock(&deadlines.state);
            state.is_rung = true;
            state.concerned()
        };
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Ticket {
    /// Is ready once the deadline has come.
    pub(super) fn poll(&self, context: &Context<'_>) -> Poll<()> {
        let is_idle = {
            let mut state = lock(&self.deadlines.state);
            state.note_waker(self.place, context.waker());
            state.is_idle()
        };
        if !is_idle {
            self.deadlines.drive();
        }
        if lock(&self.deadlines.state).is_late(self.place) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let (entry, wakers) = {
            let mut state = lock(&self.deadlines.state);
            let entry = state.remove(self.place);
            // This call may be the one that was woken to look.
            let is_idle = state.is_idle();
            let wakers = if is_idle {
                Vec::new()
            } else {
                state.concerned()
            };
            (entry, wakers)
        };
        drop(entry);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl State {
    fn insert(&mut self, entry: Entry) -> usize {
        if let Some(place) = self.free.pop() {
            self.entries[place] = Some(entry);
            return place;
        }
        self.entries.push(Some(entry));
        self.entries.len() - 1
    }

    fn remove(&mut self, place: usize) -> Option<Entry> {
        self.free.push(place);
        self.entries[place].take()
    }

    fn note_waker(&mut self, place: usize, waker: &Waker) {
        if let Some(entry) = &mut self.entries[place] {
            entry.waker.clone_from(waker);
        }
    }

    fn is_late(&self, place: usize) -> bool {
        self.entries[place]
            .as_ref()
            .is_some_and(|entry| entry.is_late)
    }

    /// Returns the wakers of those for whom the timer rings, and of the one for whom it has to be
    /// armed next: each of them looks when it is polled.
    fn concerned(&self) -> Vec<Waker> {
        let pending = || self.entries.iter().flatten().filter(|entry| !entry.is_late);
        let is_due = |entry: &&Entry| self.armed.is_some_and(|armed| entry.deadline <= armed);
        let due = pending().filter(is_due);
        let rest = pending().filter(|entry| !is_due(entry));
        let next = rest.min_by_key(|entry| entry.deadline);
        due.chain(next).map(|entry| entry.waker.clone()).collect()
    }

    /// Wants the timer armed for `deadline`, if it would ring later.
    fn want(&mut self, deadline: Instant) {
        let is_early = |other: Option<Instant>| other.is_some_and(|other| other <= deadline);
        if !is_early(self.armed) && !is_early(self.wanted) {
            self.wanted = Some(deadline);
        }
    }

    /// Returns true if there is nothing to do about the timer.
    fn is_idle(&self) -> bool {
        self.wanted.is_none() && (!self.is_rung || self.timer.is_none())
    }

    /// Takes out what is to be polled: the time, the timer if it is made, and one to drop.
    fn begin(&mut self) -> Option<(Instant, Option<Sleep>, Option<Sleep>)> {
        if let Some(wanted) = self.wanted.take() {
            self.armed = Some(wanted);
            return Some((wanted, None, self.timer.take()));
        }
        if self.is_idle() {
            return None;
        }
        self.is_rung = false;
        let armed = self.armed?;
        Some((armed, self.timer.take(), None))
    }

    /// Puts the timer back, or returns it if another is armed by now.
    fn put_back(&mut self, armed: Instant, timer: Sleep) -> Option<Sleep> {
        if self.armed != Some(armed) || self.timer.is_some() {
            return Some(timer);
        }
        self.timer = Some(timer);
        None
    }

    /// Marks those as late whose deadline is `armed` or earlier, returns their wakers, and wants
    /// the timer armed for the earliest of the rest.
    fn rang(&mut self, armed: Instant) -> Vec<Waker> {
        let mut late = Vec::new();
        let mut earliest = None;
        for entry in self.entries.iter_mut().flatten() {
            if entry.is_late {
                continue;
            }
            if entry.deadline <= armed {
                entry.is_late = true;
                late.push(entry.waker.clone());
            } else if earliest.is_none_or(|earliest| entry.deadline < earliest) {
                earliest = Some(entry.deadline);
            }
        }
        if self.armed == Some(armed) {
            self.armed = None;
        }
        earliest
            .into_iter()
            .for_each(|deadline| self.want(deadline));
        late
    }
}

impl Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("pending", &self.entries.iter().flatten().count())
            .field("armed", &self.armed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future, pin::Pin, time::Duration};

    use relayhouse_core::{MachineTime, Timestamp};

    use super::*;
    use crate::testing::context;

    #[tokio::test(start_paused = true)]
    async fn timer_that_is_armed_keeps_nothing_alive() {
        let clock = context().clock;
        let later = clock.now() + Duration::from_secs(3_600);
        let deadlines = Deadlines::new(TimeoutConfig::default(), clock);
        let ticket = deadlines.enter(later, &Context::from_waker(Waker::noop()));
        let weak = Arc::downgrade(&deadlines);
        drop((ticket, deadlines));
        assert!(weak.upgrade().is_none());
    }

    /// Is a clock with locks of its own: while it arms a timer another call comes in, and it wakes
    /// when a timer is dropped.
    #[derive(Clone, Debug)]
    struct Meddling {
        clock: Arc<dyn Clock>,
        early: Arc<Mutex<Option<Early>>>,
        tickets: Arc<Mutex<Vec<Ticket>>>,
    }

    /// Is a call that comes in, and its deadline.
    type Early = (Arc<Deadlines>, Instant);

    struct Timer {
        clock: Meddling,
        waker: Option<Waker>,
    }

    impl Clock for Meddling {
        fn now(&self) -> Instant {
            self.clock.now()
        }

        fn wall(&self) -> Timestamp {
            self.clock.wall()
        }

        fn machine(&self) -> Option<MachineTime> {
            self.clock.machine()
        }

        fn sleep_until(&self, _: Instant) -> Sleep {
            Box::pin(Timer {
                clock: self.clone(),
                waker: None,
            })
        }
    }

    impl Future for Timer {
        type Output = ();

        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
            self.waker = Some(context.waker().clone());
            let early = lock(&self.clock.early).take();
            if let Some((deadlines, deadline)) = early {
                let ticket = deadlines.enter(deadline, &Context::from_waker(Waker::noop()));
                lock(&self.clock.tickets).push(ticket);
            }
            Poll::Pending
        }
    }

    impl Drop for Timer {
        fn drop(&mut self) {
            self.waker.take().into_iter().for_each(Waker::wake);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn timer_that_is_overtaken_is_dropped_outside_of_the_lock() {
        let meddling = Meddling {
            clock: context().clock,
            early: Arc::default(),
            tickets: Arc::default(),
        };
        let deadlines = Deadlines::new(TimeoutConfig::default(), Arc::new(meddling.clone()));
        let at = |seconds| Instant::START + Duration::from_secs(seconds);
        *lock(&meddling.early) = Some((Arc::clone(&deadlines), at(10)));
        let _ticket = deadlines.enter(at(20), &Context::from_waker(Waker::noop()));
        assert_eq!(lock(&deadlines.state).armed, Some(at(10)));
        lock(&meddling.tickets).clear();
    }
}
