//! The senders that wait for room, let in one at a time in the order of their arrival.

use std::task::Waker;

use super::waiters::{Line, Place, Wakes};

/// Holds senders that wait for room.
///
/// One that was let in has its turn until it goes on or gives up; nobody passes it meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    line: Line,
    turn: Place,
}

impl Gate {
    pub(crate) fn is_empty(&self) -> bool {
        self.line.is_empty() && self.turn.is_none()
    }

    /// Returns true if nobody waits who came before `place`.
    pub(crate) fn may_pass(&self, place: Place) -> bool {
        match self.turn {
            Some(_) => self.turn == place,
            None => self.line.is_first(place),
        }
    }

    /// Lets the first in, if nobody has the turn.
    #[inline]
    pub(crate) fn open(&mut self, wakes: &mut Wakes) {
        if self.turn.is_none() && !self.line.is_empty() {
            self.turn = self.line.call_first(wakes);
        }
    }

    /// Waits in the place, which is kept.
    pub(crate) fn wait(&mut self, place: &mut Place, waker: Waker, wakes: &mut Wakes) {
        if self.turn.is_some() && self.turn == *place {
            self.turn = None;
        }
        self.line.join(place, waker, wakes);
    }

    /// Leaves, sent or not, and lets the next one look.
    pub(crate) fn leave(&mut self, place: &mut Place, wakes: &mut Wakes) {
        if self.turn.is_some() && self.turn == *place {
            self.turn = None;
        }
        self.line.leave(place, wakes);
        self.open(wakes);
    }

    pub(crate) fn call_all(&mut self, wakes: &mut Wakes) {
        self.turn = None;
        self.line.call_all(wakes);
    }

    pub(crate) fn nudge_all(&self, wakes: &mut Wakes) {
        self.line.nudge_all(wakes);
    }

    pub(crate) fn nudge(&self, wakes: &mut Wakes) -> bool {
        self.line.nudge(wakes)
    }
}
