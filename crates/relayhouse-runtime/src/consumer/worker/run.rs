//! Starting handlers, and polling those that did not end at once.

use std::{
    any::Any,
    future::Future,
    mem::take,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context as TaskContext, Poll, ready},
    time::Duration,
};

use futures_util::stream::StreamExt;
use relayhouse_core::{Clock, Error, ErrorKind, Event, Instant, Result, Sleep};
use tracing::warn;

use super::{Entry, Mode, Worker};
use crate::{config::Order, consumer::report::add};

/// A poll of a handler that takes longer than this holds up its thread.
const STALL: Duration = Duration::from_millis(100);
/// A new measurement counts one eighth in the pace.
const PACE_SHARE: u32 = 8;

/// Is where a handler's future lives; it is used again when the future has ended.
pub(super) type Place<M> = Pin<Box<Option<<M as Mode>::Future>>>;

/// Is a handler that runs.
pub(super) struct Run<M: Mode> {
    place: Option<Place<M>>,
    unit: Option<M::Unit>,
    began: Instant,
    timeout: Option<Sleep>,
    clock: std::sync::Arc<dyn Clock>,
}

/// Is a handler that has ended.
pub(super) struct Ended<M: Mode> {
    place: Place<M>,
    unit: M::Unit,
    began: Instant,
    answer: Result<M::Answer>,
    /// How long the last poll took.
    polled: Duration,
}

impl<M: Mode> Future for Run<M> {
    type Output = Option<Ended<M>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let Some(place) = &mut this.place else {
            return Poll::Ready(None);
        };
        let before = this.clock.now();
        let answer = match poll_handler::<M>(place, context) {
            Poll::Ready(answer) => answer,
            Poll::Pending => {
                let Some(sleep) = &mut this.timeout else {
                    return Poll::Pending;
                };
                ready!(sleep.as_mut().poll(context));
                Err(timed_out())
            }
        };
        let polled = this.clock.now().since(before);
        let ended = this
            .place
            .take()
            .zip(this.unit.take())
            .map(|(place, unit)| {
                let began = this.began;
                Ended {
                    place,
                    unit,
                    began,
                    answer,
                    polled,
                }
            });
        Poll::Ready(ended)
    }
}

impl<M: Mode> Run<M> {
    pub(super) fn into_unit(self) -> Option<M::Unit> {
        self.unit
    }
}

/// Polls the handler in `place`, and takes a panic for an error.
fn poll_handler<M: Mode>(
    place: &mut Place<M>,
    context: &mut TaskContext<'_>,
) -> Poll<Result<M::Answer>> {
    let Some(future) = place.as_mut().as_pin_mut() else {
        return Poll::Pending;
    };
    catch_unwind(AssertUnwindSafe(|| future.poll(context)))
        .unwrap_or_else(|panic| Poll::Ready(Err(panicked(&*panic))))
}

fn timed_out() -> Error {
    Error::new(ErrorKind::Timeout, "the handler did not end in time")
}

fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a value that is not text".to_owned());
    Error::new(ErrorKind::Panicked, format!("the handler panicked: {text}"))
}

impl<M: Mode> Worker<M> {
    /// Starts handlers while there is room, work, and time.
    pub(super) fn start(&mut self, turn_end: Instant, context: &mut TaskContext<'_>) -> bool {
        self.look(context);
        if !self.has_next() {
            self.let_go();
            self.rest_if_idle();
            return false;
        }
        let may_enter = self.shared.control.enter(self.seat);
        let mut has_progress = false;
        while self.has_next() && self.running.len() < self.share && self.now < turn_end {
            if !self.may_take(may_enter) {
                self.let_go();
                break;
            }
            if !self.is_ready(context) {
                break;
            }
            let Some(unit) = self.take() else {
                self.let_go();
                break;
            };
            has_progress = true;
            self.start_unit(unit, context);
        }
        self.rest_if_idle();
        // What this turn has no time left for is for the next, and nothing else may wake it.
        has_progress || turn_end <= self.now
    }

    /// Looks what may start, and waits for the time of that where a policy says so.
    fn look(&mut self, context: &mut TaskContext<'_>) {
        while let Some(until) = self.buffer.look(self.now) {
            self.turn.take_if(|(armed, _)| *armed != until);
            let clock = &self.shared.context.clock;
            let (_, sleep) = self
                .turn
                .get_or_insert_with(|| (until, clock.sleep_until(until)));
            if sleep.as_mut().poll(context).is_pending() {
                return;
            }
            self.turn = None;
            self.now = self.now.max(until);
        }
    }

