//! Permits for what is in flight, counted in messages and bytes, and given out in order.

use std::{
    sync::Arc,
    task::{Context, Poll, Waker},
};

use relayhouse_core::Result;

use crate::{
    line::{Line, wake},
    prepare::Watch,
    sync::{Mutex, lock},
};

/// Counts what is in flight, and lets in what there is room for.
#[derive(Debug)]
pub(crate) struct Permits(Mutex<State>);

#[derive(Debug)]
struct State {
    used: Amount,
    max: Amount,
    line: Line,
}

/// Is a number of messages and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
}

/// Is room for one request. Dropping it gives the room back.
#[derive(Debug)]
pub struct Permit {
    permits: Arc<Permits>,
    amount: Amount,
}

/// Is a place in the line. Dropping it leaves the line.
#[derive(Debug)]
pub(crate) struct Place {
    permits: Arc<Permits>,
    ticket: u64,
}

/// Is what one instance of a service has of the permits.
#[derive(Debug, Default)]
pub(crate) enum Hold {
    #[default]
    Nothing,
    Place(Place),
    Permit(Permit),
}

impl Permits {
    pub(crate) fn new(max: Amount) -> Arc<Self> {
        let (used, line) = Default::default();
        Arc::new(Self(Mutex::new(State { used, max, line })))
    }

    /// Returns what is in flight, and how many wait.
    pub(crate) fn load(&self) -> (Amount, usize) {
        let state = lock(&self.0);
        (state.used, state.line.len())
    }

    /// Changes how many messages may be in flight. What is in flight beyond that may end.
    pub(crate) fn set_messages_max(&self, messages: u64) {
        wake(self.change_messages_max(messages));
    }

    /// Does the same, and returns who is to be woken once no lock is held.
    #[must_use]
    pub(crate) fn change_messages_max(&self, messages: u64) -> Option<Waker> {
        let mut state = lock(&self.0);
        state.max.messages = messages;
        state.next()
    }

    /// Wakes the first in line, to look at what has changed besides the room.
    pub(crate) fn wake_first(&self) {
        let waker = lock(&self.0).line.first();
        wake(waker);
    }

    /// Takes room for `amount` if it is there and nobody waits for it.
    pub(crate) fn try_take(self: &Arc<Self>, amount: Amount) -> Option<Permit> {
        let mut state = lock(&self.0);
        let is_free = state.line.is_empty() && state.fits(amount);
        is_free.then(|| state.take(self, amount))
    }

    /// Takes room for `amount`, or waits for it in line.
    pub(crate) fn poll_take(
        self: &Arc<Self>,
        hold: &mut Hold,
        amount: Amount,
        context: &Context<'_>,
    ) -> Poll<()> {
        let ticket = match hold {
            Hold::Permit(_) => return Poll::Ready(()),
            Hold::Place(place) => Some(place.ticket),
            Hold::Nothing => None,
        };
        let mut state = lock(&self.0);
        let is_turn = ticket.map_or(state.line.is_empty(), |ticket| state.line.is_first(ticket));
        if !is_turn || !state.fits(amount) {
            match ticket {
                Some(ticket) => state.line.stay(ticket, context.waker()),
                None => {
                    *hold = Hold::Place(Place {
                        permits: Arc::clone(self),
                        ticket: state.line.join(context.waker()),
                    });
                }
            }
            return Poll::Pending;
        }
        let permit = state.take(self, amount);
        if let Some(ticket) = ticket {
            let _ = state.line.leave(ticket);
        }
        let waker = state.next();
        drop(state);
        wake(waker);
        *hold = Hold::Permit(permit);
        Poll::Ready(())
    }
}

impl State {
    /// Returns true if there is room for `amount`: within the bounds, or all by itself.
    fn fits(&self, amount: Amount) -> bool {
        let messages = self.used.messages.saturating_add(amount.messages);
        let bytes = self.used.bytes.saturating_add(amount.bytes);
        let is_within = messages <= self.max.messages && bytes <= self.max.bytes;
        is_within || self.used == Amount::default()
    }

    fn take(&mut self, permits: &Arc<Permits>, amount: Amount) -> Permit {
        self.used.messages += amount.messages;
        self.used.bytes = self.used.bytes.saturating_add(amount.bytes);
        Permit {
            permits: Arc::clone(permits),
            amount,
        }
    }

    /// Returns the first in line, if there may be room for it.
    fn next(&self) -> Option<Waker> {
        let has_room = self.used.messages < self.max.messages && self.used.bytes < self.max.bytes;
        let may_enter = has_room || self.used == Amount::default();
        self.line.first().filter(|_| may_enter)
    }
}

impl Permit {
    /// Makes the permit one for `amount`, which may go beyond the bounds.
    pub(crate) fn resize(&mut self, amount: Amount) {
        let waker = {
            let mut state = lock(&self.permits.0);
            let used = &mut state.used;
            used.messages = used.messages - self.amount.messages + amount.messages;
            used.bytes = (used.bytes - self.amount.bytes).saturating_add(amount.bytes);
            state.next()
        };
        self.amount = amount;
        wake(waker);
    }
}

