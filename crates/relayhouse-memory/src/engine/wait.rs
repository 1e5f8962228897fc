//! The futures that wait: for a message, for a session, for a lease lost. Dropping one leaves
//! nothing behind, and a call it had not answered goes to the next in line.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use relayhouse_core::{
    Delivery, Error, Instant, Operation, Receipt, Result, SessionId, Sleep, port::ReceiveRequest,
};

use super::{
    After, Held, Lane, Queue, Take,
    session::Session,
    slab::NONE,
    state::State,
    waiters::{Line, Place},
};
use crate::error;

/// Tells the poll of a wait that its time is over, and sleeps until then.
struct Deadline {
    at: Instant,
    sleep: Option<Sleep>,
}

impl Deadline {
    const fn new(at: Instant) -> Self {
        Self { at, sleep: None }
    }

    fn poll(&mut self, queue: &Queue, context: &mut Context<'_>) -> Poll<()> {
        if self.at == Instant::NEVER {
            return Poll::Pending;
        }
        let clock = &queue.context.clock;
        let at = self.at;
        let sleep = self.sleep.get_or_insert_with(|| clock.sleep_until(at));
        let polled = sleep.as_mut().poll(context);
        if polled.is_ready() {
            // The clock may have woken a little early: a further poll makes a further sleep.
            self.sleep = None;
        }
        polled
    }
}

/// Says where a receive asks: in a queue, in its dead letters, or within a session.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Asking {
    Lane(Lane),
    Session { key: u32, holder: u64 },
}

impl Asking {
    fn line(self, state: &mut State) -> Option<&mut Line> {
        match self {
            Self::Lane(lane) => Some(&mut state.lane(lane).line),
            Self::Session { key, .. } => Some(&mut state.keys.get_mut(key)?.session.line),
        }
    }

    fn leave(self, state: &mut State, place: &mut Place, has_answered: bool, after: &mut After) {
        if matches!(self, Self::Session { .. }) && place.is_some() {
            state.sessions.waiting = state.sessions.waiting.saturating_sub(1);
        }
        leave(self.line(state), place, has_answered, after);
    }

    fn lane(self) -> Lane {
        match self {
            Self::Lane(lane) => lane,
            Self::Session { .. } => Lane::Live,
        }
    }

    /// Takes what is ready; fails if the queue is gone or the session is lost.
    pub(crate) fn take(
        self,
        queue: &Queue,
        state: &mut State,
        take: Take,
        into: &mut Vec<Delivery>,
        after: &mut After,
    ) -> Result<usize> {
        if state.is_deleted {
            return Err(error::deleted(queue.name(self.lane()), Operation::Receive));
        }
        match self {
            Self::Lane(lane) => Ok(state.take(lane, take, into, after)),
            Self::Session { key, holder } => {
                state.sweep(take.now, after);
                let until = session_until(state, key, holder, take.now)?;
                Ok(state.take_session(key, until, take, into))
            }
        }
    }
}

fn session_until(state: &mut State, key: u32, holder: u64, now: Instant) -> Result<Instant> {
    let session: Option<&mut Session> = state.held(key, holder, now);
    session
        .map(|session| session.until)
        .ok_or_else(|| error::session_lost(Operation::Receive))
}

/// Waits for a message, in the order of arrival.
pub(crate) struct ReceiveWait<'a> {
    queue: &'a Queue,
    asking: Asking,
    request: ReceiveRequest,
    lease: Duration,
    closed: &'a [&'a AtomicBool],
    into: &'a mut Vec<Delivery>,
    place: Place,
    deadline: Deadline,
    session_end: Deadline,
}

impl<'a> ReceiveWait<'a> {
    pub(crate) fn new(
        queue: &'a Queue,
        asking: Asking,
        request: ReceiveRequest,
        lease: Duration,
        closed: &'a [&'a AtomicBool],
        into: &'a mut Vec<Delivery>,
    ) -> Self {
        Self {
            queue,
            asking,
            request,
            lease,
            closed,
            into,
            place: None,
            deadline: Deadline::new(queue.now() + request.wait),
            session_end: Deadline::new(Instant::NEVER),
        }
    }

    fn look(&mut self, context: &Context<'_>) -> Poll<Result<()>> {
        let Self {
            queue,
            asking,
            into,
            place,
            ..
        } = self;
        let take = queue.take_of(&self.request, self.lease);
        let is_closed = is_closed(self.closed);
        let is_over = is_closed || self.deadline.at <= take.now;
        let waker = context.waker().clone();
        let session_end = &mut self.session_end;
        queue.run_waiting(|state, after| {
            let taken = match is_closed {
                true => Ok(0),
                false => asking.take(queue, state, take, into, after),
            };
            let line = asking.line(state);
            if !is_over && matches!(taken, Ok(0)) {
                let is_new = place.is_none();
                if let Some(line) = line {
                    line.join(place, waker, &mut after.wakes);
                }
                if let Asking::Session { key, holder } = *asking {
                    state.sessions.waiting += usize::from(is_new);
                    let until = session_until(state, key, holder, take.now);
                    session_end.at = until.unwrap_or(Instant::NEVER);
                }
                return Poll::Pending;
            }
            let has_answered = matches!(taken, Ok(1..));
            asking.leave(state, place, has_answered, after);
            Poll::Ready(taken.map(|_| ()))
        })
    }
}

/// Leaves a line; who was called and took nothing hands the call on.
fn leave(line: Option<&mut Line>, place: &mut Place, has_answered: bool, after: &mut After) {
    let Some(line) = line else {
        *place = None;
        return;
    };
    let was_called = line.leave(place, &mut after.wakes);
    if was_called && !has_answered {
        line.call(1, &mut after.wakes);
    }
}

