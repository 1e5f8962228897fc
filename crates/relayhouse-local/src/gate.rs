//! The senders that wait for room, let in one at a time in the order of their arrival.

use std::{
    collections::{BTreeMap, HashSet},
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

/// Holds the senders of this process that may have to wait for room in one file.
///
/// Each has a number from its arrival. One that found no room is blocked; nobody with a higher
/// number passes it.
#[derive(Debug, Default)]
pub(crate) struct Gate(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    next: u64,
    present: HashSet<u64>,
    blocked: BTreeMap<u64, Blocked>,
}

#[derive(Debug, Default)]
struct Blocked {
    is_called: bool,
    waker: Option<Waker>,
}

/// Is the place of one sender, which leaves it when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    gate: Arc<Gate>,
    number: u64,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the next place.
    pub(crate) fn enter(self: &Arc<Self>) -> Place {
        let mut state = self.lock();
        let number = state.next;
        state.next += 1;
        state.present.insert(number);
        Place {
            gate: Arc::clone(self),
            number,
        }
    }

    /// Returns true if nobody is blocked who came before `number`.
    pub(crate) fn may_pass(&self, number: u64) -> bool {
        let state = self.lock();
        let first = state.blocked.first_key_value();
        first.is_none_or(|(first, _)| number <= *first)
    }

    /// Notes that a sender found no room; one that has left is not waited for.
    pub(crate) fn block(&self, number: u64) {
        let mut state = self.lock();
        if state.present.contains(&number) {
            state.blocked.entry(number).or_default();
        }
    }

    /// Lets the first one look for room.
    pub(crate) fn open(&self) {
        let waker = self.lock().call_first();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Lets everybody look: something has closed, or failed.
    pub(crate) fn open_all(&self) {
        let mut wakers = Vec::new();
        for blocked in self.lock().blocked.values_mut() {
            blocked.is_called = true;
            wakers.extend(blocked.waker.take());
        }
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl State {
    fn call_first(&mut self) -> Option<Waker> {
        let (_, first) = self
            .blocked
            .first_key_value()
            .map(|(number, _)| *number)
            .and_then(|number| Some((number, self.blocked.get_mut(&number)?)))?;
        first.is_called = true;
        first.waker.take()
    }
}

impl Place {
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }

    /// Waits until it is worth looking for room again.
    pub(crate) async fn called(&self) {
        poll_fn(|context| self.poll_called(context)).await;
    }

    fn poll_called(&self, context: &Context<'_>) -> Poll<()> {
        let mut state = self.gate.lock();
        let Some(blocked) = state.blocked.get_mut(&self.number) else {
            return Poll::Ready(());
        };
        if std::mem::take(&mut blocked.is_called) {
            return Poll::Ready(());
        }
        blocked.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Place {
    /// Leaves, sent or not, and lets the next one look.
    fn drop(&mut self) {
        let waker = {
            let mut state = self.gate.lock();
            state.present.remove(&self.number);
            let was_blocked = state.blocked.remove(&self.number).is_some();
            if was_blocked {
                state.call_first()
            } else {
                None
            }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    fn is_called(place: &Place) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        pin!(place.called()).poll(&mut context).is_ready()
    }

    #[test]
    fn nobody_passes_a_blocked_sender_that_came_before() {
        let gate = Arc::new(Gate::default());
        let (first, second) = (gate.enter(), gate.enter());
        gate.block(first.number());
        assert!(gate.may_pass(first.number()));
        assert!(!gate.may_pass(second.number()));
        gate.block(second.number());
        gate.open();
        assert!(is_called(&first));
        assert!(!is_called(&first), "one call is one look");
        assert!(!is_called(&second));
        drop(first);
        assert!(gate.may_pass(second.number()));
        assert!(is_called(&second));
    }

    #[test]
    fn sender_that_has_left_blocks_nobody() {
        let gate = Arc::new(Gate::default());
        let (first, second) = (gate.enter(), gate.enter());
        let number = first.number();
        drop(first);
        gate.block(number);
        assert!(gate.may_pass(second.number()));
    }
}
