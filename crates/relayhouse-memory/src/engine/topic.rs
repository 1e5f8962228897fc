//! A topic: every subscription gets each message, or none does.

use std::{
    collections::BTreeMap,
    future::Future,
    mem,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context as TaskContext, Poll},
    time::Duration,
};

use relayhouse_core::{
    Context, Instant, Operation, QueueName, Result, Sending, Sent, SubscriptionName, Text,
};

use super::{
    After, Lane, Queue, Settings,
    dedup::Dedup,
    gate::Gate,
    lock,
    send::answer_duplicate,
    state::{Moment, State},
    waiters::Place,
};
use crate::{config::Full, error};

/// Is a topic with its subscriptions, which share bodies and details.
#[derive(Debug)]
pub(crate) struct Topic {
    name: QueueName,
    context: Context,
    pub(crate) settings: Settings,
    state: Mutex<TopicState>,
    /// The senders that wait, readable without the lock.
    waiting: AtomicUsize,
}

#[derive(Debug, Default)]
pub(crate) struct TopicState {
    subscriptions: BTreeMap<SubscriptionName, Arc<Queue>>,
    sequence: u64,
    dedup: Dedup,
    gate: Gate,
    is_deleted: bool,
}

impl TopicState {
    /// Returns the next number for the message of an item, or that of the message that came
    /// first with its dedup id.
    pub(super) fn number(
        &mut self,
        item: &Sending,
        now: Instant,
        window: Duration,
    ) -> Result<u64, u64> {
        let dedup_id = item.message.details().dedup_id.clone();
        let first = dedup_id.as_ref().and_then(|id| self.dedup.find(id, now));
        if let Some(first) = first {
            return Err(first);
        }
        self.sequence += 1;
        if let Some(id) = dedup_id {
            self.dedup.insert(id, self.sequence, now, window);
        }
        Ok(self.sequence)
    }

    pub(super) fn subscriptions(&self) -> Vec<Arc<Queue>> {
        self.subscriptions.values().map(Arc::clone).collect()
    }
}

enum Progress {
    Finished,
    Blocked,
}

impl Topic {
    /// Makes a topic with the settings of its first subscription.
    pub(crate) fn new(name: QueueName, context: &Context, settings: &Settings) -> Arc<Self> {
        Arc::new(Self {
            name,
            context: context.clone(),
            settings: settings.clone(),
            state: Mutex::default(),
            waiting: AtomicUsize::new(0),
        })
    }

