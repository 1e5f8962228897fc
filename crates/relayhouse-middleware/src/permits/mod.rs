//! Permits for what is in flight, counted in messages and bytes, and given out in order.
//!
//! While nobody waits, a permit is taken, resized and given back by one atomic step each. Who finds
//! no room marks the word, and from then on the line decides, under a lock.

mod amount;

#[cfg(test)]
mod tests;

use std::{
    sync::Arc,
    task::{Context, Poll, Waker},
};

use relayhouse_core::Result;

pub(crate) use self::amount::Amount;
use self::amount::Word;
use crate::{
    line::{Line, wake},
    prepare::Watch,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
        lock,
    },
};

/// Counts what is in flight, and lets in what there is room for.
#[derive(Debug)]
pub(crate) struct Permits {
    /// A [`Word`]. It is marked by who joins the line, under the line's lock and before looking for
    /// room a last time; so whoever gives room back sees the mark, or is seen by that look.
    used: AtomicU64,
    messages_max: AtomicU64,
    bytes_max: u64,
    line: Mutex<Line>,
}

/// Is room for one request. Dropping it gives the room back.
#[derive(Debug)]
pub struct Permit {
    permits: Arc<Permits>,
    amount: Word,
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
        Arc::new(Self {
            used: AtomicU64::new(Word::default().0),
            messages_max: AtomicU64::new(max.messages),
            bytes_max: max.bytes,
            line: Mutex::default(),
        })
    }

    /// Returns what is in flight, and how many wait.
    pub(crate) fn load(&self) -> (Amount, usize) {
        let waiting = lock(&self.line).len();
        (self.used().amount(), waiting)
    }

    /// Changes how many messages may be in flight. What is in flight beyond that may end.
    pub(crate) fn set_messages_max(&self, messages: u64) {
        wake(self.change_messages_max(messages));
    }

    /// Does the same, and returns who is to be woken once no lock is held.
    #[must_use]
    pub(crate) fn change_messages_max(&self, messages: u64) -> Option<Waker> {
        let line = lock(&self.line);
        self.messages_max.store(messages, Ordering::SeqCst);
        self.next(&line)
    }

    /// Wakes the first in line, to look at what has changed besides the room.
    pub(crate) fn wake_first(&self) {
        let waker = lock(&self.line).first();
        wake(waker);
    }

    /// Takes room for `amount` if it is there and nobody waits for it.
    #[inline]
    pub(crate) fn try_take(self: &Arc<Self>, amount: Amount) -> Option<Permit> {
        self.take_from(amount, |used| !used.is_waited_for())
    }

    /// Takes room for `amount`, or waits for it in line.
    #[inline]
    pub(crate) fn poll_take(
        self: &Arc<Self>,
        hold: &mut Hold,
        amount: Amount,
        context: &Context<'_>,
    ) -> Poll<()> {
        let permit = match hold {
            Hold::Permit(_) => return Poll::Ready(()),
            Hold::Place(_) => None,
            Hold::Nothing => self.try_take(amount),
        };
        let Some(permit) = permit.or_else(|| self.take_in_line(hold, amount, context)) else {
            return Poll::Pending;
        };
        *hold = Hold::Permit(permit);
        Poll::Ready(())
    }

    /// Takes room for `amount` if it is the turn of the place in `hold`, which is had first.
    #[cold]
    fn take_in_line(
        self: &Arc<Self>,
        hold: &mut Hold,
        amount: Amount,
        context: &Context<'_>,
    ) -> Option<Permit> {
        let mut line = lock(&self.line);
        let ticket = match hold {
            Hold::Place(place) => place.ticket,
            Hold::Nothing | Hold::Permit(_) => self.join(&mut line, hold, context.waker()),
        };
        let is_turn = line.is_first(ticket);
        let permit = is_turn.then(|| self.take_from(amount, |_| true));
        let Some(permit) = permit.flatten() else {
            line.stay(ticket, context.waker());
            return None;
        };
        self.leave(&mut line, ticket);
        let waker = self.next(&line);
        drop(line);
        wake(waker);
        Some(permit)
    }

    #[inline]
    fn used(&self) -> Word {
        Word(self.used.load(Ordering::SeqCst))
    }

    /// Takes room for `amount`, as long as there is some and `may_take` agrees.
    fn take_from(
        self: &Arc<Self>,
        amount: Amount,
        may_take: impl Fn(Word) -> bool,
    ) -> Option<Permit> {
        let mut used = self.used();
        while may_take(used) && self.fits(used.amount(), amount) {
            let amount = Word::of(amount.beside(used.amount()));
            match self.replace(used, Word(used.0 + amount.0)) {
                Ok(()) => {
                    let permits = Arc::clone(self);
                    return Some(Permit { permits, amount });
                }
                Err(now) => used = now,
            }
        }
        None
    }

    /// Puts `new` in the place of `used`, or returns what is there instead.
    #[inline]
    fn replace(&self, used: Word, new: Word) -> Result<(), Word> {
        let order = Ordering::SeqCst;
        let replaced = self.used.compare_exchange_weak(used.0, new.0, order, order);
        replaced.map(drop).map_err(Word)
    }

    /// Returns true if there is room for `amount`: within the bounds, or all by itself.
    #[inline]
    fn fits(&self, used: Amount, amount: Amount) -> bool {
        let messages = used.messages.saturating_add(amount.messages);
        let bytes = used.bytes.saturating_add(amount.bytes);
        let max = self.max();
        let is_within = messages <= max.messages && bytes <= max.bytes;
        is_within || used == Amount::default()
    }

    /// Returns the bounds, which lie within what is counted.
    #[inline]
    fn max(&self) -> Amount {
        let max = Amount {
            messages: self.messages_max.load(Ordering::SeqCst),
            bytes: self.bytes_max,
        };
        max.beside(Amount::default())
    }

    /// Joins the line, and returns the ticket of the place that is then in `hold`.
    fn join(self: &Arc<Self>, line: &mut Line, hold: &mut Hold, waker: &Waker) -> u64 {
        let ticket = line.join(waker);
        let permits = Arc::clone(self);
        *hold = Hold::Place(Place { permits, ticket });
        self.used.fetch_or(Word::WAITED_FOR.0, Ordering::SeqCst);
        ticket
    }

    /// Leaves the line, and returns who is to be woken: the next, if this was the first.
    fn leave(&self, line: &mut Line, ticket: u64) -> Option<Waker> {
        let waker = line.leave(ticket);
        if line.is_empty() {
            self.used.fetch_and(!Word::WAITED_FOR.0, Ordering::SeqCst);
        }
        waker
    }

    /// Returns the first in line, if there may be room for it.
    fn next(&self, line: &MutexGuard<'_, Line>) -> Option<Waker> {
        let (used, max) = (self.used().amount(), self.max());
        let has_room = used.messages < max.messages && used.bytes < max.bytes;
        let may_enter = has_room || used == Amount::default();
        line.first().filter(|_| may_enter)
    }

    /// Wakes the first in line after room was given back, if `used` says that there is one.
    #[inline]
    fn gave_back(&self, used: Word) {
        if used.is_waited_for() {
            self.call_next();
        }
    }

    #[cold]
    fn call_next(&self) {
        let waker = self.next(&lock(&self.line));
        wake(waker);
    }
}