    /// Returns true if a delivery is at hand; only then is the service made ready.
    fn has_next(&self) -> bool {
        !self.again.is_empty() || self.buffer.front().is_some()
    }

    /// Returns true if the next unit may start: a suspect alone, others while none waits to.
    fn may_take(&mut self, may_enter: bool) -> bool {
        let is_settled = match self.shared.config.order {
            Order::Handled => self.settler.is_idle_but_acks(),
            Order::Settled => self.settler.is_idle(),
        };
        let waits_for_settle = self.session.is_some() && !is_settled;
        if waits_for_settle {
            return false;
        }
        let is_suspect =
            self.again.is_empty() && self.buffer.front().is_some_and(|entry| entry.is_suspect);
        if is_suspect {
            self.is_alone = true;
            return self.shared.control.enter_alone(self.seat) && self.running.is_empty();
        }
        may_enter && !self.is_alone
    }

    /// Makes the service ready for the delivery at hand.
    fn is_ready(&mut self, context: &mut TaskContext<'_>) -> bool {
        self.is_asked = true;
        self.is_blocked = false;
        match self.mode.poll_ready(context) {
            Poll::Ready(Ok(())) => true,
            Poll::Ready(Err(error)) => {
                self.shared.control.fail(error);
                self.is_blocked = true;
                false
            }
            Poll::Pending => {
                self.is_blocked = true;
                false
            }
        }
    }

    /// Gives back what the service keeps for a delivery that does not start now: a place in a line,
    /// or a permit, that another worker would wait for, or the next receive of this one.
    fn let_go(&mut self) {
        if self.is_asked {
            self.mode = self.mode.clone();
            self.is_asked = false;
            self.is_blocked = false;
        }
    }

    /// Takes the next unit whose leases are long enough; what has not enough left goes back.
    fn take(&mut self) -> Option<M::Unit> {
        if let Some(unit) = self.again.pop_front() {
            return Some(unit);
        }
        loop {
            let entry = self.buffer.front()?;
            let is_spent = entry.is_spent;
            if !is_spent && self.may_start(entry) {
                break;
            }
            let entry = self.buffer.pop()?;
            self.buffer.ended(&entry);
            if is_spent {
                self.bury_spent(entry);
            } else {
                self.release(entry);
            }
            if self.session.is_some() {
                // What comes next waits for the answer.
                return None;
            }
        }
        let max = self.shared.config.batch_max.get() as usize;
        let unit = M::take(&mut self.buffer, max)?;
        let messages = M::entries(&unit).len();
        self.count(&unit);
        add(&self.shared.counts.started, messages as u64);
        if let Some(quantum) = &mut self.session {
            quantum.messages_left = quantum.messages_left.saturating_sub(messages as u64);
        }
        Some(unit)
    }

    /// Calls the service and polls once; a handler that does not end at once goes on by itself.
    fn start_unit(&mut self, unit: M::Unit, context: &mut TaskContext<'_>) {
        self.report_started(&unit);
        let began = self.now;
        let waits = self.session.is_some() && self.shared.config.order == Order::Settled;
        self.unsettled_since = waits.then_some(began);
        let mut place = self.spare.pop().unwrap_or_else(|| Box::pin(None));
        self.is_asked = false;
        let mode = &mut self.mode;
        let called = catch_unwind(AssertUnwindSafe(|| {
            place.as_mut().set(Some(mode.call(&unit)));
        }));
        let answer = match called {
            Ok(()) => poll_handler::<M>(&mut place, context),
            Err(panic) => Poll::Ready(Err(panicked(&*panic))),
        };
        self.read_clock();
        self.note_poll(self.now.since(began));
        match answer {
            Poll::Ready(answer) => {
                let polled = Duration::ZERO;
                self.end(Ended {
                    place,
                    unit,
                    began,
                    answer,
                    polled,
                });
            }
            Poll::Pending => {
                let timeout = self.shared.config.handler_timeout;
                let timeout = timeout.map(|timeout| self.clock().sleep_until(began + timeout));
                let clock = std::sync::Arc::clone(&self.shared.context.clock);
                let run = Run {
                    place: Some(place),
                    unit: Some(unit),
                    began,
                    timeout,
                    clock,
                };
                self.running.push(run);
            }
        }
    }