    pub(crate) const fn name(&self) -> &QueueName {
        &self.name
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, TopicState> {
        lock(&self.state)
    }

    pub(crate) fn find(&self, name: &SubscriptionName) -> Option<Arc<Queue>> {
        lock(&self.state).subscriptions.get(name).map(Arc::clone)
    }

    pub(crate) fn names(&self) -> Vec<SubscriptionName> {
        lock(&self.state).subscriptions.keys().cloned().collect()
    }

    pub(crate) fn insert(&self, name: SubscriptionName, queue: Arc<Queue>) {
        lock(&self.state).subscriptions.insert(name, queue);
    }

    pub(crate) fn remove(&self, name: &SubscriptionName) -> Option<Arc<Queue>> {
        let removed = lock(&self.state).subscriptions.remove(name);
        self.made_room();
        removed
    }

    /// Ends the topic, and returns its subscriptions, which are to be deleted.
    pub(crate) fn delete(&self) -> Vec<Arc<Queue>> {
        let mut after = After::default();
        let subscriptions = {
            let mut state = lock(&self.state);
            state.is_deleted = true;
            state.gate.call_all(&mut after.wakes);
            mem::take(&mut state.subscriptions)
        };
        after.wakes.wake();
        subscriptions.into_values().collect()
    }

    pub(crate) fn subscriptions(&self) -> Vec<Arc<Queue>> {
        lock(&self.state).subscriptions()
    }

    /// Cancels a message that is held back, in every subscription.
    pub(crate) fn cancel(&self, sequence: u64) -> bool {
        let cancelled = self
            .subscriptions()
            .into_iter()
            .filter(|queue| queue.cancel(sequence));
        0 < cancelled.count()
    }

    /// Returns true if a sender waits for room in a subscription.
    pub(super) fn is_waiting(&self) -> bool {
        0 < self.waiting.load(Ordering::SeqCst)
    }

    /// Lets the next sender look for room.
    pub(super) fn made_room(&self) {
        if !self.is_waiting() {
            return;
        }
        let mut after = After::default();
        lock(&self.state).gate.open(&mut after.wakes);
        after.wakes.wake();
    }

    /// Wakes every sender that waits, to see that something closed.
    pub(crate) fn stir(&self) {
        let mut after = After::default();
        lock(&self.state).gate.nudge_all(&mut after.wakes);
        after.wakes.wake();
    }

    /// Sends every pending item to all subscriptions.
    pub(crate) async fn send(&self, batch: &mut [Sending], closed: &[&AtomicBool]) -> Result<()> {
        SendWait {
            topic: self,
            batch,
            closed,
            place: None,
        }
        .await
    }

    /// Sends what has room; under the locks of the topic and of all its subscriptions, so that
    /// all see one order.
    fn send_now(
        &self,
        batch: &mut [Sending],
        wait: &mut Place,
        context: &TaskContext<'_>,
    ) -> Result<Progress> {
        let moment = Moment {
            now: self.context.clock.now(),
            wall: self.context.clock.wall(),
        };
        let waker = context.waker().clone();
        let mut topic_after = After::default();
        let mut guard = lock(&self.state);
        if guard.is_deleted {
            let name = Text::from(&self.name);
            return Err(error::deleted(name, Operation::Send));
        }
        let mut queues: Vec<Arc<Queue>> = guard.subscriptions.values().map(Arc::clone).collect();
        queues.sort_by_key(|queue| queue.number);
        let mut fan = Fan::new(&queues, moment);
        let progress = self.send_under(&mut guard, &mut fan, batch, *wait);
        let is_blocked = matches!(progress, Ok(Progress::Blocked));
        if is_blocked {
            if wait.is_none() {
                self.waiting.fetch_add(1, Ordering::SeqCst);
            }
            guard.gate.wait(wait, waker, &mut topic_after.wakes);
        }
        let afters = fan.unlock();
        drop(guard);
        topic_after.wakes.wake();
        for (queue, mut after) in queues.iter().zip(afters) {
            queue.finish(&mut after);
            if is_blocked {
                // What is due in this subscription may make room: it needs its alarm.
                queue.run_waiting(|_, _| ());
            }
        }
        progress
    }

    fn send_under(
        &self,
        state: &mut TopicState,
        fan: &mut Fan<'_>,
        batch: &mut [Sending],
        place: Place,
    ) -> Result<Progress> {
        let name = || Text::from(&self.name);
        if self.settings.full == Full::Fail && !fan.has_room_for(batch) {
            return Err(error::full(name(), self.settings.full));
        }
        for item in batch.iter_mut().filter(|item| item.outcome.is_pending()) {
            let is_in = state.gate.may_pass(place) && self.push_item(state, fan, item);
            match self.settings.full {
                _ if is_in => {}
                Full::Wait => return Ok(Progress::Blocked),
                Full::Shed | Full::Fail => item.fail(error::full(name(), self.settings.full)),
            }
        }
        Ok(Progress::Finished)
    }

    fn push_item(&self, state: &mut TopicState, fan: &mut Fan<'_>, item: &mut Sending) -> bool {
        let is_full = state.dedup.is_full() && item.message.details().dedup_id.is_some();
        if is_full || !fan.has_room(item.message.size()) {
            return false;
        }
        let window = self.settings.dedup_window;
        let sequence = match state.number(item, fan.moment.now, window) {
            Ok(sequence) => sequence,
            Err(first) => {
                answer_duplicate(item, first, &mut fan.spare);
                return true;
            }
        };
        let message = item.done(Sent {
            id: item.message.id.clone(),
            sequence: Some(sequence),
            deduplicated: false,
        });
        for (queue, after) in fan.queues.iter_mut().zip(&mut fan.afters) {
            queue.push_as(message.clone(), sequence, fan.moment, after);
        }
        fan.spare.discard(message);
        true
    }

    fn leave(&self, place: &mut Place) {
        if place.is_none() {
            return;
        }
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        let mut after = After::default();
        lock(&self.state).gate.leave(place, &mut after.wakes);
        after.wakes.wake();
    }
}

/// Holds the locks of all subscriptions.
struct Fan<'a> {
    queues: Vec<MutexGuard<'a, State>>,
    afters: Vec<After>,
    spare: After,
    moment: Moment,
}

impl<'a> Fan<'a> {
    /// Locks all subscriptions, which come in the order of their numbers.
    fn new(queues: &'a [Arc<Queue>], moment: Moment) -> Self {
        let mut fan = Self {
            queues: queues.iter().map(|queue| lock(&queue.state)).collect(),
            afters: queues.iter().map(|_| After::default()).collect(),
            spare: After::default(),
            moment,
        };
        for (queue, after) in fan.queues.iter_mut().zip(&mut fan.afters) {
            queue.sweep(moment.now, after);
        }
        fan
    }

    fn has_room(&self, bytes: u64) -> bool {
        self.queues
            .iter()
            .all(|queue| queue.has_room(Lane::Live, bytes))
    }

    fn has_room_for(&self, batch: &[Sending]) -> bool {
        self.queues.iter().all(|queue| queue.has_room_for(batch))
    }

    fn unlock(mut self) -> Vec<After> {
        for (queue, after) in self.queues.iter_mut().zip(&mut self.afters) {
            if queue.has_waiters() && queue.wheel.next_due() < queue.alarm {
                queue.is_nudged = true;
                queue.nudge(after);
            }
        }
        self.queues.clear();
        drop(self.spare);
        self.afters
    }
}

/// Sends to a topic, and waits for room in the order of arrival.
struct SendWait<'a> {
    topic: &'a Topic,
    batch: &'a mut [Sending],
    closed: &'a [&'a AtomicBool],
    place: Place,
}

impl Future for SendWait<'_> {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, context: &mut TaskContext<'_>) -> Poll<Result<()>> {
        let Self {
            topic,
            batch,
            closed,
            place,
        } = &mut *self;
        let is_closed = closed.iter().any(|flag| flag.load(Ordering::Acquire));
        let progress = match is_closed {
            true => Err(error::closed(Operation::Send)),
            false => topic.send_now(batch, place, context),
        };
        if matches!(progress, Ok(Progress::Blocked)) {
            return Poll::Pending;
        }
        topic.leave(place);
        Poll::Ready(progress.map(|_| ()))
    }
}

impl Drop for SendWait<'_> {
    fn drop(&mut self) {
        self.topic.leave(&mut self.place);
    }
}
