//! One queue with its dead-letter queue: the lock, the one alarm, and the calls that never wait.

use std::{
    collections::BinaryHeap,
    mem,
    num::NonZeroU32,
    sync::{Arc, Mutex, Weak},
    task::{Context as TaskContext, Wake, Waker},
    time::Duration,
};

use relayhouse_core::{
    Context, Delivery, Extending, Instant, Operation, Outcome, Result, Settlement, Settling, Sleep,
    Text,
    port::{ReceiveRequest, Stats},
};

use super::{
    After, Lane, Settings, Take, lock, look,
    settle::Acked,
    state::{Moment, State},
    topic::Topic,
};
use crate::error;

/// A peek looks at this many slots under one hold of the lock.
const PEEK_SLOTS: u32 = 4096;

/// A receive makes room for up to this many deliveries before it takes the lock.
const RESERVED_MAX: usize = 256;

/// Is one queue or subscription with its dead letters.
#[derive(Debug)]
pub(crate) struct Queue {
    /// Locks of several queues are taken in the order of this number.
    pub(crate) number: u64,
    pub(crate) nonce: u64,
    pub(crate) settings: Settings,
    pub(crate) context: Context,
    pub(crate) state: Mutex<State>,
    /// The topic that feeds this subscription.
    pub(super) topic: Option<Weak<Topic>>,
    alarm: Mutex<Alarm>,
    me: Weak<Queue>,
}

/// Is the sleep that ends when something of the queue is due, if somebody waits for it.
#[derive(Default)]
struct Alarm {
    number: u64,
    sleep: Option<Sleep>,
}

impl std::fmt::Debug for Alarm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { number, sleep: _ } = self;
        f.debug_struct("Alarm").field("number", number).finish()
    }
}

impl Queue {
    pub(crate) fn new(
        number: u64,
        settings: Settings,
        context: &Context,
        topic: Option<Weak<Topic>>,
    ) -> Arc<Self> {
        let anchor = moment(context);
        Arc::new_cyclic(|me| Self {
            number,
            // Zero is the nonce of no queue: a peeked delivery has it in its receipt.
            nonce: context.random.next_u64() | 1,
            state: Mutex::new(State::new(settings.clone(), anchor)),
            settings,
            context: context.clone(),
            topic,
            alarm: Mutex::default(),
            me: Weak::clone(me),
        })
    }

    pub(crate) fn now(&self) -> Instant {
        self.context.clock.now()
    }

    pub(crate) fn moment(&self) -> Moment {
        moment(&self.context)
    }

    pub(crate) fn name(&self, lane: Lane) -> Text {
        match lane {
            Lane::Live => Text::from(&self.settings.source),
            Lane::Dead => Text::from(&self.settings.source.dead_letters()),
        }
    }

    /// Runs `call` under the lock; wakes, drops and lets in after it.
    pub(super) fn run<R>(&self, call: impl FnOnce(&mut State, &mut After) -> R) -> R {
        let mut after = After::default();
        let result = {
            let mut state = lock(&self.state);
            let result = call(&mut state, &mut after);
            if state.has_waiters() {
                self.nudge_for_alarm(&mut state, &mut after);
            }
            result
        };
        self.finish(&mut after);
        result
    }

    /// Wakes one that waits if the alarm should be set: only who waits sets it, in its own task,
    /// where the clock can be waited by.
    fn nudge_for_alarm(&self, state: &mut State, after: &mut After) {
        if !state.is_nudged && (state.has_rung || state.wheel.next_due() < state.alarm) {
            state.is_nudged = true;
            state.nudge(after);
        }
    }

    /// Runs `call` under the lock for one that waits, which sets the alarm if it is needed.
    pub(super) fn run_waiting<R>(&self, call: impl FnOnce(&mut State, &mut After) -> R) -> R {
        let mut after = After::default();
        let (result, alarm) = {
            let mut state = lock(&self.state);
            state.is_nudged = false;
            if mem::take(&mut state.has_rung) {
                state.alarm = Instant::NEVER;
            }
            let result = call(&mut state, &mut after);
            (result, self.next_alarm(&mut state))
        };
        self.finish(&mut after);
        if let Some((number, due)) = alarm {
            self.set_alarm(number, due);
        }
        result
    }