fn is_closed(flags: &[&AtomicBool]) -> bool {
    flags.iter().any(|flag| flag.load(Ordering::Acquire))
}

impl Future for ReceiveWait<'_> {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let this = &mut *self;
        loop {
            if let Poll::Ready(result) = this.look(context) {
                if is_closed(this.closed) {
                    this.queue.rest();
                }
                return Poll::Ready(result);
            }
            let is_time = this.deadline.poll(this.queue, context).is_ready()
                || this.session_end.poll(this.queue, context).is_ready();
            if !is_time {
                return Poll::Pending;
            }
        }
    }
}

impl Drop for ReceiveWait<'_> {
    fn drop(&mut self) {
        if self.place.is_none() {
            return;
        }
        let (asking, place) = (self.asking, &mut self.place);
        self.queue.run(|state, after| {
            state.is_nudged = false;
            asking.leave(state, place, false, after);
        });
    }
}

/// Waits for a session, in the order of arrival.
pub(crate) struct AcceptWait<'a> {
    queue: &'a Queue,
    wanted: Option<&'a SessionId>,
    lease: Duration,
    closed: &'a [&'a AtomicBool],
    /// The key of the session that is wanted, which is kept while this waits.
    key: u32,
    place: Place,
    deadline: Deadline,
}

impl<'a> AcceptWait<'a> {
    pub(crate) fn new(
        queue: &'a Queue,
        wanted: Option<&'a SessionId>,
        lease: Duration,
        wait: Duration,
        closed: &'a [&'a AtomicBool],
    ) -> Self {
        Self {
            queue,
            wanted,
            lease,
            closed,
            key: NONE,
            place: None,
            deadline: Deadline::new(queue.now() + wait),
        }
    }

    fn look(&mut self, context: &Context<'_>) -> Poll<Result<Option<Held>>> {
        let Self {
            queue,
            wanted,
            lease,
            key,
            place,
            ..
        } = self;
        let now = queue.now();
        let is_closed = is_closed(self.closed);
        let is_over = is_closed || self.deadline.at <= now;
        let waker = context.waker().clone();
        queue.run_waiting(|state, after| {
            if state.is_deleted {
                (*place, *key) = (None, NONE);
                let name = queue.name(Lane::Live);
                return Poll::Ready(Err(error::deleted(name, Operation::Session)));
            }
            state.sweep(now, after);
            if let (Some(wanted), NONE) = (*wanted, *key) {
                *key = state.join_key(wanted.as_text());
            }
            let held = match *key {
                _ if is_closed => None,
                NONE => state.hold_next(now, *lease),
                key => state.hold(key, now, *lease),
            };
            if held.is_none() && !is_over {
                state.sessions.waiting += usize::from(place.is_none());
                if let Some(line) = accept_line(state, *key) {
                    line.join(place, waker, &mut after.wakes);
                }
                return Poll::Pending;
            }
            let is_busy = *key != NONE && held.is_none() && !is_closed;
            give_up(state, key, place, held.is_some(), after);
            match *wanted {
                Some(wanted) if is_busy => Poll::Ready(Err(busy(queue, wanted))),
                _ => Poll::Ready(Ok(held)),
            }
        })
    }
}

fn busy(queue: &Queue, wanted: &SessionId) -> Error {
    error::session_busy(queue.name(Lane::Live), wanted)
}

fn accept_line(state: &mut State, key: u32) -> Option<&mut Line> {
    match key {
        NONE => Some(&mut state.sessions.line),
        key => Some(&mut state.keys.get_mut(key)?.session.claimants),
    }
}

fn give_up(
    state: &mut State,
    key: &mut u32,
    place: &mut Place,
    has_answered: bool,
    after: &mut After,
) {
    if place.is_some() {
        state.sessions.waiting = state.sessions.waiting.saturating_sub(1);
    }
    leave(accept_line(state, *key), place, has_answered, after);
    if *key != NONE {
        if !has_answered {
            state.offer_session(*key, after);
        }
        state.leave_key(*key);
        *key = NONE;
    }
}

impl Future for AcceptWait<'_> {
    type Output = Result<Option<Held>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        loop {
            if let Poll::Ready(result) = this.look(context) {
                if is_closed(this.closed) {
                    this.queue.rest();
                }
                return Poll::Ready(result);
            }
            if this.deadline.poll(this.queue, context).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl Drop for AcceptWait<'_> {
    fn drop(&mut self) {
        if self.place.is_none() && self.key == NONE {
            return;
        }
        let (key, place) = (&mut self.key, &mut self.place);
        self.queue.run(|state, after| {
            state.is_nudged = false;
            if !state.is_deleted {
                give_up(state, key, place, false, after);
            }
        });
    }
}

/// Waits until leases were lost.
pub(crate) struct LostWait<'a> {
    queue: &'a Queue,
    place: Place,
}

impl<'a> LostWait<'a> {
    pub(crate) const fn new(queue: &'a Queue) -> Self {
        Self { queue, place: None }
    }
}

impl Future for LostWait<'_> {
    type Output = Arc<[Receipt]>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { queue, place } = &mut *self;
        let waker = context.waker().clone();
        queue.run(|state, after| {
            if let Some(receipts) = state.lost.receipts.clone() {
                state.lost.line.leave(place, &mut after.wakes);
                return Poll::Ready(receipts);
            }
            state.lost.line.join(place, waker, &mut after.wakes);
            Poll::Pending
        })
    }
}

impl Drop for LostWait<'_> {
    fn drop(&mut self) {
        let place = &mut self.place;
        if place.is_some() {
            self.queue.run(|state, after| {
                state.lost.line.leave(place, &mut after.wakes);
            });
        }
    }
}
