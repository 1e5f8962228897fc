//! Sending: a batch goes in under one lock; what has no room waits, is shed, or fails.

use std::{
    future::Future,
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll},
};

use relayhouse_core::{Instant, Operation, Outcome, Priority, Result, Sending, Sent, Timestamp};

use super::{
    After, Lane, Queue,
    state::{Moment, State},
    waiters::Place,
};
use crate::{config::Full, error};

/// Says how far a batch came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Every item has its answer.
    Finished,
    /// The first item without an answer has no room yet.
    Blocked,
}

impl Queue {
    /// Sends every pending item that has room.
    pub(crate) fn send(&self, batch: &mut [Sending]) -> Result<Progress> {
        let moment = self.send_moment(batch);
        self.run(|state, after| self.send_under(state, batch, None, moment, after))
    }

    /// Reads the clocks that the batch needs: the wall clock alone for plain messages.
    pub(super) fn send_moment(&self, batch: &[Sending]) -> Moment {
        let needs_wall_only = self.settings.ttl.is_none()
            && self.settings.full == Full::Wait
            && batch.iter().all(|item| item.message.is_plain());
        let now = if needs_wall_only {
            Instant::START
        } else {
            self.now()
        };
        Moment {
            now,
            wall: self.context.clock.wall(),
        }
    }

    fn send_under(
        &self,
        state: &mut State,
        batch: &mut [Sending],
        place: Place,
        moment: Moment,
        after: &mut After,
    ) -> Result<Progress> {
        let name = || self.name(Lane::Live);
        if state.is_deleted {
            return Err(error::deleted(name(), Operation::Send));
        }
        let full = self.settings.full;
        if full != Full::Wait {
            // What has expired must not stand in the way.
            state.sweep(moment.now, after);
        }
        if full == Full::Fail && !state.has_room_for(batch) {
            return Err(error::full(name(), full));
        }
        let may_pass = state.gate.may_pass(place);
        let has_ttl = self.settings.ttl.is_some();
        for item in batch.iter_mut().filter(|item| item.outcome.is_pending()) {
            let is_in = may_pass
                && match item.message.is_plain() && !has_ttl {
                    true => state.push_plain(item, moment.wall, after),
                    false => state.push_item(item, moment, after),
                };
            match full {
                _ if is_in => {}
                Full::Wait => return Ok(Progress::Blocked),
                Full::Shed | Full::Fail => item.fail(error::full(name(), full)),
            }
        }
        Ok(Progress::Finished)
    }
}

impl State {
    /// Returns true if all pending items of a batch have room at once.
    pub(super) fn has_room_for(&self, batch: &[Sending]) -> bool {
        let pending = batch.iter().filter(|item| item.outcome.is_pending());
        let (count, bytes) = pending.fold((0, 0), |(count, bytes), item| {
            (count + 1, bytes + item.message.size())
        });
        self.has_room_of(Lane::Live, count, bytes)
    }

    /// Takes a message without details in, and answers its item; returns false if there is no
    /// room.
    #[inline]
    fn push_plain(&mut self, item: &mut Sending, wall: Timestamp, after: &mut After) -> bool {
        let size = item.message.size();
        if !self.has_room(Lane::Live, size) {
            return false;
        }
        self.sequence += 1;
        item.outcome = Outcome::Done(Sent {
            id: item.message.id.clone(),
            sequence: Some(self.sequence),
            deduplicated: false,
        });
        let slot = self.slab.swap_in(&mut item.message, wall, self.sequence);
        let live = &mut self.lanes[0];
        live.messages += 1;
        live.bytes += size;
        live.ready += 1;
        live.available.push(Priority::DEFAULT.level(), slot);
        live.line.call(1, &mut after.wakes);
        true
    }

    /// Takes the message of an item in, and answers it; returns false if there is no room.
    pub(super) fn push_item(
        &mut self,
        item: &mut Sending,
        moment: Moment,
        after: &mut After,
    ) -> bool {
        let dedup_id = match item.message.is_plain() {
            true => None,
            false => item.message.details().dedup_id.clone(),
        };
        if let Some(id) = &dedup_id {
            if let Some(sequence) = self.dedup.find(id, moment.now) {
                answer_duplicate(item, sequence, after);
                return true;
            }
        }
        if !self.has_room(Lane::Live, item.message.size())
            || (dedup_id.is_some() && self.dedup.is_full())
        {
            return false;
        }
        let sequence = self.sequence + 1;
        if let Some(id) = dedup_id {
            let window = self.settings.dedup_window;
            self.dedup.insert(id, sequence, moment.now, window);
        }
        let message = item.done(Sent {
            id: item.message.id.clone(),
            sequence: Some(sequence),
            deduplicated: false,
        });
        self.push(message, moment, after);
        true
    }
}

/// Answers an item whose dedup id is known: with the number of the message that came first.
pub(super) fn answer_duplicate(item: &mut Sending, sequence: u64, after: &mut After) {
    let message = item.done(Sent {
        id: item.message.id.clone(),
        sequence: Some(sequence),
        deduplicated: true,
    });
    after.discard(message);
}

/// Waits for room, in the order of arrival.
pub(crate) struct SendWait<'a> {
    queue: &'a Queue,
    batch: &'a mut [Sending],
    closed: &'a [&'a AtomicBool],
    place: Place,
}

impl<'a> SendWait<'a> {
    pub(crate) const fn new(
        queue: &'a Queue,
        batch: &'a mut [Sending],
        closed: &'a [&'a AtomicBool],
    ) -> Self {
        Self {
            queue,
            batch,
            closed,
            place: None,
        }
    }
}

impl Future for SendWait<'_> {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let Self {
            queue,
            batch,
            closed,
            place,
        } = &mut *self;
        let now = queue.now();
        let moment = queue.send_moment(batch);
        let waker = context.waker().clone();
        let is_closed = closed.iter().any(|flag| flag.load(Ordering::Acquire));
        let polled = queue.run_waiting(|state, after| {
            state.sweep(now, after);
            let progress = match is_closed {
                true => Err(error::closed(Operation::Send)),
                false => queue.send_under(state, batch, *place, moment, after),
            };
            if matches!(progress, Ok(Progress::Blocked)) {
                state.gate.wait(place, waker, &mut after.wakes);
                return Poll::Pending;
            }
            state.gate.leave(place, &mut after.wakes);
            Poll::Ready(progress.map(|_| ()))
        });
        if is_closed {
            queue.rest();
        }
        polled
    }
}

impl Drop for SendWait<'_> {
    fn drop(&mut self) {
        let place = &mut self.place;
        if place.is_some() {
            self.queue.run(|state, after| {
                state.is_nudged = false;
                state.gate.leave(place, &mut after.wakes);
            });
        }
    }
}