    /// Returns the alarm to set, if somebody waits and it should go off before the present one.
    fn next_alarm(&self, state: &mut State) -> Option<(u64, Instant)> {
        let due = state.wheel.next_due();
        let is_needed = due < state.alarm && (state.has_waiters() || self.is_topic_waiting());
        is_needed.then(|| {
            state.alarm = due;
            state.alarm_number += 1;
            (state.alarm_number, due)
        })
    }

    /// Does what was put off until the lock was given back.
    #[inline]
    pub(super) fn finish(&self, after: &mut After) {
        let made_room = after.made_room;
        if !after.wakes.is_empty() {
            mem::take(&mut after.wakes).wake();
        }
        if let Some(topic) = self.topic.as_ref().filter(|_| made_room) {
            if let Some(topic) = topic.upgrade() {
                topic.made_room();
            }
        }
    }

    fn is_topic_waiting(&self) -> bool {
        let topic = self.topic.as_ref().and_then(Weak::upgrade);
        topic.is_some_and(|topic| topic.is_waiting())
    }

    fn set_alarm(&self, number: u64, due: Instant) {
        let mut sleep = self.context.clock.sleep_until(due);
        let waker = Waker::from(Arc::new(Bell {
            queue: Weak::clone(&self.me),
            number,
        }));
        let is_past = sleep
            .as_mut()
            .poll(&mut TaskContext::from_waker(&waker))
            .is_ready();
        if is_past {
            self.ring(number);
            return;
        }
        let earlier = {
            let mut alarm = lock(&self.alarm);
            if number < alarm.number {
                Some(sleep)
            } else {
                alarm.number = number;
                alarm.sleep.replace(sleep)
            }
        };
        drop(earlier);
    }

    /// Wakes one of those that wait, to see what is due and to set the alarm anew.
    ///
    /// Nothing is concluded from the call itself: a timer may wake early, as tokio's does when
    /// the budget of a task is spent or its runtime ends, and it may call from within the clock,
    /// which is not read here for that reason. Nor is the timer asked again: its runtime may be
    /// gone.
    fn ring(&self, number: u64) {
        let mut after = After::default();
        {
            let mut state = lock(&self.state);
            if state.alarm_number != number {
                return;
            }
            state.has_rung = true;
            state.is_nudged = false;
            self.nudge_for_alarm(&mut state, &mut after);
        }
        after.made_room |= self.topic.is_some();
        self.finish(&mut after);
    }

    /// Takes what is ready now; fails if the queue is gone.
    pub(crate) fn receive(
        &self,
        lane: Lane,
        request: &ReceiveRequest,
        lease: Duration,
        into: &mut Vec<Delivery>,
    ) -> Result<usize> {
        let take = self.take_of(request, lease);
        into.reserve(take.messages_max.min(RESERVED_MAX));
        self.run(|state, after| {
            if state.is_deleted {
                return Err(error::deleted(self.name(lane), Operation::Receive));
            }
            Ok(state.take(lane, take, into, after))
        })
    }

    pub(super) fn take_of(&self, request: &ReceiveRequest, lease: Duration) -> Take {
        let behaviour = &self.settings.behaviour;
        let needs_draw = 0.0 < behaviour.duplicates || 1 < behaviour.reorder;
        Take {
            messages_max: usize::try_from(request.messages_max.get()).unwrap_or(usize::MAX),
            bytes_max: request.bytes_max.get(),
            now: self.now(),
            lease,
            nonce: self.nonce,
            draw: if needs_draw {
                self.context.random.next_u64()
            } else {
                0
            },
        }
    }

    /// Settles every pending item, each by itself.
    pub(crate) fn settle(&self, lane: Lane, batch: &mut [Settling]) {
        let wall = batch
            .iter()
            .any(|item| matches!(item.settlement, Settlement::DeadLetter(_)))
            .then(|| self.context.clock.wall());
        let now = self.now();
        self.run(|state, after| {
            if let Some(wall) = wall {
                state.anchor = Moment { now, wall };
            }
            let mut acked = Acked::default();
            for item in batch.iter_mut().filter(|item| item.outcome.is_pending()) {
                let receipt = &item.delivery.receipt;
                let Some(slot) = state.find(receipt, self.nonce, lane, now) else {
                    item.outcome = Outcome::Failed(error::lease_lost(Operation::Settle));
                    continue;
                };
                let is_ack = matches!(item.settlement, Settlement::Ack);
                if is_ack && state.ack_plain(slot, &mut acked, after) {
                    item.outcome = Outcome::Done(());
                    continue;
                }
                if let Some(refusal) = state.refusal(slot, &item.settlement) {
                    item.outcome = Outcome::Failed(error::refused(refusal));
                    continue;
                }
                state.settle(slot, &item.settlement, now, after);
                item.outcome = Outcome::Done(());
            }
            state.count_acked(lane, &acked, after);
        });
    }