    /// Polls the handlers that run, and ends those that are done.
    pub(super) fn poll_running(&mut self, context: &mut TaskContext<'_>) -> bool {
        let mut has_progress = false;
        while let Poll::Ready(Some(ended)) = self.running.poll_next_unpin(context) {
            let Some(ended) = ended else { continue };
            has_progress = true;
            self.read_clock();
            self.note_poll(ended.polled);
            self.end(ended);
        }
        has_progress
    }

    fn end(&mut self, ended: Ended<M>) {
        let Ended {
            mut place,
            unit,
            began,
            answer,
            polled: _,
        } = ended;
        // A future may panic while it is dropped; its answer stands.
        let dropped = catch_unwind(AssertUnwindSafe(|| place.as_mut().set(None)));
        if dropped.is_ok() {
            self.spare.push(place);
        }
        let took = self.now.since(began);
        if self.unsettled_since.is_none() {
            self.note_pace(took);
        }
        self.uncount(&unit);
        self.finish_unit(unit, answer, took);
        self.rest_if_idle();
    }

    /// Takes note of how long a unit took until the next one could start.
    pub(super) fn note_pace(&mut self, took: Duration) {
        let pace = self
            .pace
            .map_or(took, |pace| pace - pace / PACE_SHARE + took / PACE_SHARE);
        self.pace = Some(pace);
    }

    /// Says, once nothing runs here, that others may run a suspect, or go on after ours.
    pub(super) fn rest_if_idle(&mut self) {
        if !self.running.is_empty() {
            return;
        }
        let has_suspect = self.buffer.front().is_some_and(|entry| entry.is_suspect);
        if self.is_alone && !has_suspect {
            self.is_alone = false;
            self.shared.control.leave_alone(self.seat);
        }
        self.shared.control.rest(self.seat);
    }

    fn note_poll(&self, took: Duration) {
        if took < STALL {
            return;
        }
        add(&self.shared.counts.stalls, 1);
        let source = &self.shared.source;
        warn!(%source, ?took, "a poll of a handler held its thread");
        self.shared
            .observe_one(self.now, || Event::Stalled { source, took });
    }

    fn report_started<'a>(&'a self, unit: &'a M::Unit) {
        let source = &self.shared.source;
        let event = |entry: &'a Entry| Event::Started {
            source,
            delivery: &entry.delivery,
            lease_left: self.lease_left(entry),
        };
        match M::entries(unit) {
            [entry] => self.shared.observe_one(self.now, || event(entry)),
            entries => self
                .shared
                .observe(self.now, || entries.iter().map(event).collect()),
        }
    }

    /// Drops what still runs; its deliveries are released.
    pub(super) fn abandon_running(&mut self) {
        for run in take(&mut self.running) {
            if let Some(unit) = run.into_unit() {
                self.uncount(&unit);
                let messages = M::entries(&unit).len() as u64;
                self.shared.abandoned(self.now, messages);
                self.release_unit(unit);
            }
        }
    }

    /// Drops everything at once; leases end by themselves.
    pub(super) fn abandon_all(&mut self) {
        for run in take(&mut self.running) {
            let unit = run.into_unit();
            let messages = unit.map_or(0, |unit| M::entries(&unit).len() as u64);
            self.shared.abandoned(self.now, messages);
        }
        let dropped = self.intake.drop_receives();
        self.shared.receives_dropped(self.now, dropped);
        add(&self.shared.counts.unknown, self.settler.drop_settles());
        self.rest_if_idle();
    }

    /// Counts the deliveries of a unit as running.
    pub(super) fn count(&mut self, unit: &M::Unit) {
        self.running_messages += M::entries(unit).len();
        self.running_bytes += bytes_of::<M>(unit);
    }

    /// Counts the deliveries of a unit as running no more.
    pub(super) fn uncount(&mut self, unit: &M::Unit) {
        self.running_messages -= M::entries(unit).len();
        self.running_bytes -= bytes_of::<M>(unit);
    }
}

fn bytes_of<M: Mode>(unit: &M::Unit) -> u64 {
    M::entries(unit)
        .iter()
        .map(|entry| entry.delivery.message.size())
        .sum()
}
