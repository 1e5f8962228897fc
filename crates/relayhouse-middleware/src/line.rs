//! A line of waiting tasks, served in the order they came.

use std::{collections::VecDeque, task::Waker};

/// Is a line of tasks, of which the first is woken.
#[derive(Debug, Default)]
pub(crate) struct Line {
    /// The tickets, rising, and who waits with them.
    waiting: VecDeque<(u64, Waker)>,
    next: u64,
}

impl Line {
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Goes to the end, and returns the ticket of the place.
    pub(crate) fn join(&mut self, waker: &Waker) -> u64 {
        let ticket = self.next;
        self.next += 1;
        self.waiting.push_back((ticket, waker.clone()));
        ticket
    }

    /// Wakes `waker` from now on when the place with `ticket` is the first.
    pub(crate) fn stay(&mut self, ticket: u64, waker: &Waker) {
        if let Ok(index) = self.index(ticket) {
            self.waiting[index].1.clone_from(waker);
        }
    }

    pub(crate) fn is_first(&self, ticket: u64) -> bool {
        self.waiting
            .front()
            .is_some_and(|(first, _)| *first == ticket)
    }

    /// Leaves, and returns who is to be woken: the next, if this was the first.
    pub(crate) fn leave(&mut self, ticket: u64) -> Option<Waker> {
        let index = self.index(ticket).ok()?;
        self.waiting.remove(index);
        if index == 0 { self.first() } else { None }
    }

    /// Returns who is to be woken when there is something for the first.
    pub(crate) fn first(&self) -> Option<Waker> {
        self.waiting.front().map(|(_, waker)| waker.clone())
    }

    /// Returns all who wait.
    pub(crate) fn all(&self) -> Vec<Waker> {
        let wakers = self.waiting.iter().map(|(_, waker)| waker);
        wakers.cloned().collect()
    }

    fn index(&self, ticket: u64) -> Result<usize, usize> {
        self.waiting
            .binary_search_by_key(&ticket, |(ticket, _)| *ticket)
    }
}

/// Wakes, outside of every lock: a waker runs foreign code.
pub(crate) fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_to_come_is_the_first() {
        let mut line = Line::default();
        let [a, b, c] = [0; 3].map(|_| line.join(Waker::noop()));
        assert!(line.is_first(a));
        assert!(line.leave(b).is_none());
        assert!(line.leave(a).is_some());
        assert!(line.is_first(c));
        assert!(line.leave(c).is_none());
        assert!(line.leave(c).is_none());
        assert!(line.is_empty());
    }
}