    /// Extends every lease, each by itself.
    pub(crate) fn extend(&self, lane: Lane, batch: &mut [Extending], by: Duration) {
        let now = self.now();
        self.run(|state, _| {
            for item in batch.iter_mut().filter(|item| item.outcome.is_pending()) {
                let slot = state.find(&item.receipt, self.nonce, lane, now);
                item.outcome = match slot {
                    None => Outcome::Failed(error::lease_lost(Operation::Extend)),
                    Some(slot) => match state.extend(slot, now + by) {
                        Some(until) => Outcome::Done(until),
                        None => Outcome::Failed(error::extend_refused(self.name(lane))),
                    },
                };
            }
        });
    }

    /// Counts; what is due counts as done.
    pub(crate) fn stats(&self, lane: Lane) -> Stats {
        let moment = self.moment();
        self.run(|state, after| {
            state.sweep(moment.now, after);
            state.stats(lane, moment)
        })
    }

    /// Shows up to `max` messages in the order of their numbers.
    ///
    /// The lock is given back every [`PEEK_SLOTS`] slots, so a long queue does not stop meanwhile.
    pub(crate) fn peek(&self, lane: Lane, from: u64, max: NonZeroU32) -> Vec<Delivery> {
        let now = self.now();
        self.run(|state, after| state.sweep(now, after));
        let max = usize::try_from(max.get()).unwrap_or(usize::MAX);
        let mut noted = BinaryHeap::new();
        let mut first = 0;
        loop {
            let state = lock(&self.state);
            if state.slab.len() <= first {
                break;
            }
            let slots = first..first.saturating_add(PEEK_SLOTS);
            first = slots.end;
            state.note(lane, slots, from, max, &mut noted);
        }
        let state = lock(&self.state);
        look::in_order(noted)
            .filter_map(|(sequence, slot)| state.show(sequence, slot, now))
            .collect()
    }

    pub(crate) fn cancel(&self, sequence: u64) -> bool {
        let now = self.now();
        self.run(|state, after| {
            state.sweep(now, after);
            state.cancel(sequence, after)
        })
    }

    pub(crate) fn purge(&self, lane: Lane) -> u64 {
        let now = self.now();
        self.run(|state, after| {
            state.sweep(now, after);
            state.purge(lane, after)
        })
    }

    pub(crate) fn redrive(&self, max: u64) -> u64 {
        let now = self.now();
        self.run(|state, after| {
            state.sweep(now, after);
            state.redrive(max, now, after)
        })
    }

    pub(crate) fn delete(&self) {
        let anchor = self.moment();
        self.run(|state, after| state.delete(anchor, self.nonce, after));
        self.rest();
    }

    /// Wakes everybody that waits, to see that something closed.
    pub(crate) fn stir(&self) {
        let mut after = After::default();
        lock(&self.state).stir(&mut after);
        self.finish(&mut after);
        self.rest();
    }

    /// Takes the alarm back if nobody waits any more: after a close, no timer is left.
    pub(crate) fn rest(&self) {
        let number = {
            let mut state = lock(&self.state);
            if state.has_waiters() || self.is_topic_waiting() {
                return;
            }
            state.alarm = Instant::NEVER;
            state.alarm_number += 1;
            state.alarm_number
        };
        let mut alarm = lock(&self.alarm);
        // An alarm of a higher number was set meanwhile, and stays.
        if alarm.number < number {
            alarm.number = number;
            let sleep = alarm.sleep.take();
            drop(alarm);
            drop(sleep);
        }
    }
}

fn moment(context: &Context) -> Moment {
    Moment {
        now: context.clock.now(),
        wall: context.clock.wall(),
    }
}

/// Wakes when the alarm of a queue goes off.
struct Bell {
    queue: Weak<Queue>,
    number: u64,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        if let Some(queue) = self.queue.upgrade() {
            queue.ring(self.number);
        }
    }
}