impl<T> Watch<T> for Permit {
    fn ended(self, _: &Result<T>) {}
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.resize(Amount::default());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let waker = lock(&self.permits.0).line.leave(self.ticket);
        wake(waker);
    }
}

impl Hold {
    /// Takes the permit, if there is one.
    pub(crate) fn take_permit(&mut self) -> Option<Permit> {
        match std::mem::take(self) {
            Self::Permit(permit) => Some(permit),
            Self::Nothing | Self::Place(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicBool, AtomicUsize, Ordering},
        task::Wake,
        thread::{self, Thread},
    };

    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[derive(Debug, Default)]
    struct Flag(AtomicBool);

    impl Wake for Flag {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[derive(Debug)]
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    /// Takes a permit, and lets the thread rest until that is possible.
    fn take_parked(permits: &Arc<Permits>) -> Permit {
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let context = Context::from_waker(&waker);
        let mut hold = Hold::Nothing;
        while permits.poll_take(&mut hold, AMOUNT, &context).is_pending() {
            thread::park();
        }
        hold.take_permit().unwrap()
    }

    /// Threads that rest until they are woken all come to their end: no wake-up is lost, and no
    /// more run at a time than may.
    #[test]
    fn threads_share_permits_and_none_is_forgotten() {
        let max = Amount {
            messages: 2,
            bytes: 40,
        };
        let permits = Permits::new(max);
        let running = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..2_000 {
                        let permit = take_parked(&permits);
                        assert!(running.fetch_add(1, Ordering::SeqCst) < 2);
                        thread::yield_now();
                        running.fetch_sub(1, Ordering::SeqCst);
                        drop(permit);
                    }
                });
            }
        });
        assert_eq!(permits.load(), (Amount::default(), 0));
    }

    /// Is a task that wants a permit, and is polled when it was woken.
    #[derive(Debug, Default)]
    struct Task {
        hold: Hold,
        flag: Arc<Flag>,
        order: usize,
    }

    #[derive(Clone, Debug)]
    enum Step {
        Arrive,
        End(usize),
        Give(usize),
        Resize(usize, u64),
        Limit(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => Just(Step::Arrive),
            2 => any::<usize>().prop_map(Step::End),
            1 => any::<usize>().prop_map(Step::Give),
            1 => (any::<usize>(), 1..20_u64).prop_map(|(index, bytes)| Step::Resize(index, bytes)),
            1 => (1..6_u64).prop_map(Step::Limit),
        ]
    }

    const AMOUNT: Amount = Amount {
        messages: 1,
        bytes: 10,
    };

    fn pick<T>(list: &mut Vec<T>, index: usize) -> Option<T> {
        (!list.is_empty()).then(|| list.remove(index % list.len()))
    }

    proptest! {
        /// Whatever comes and goes, those who wait are served in order as soon as there is room,
        /// woken and not by chance, and nothing is in flight that nobody holds.
        #[test]
        fn waiters_are_served_in_order_and_none_is_forgotten(steps in vec(step(), 0..200)) {
            let max = Amount { messages: 3, bytes: 40 };
            let permits = Permits::new(max);
            let (mut waiting, mut running) = (Vec::<Task>::new(), Vec::<Permit>::new());
            let (mut limit, mut arrived, mut served) = (max.messages, 0, 0);
            for step in steps {
                match step {
                    Step::Arrive => {
                        let mut task = Task { order: arrived, ..Task::default() };
                        arrived += 1;
                        task.flag.0.store(true, Ordering::Relaxed);
                        task.hold = Hold::Nothing;
                        waiting.push(task);
                    }
                    Step::End(index) => drop(pick(&mut running, index)),
                    Step::Give(index) => drop(pick(&mut waiting, index)),
                    Step::Resize(index, bytes) => {
                        if let Some(mut permit) = pick(&mut running, index) {
                            permit.resize(Amount { messages: 1, bytes });
                            running.push(permit);
                        }
                    }
                    Step::Limit(messages) => {
                        limit = messages;
                        permits.set_messages_max(messages);
                    }
                }
                // Poll those who were woken, until nobody is.
                while let Some(index) = waiting
                    .iter()
                    .position(|task| task.flag.0.swap(false, Ordering::Relaxed))
                {
                    let task = &mut waiting[index];
                    let waker = Waker::from(Arc::clone(&task.flag));
                    let context = Context::from_waker(&waker);
                    if permits.poll_take(&mut task.hold, AMOUNT, &context).is_ready() {
                        prop_assert_eq!(index, 0, "somebody before it still waits");
                        prop_assert!(served <= task.order);
                        served = task.order;
                        running.extend(waiting.remove(index).hold.take_permit());
                    }
                }
                let (used, in_line) = permits.load();
                prop_assert_eq!(used.messages, running.len() as u64);
                prop_assert_eq!(in_line, waiting.len());
                let bytes: u64 = running.iter().map(|permit| permit.amount.bytes).sum();
                prop_assert_eq!(used.bytes, bytes);
                let has_room = used.messages < limit && used.bytes + AMOUNT.bytes <= max.bytes;
                prop_assert!(waiting.is_empty() || !has_room, "there is room, and somebody waits");
            }
            drop((waiting, running));
            prop_assert_eq!(permits.load(), (Amount::default(), 0));
        }
    }
}