impl Permit {
    /// Makes the permit one for `amount`, which may go beyond the bounds.
    #[inline]
    pub(crate) fn resize(&mut self, amount: Amount) {
        let mut used = self.permits.used();
        loop {
            let others = Word(used.0 - self.amount.0);
            let amount = Word::of(amount.beside(others.amount()));
            if amount == self.amount {
                return;
            }
            match self.permits.replace(used, Word(others.0 + amount.0)) {
                Ok(()) => {
                    self.amount = amount;
                    return self.permits.gave_back(used);
                }
                Err(now) => used = now,
            }
        }
    }
}

impl<T> Watch<T> for Permit {
    fn ended(self, _: &Result<T>) {}
}

impl Drop for Permit {
    #[inline]
    fn drop(&mut self) {
        let used = self.permits.used.fetch_sub(self.amount.0, Ordering::SeqCst);
        self.permits.gave_back(Word(used));
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let waker = self
            .permits
            .leave(&mut lock(&self.permits.line), self.ticket);
        wake(waker);
    }
}

impl Hold {
    /// Takes the permit, if there is one.
    #[inline]
    pub(crate) fn take_permit(&mut self) -> Option<Permit> {
        match std::mem::take(self) {
            Self::Permit(permit) => Some(permit),
            Self::Nothing | Self::Place(_) => None,
        }
    }
}
