//! One queue or subscription, as receivers hold it: its lane of a file, and calls to it.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use relayhouse_core::{
    Delivery, Entity, Error, Instant, Operation, Receipt, Result, SubscriptionName, Text,
};
use tokio::sync::oneshot;

use crate::{
    error,
    file::File,
    namespace,
    store::{Access, Lane, Moment, Proof, Settings, Store},
    wait::LaneWaits,
    writer::{Call, Cost, Jobs, reply},
};

/// Leases are looked through for those that have ended when there are this many, and whenever
/// they have doubled since.
const LEASES_MIN: usize = 1024;

/// Is one queue or subscription of a file.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    pub(crate) file: Arc<File>,
    pub(crate) settings: Settings,
    pub(crate) lane: Lane,
    entity: Entity,
}

impl Queue {
    pub(crate) fn new(file: &Arc<File>, entity: &Entity, lane: Lane, settings: Settings) -> Self {
        Self {
            file: Arc::clone(file),
            settings,
            lane,
            entity: entity.clone(),
        }
    }

    /// Returns the queue's dead letters, or the queue itself.
    pub(crate) fn dead_letters(mut self, dead: bool) -> Self {
        self.lane.dead = dead;
        self
    }

    pub(crate) fn name(&self) -> Text {
        let source = relayhouse_core::Source {
            entity: self.entity.clone(),
            dead_letter: self.lane.dead,
        };
        Text::from(&source)
    }

    pub(crate) fn deleted(&self, operation: Operation) -> Error {
        error::deleted(self.name(), operation)
    }

    /// Returns those that wait for the queue.
    pub(crate) fn waits(&self) -> Arc<LaneWaits> {
        self.file.waits.lane(self.lane)
    }

    /// Runs `run` in a group, if the queue is still there. It may run on the caller's thread.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        operation: Operation,
        access: Access,
        cost: Cost,
        run: impl FnOnce(&mut dyn Store, Moment) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let there = self.there();
        let run = move |store: &mut dyn Store, moment: Moment| match there.check(store)? {
            true => run(store, moment).map(Some),
            false => Ok(None),
        };
        let (to, answer) = oneshot::channel();
        let call = Call::new(cost, access, run, reply(to)).quick();
        let called = self.file.jobs.answer(Box::new(call), answer).await;
        self.found(called, operation)
    }

    /// Runs `take` in a group, as `call` does; what it returns is `keep`t by whoever waits, or taken back.
    pub(crate) async fn take<T: Default + Send + 'static>(
        &self,
        operation: Operation,
        cost: Cost,
        take: impl FnOnce(&mut dyn Store, Moment) -> Result<T> + Send + 'static,
        undo: fn(&mut dyn Store, Lane, &T) -> Result<()>,
    ) -> Result<Taken<T>> {
        let (there, taken_from) = (self.there(), self.there());
        let jobs = Arc::clone(&self.file.jobs);
        let (to, answer) = oneshot::channel();
        let run = move |store: &mut dyn Store, moment: Moment| match there.check(store)? {
            true => take(store, moment).map(Some),
            false => Ok(None),
        };
        let done = move |answer: Result<Option<T>>| {
            let taken = answer.map(|what| {
                what.map(|what| Taken {
                    what: Some(what),
                    from: taken_from,
                    jobs,
                    undo,
                })
            });
            drop(to.send(taken));
        };
        let call = Call::new(cost, Access::Write, run, done).quick();
        let called = self.file.jobs.answer(Box::new(call), answer).await;
        self.found(called, operation)
    }

    fn found<T>(&self, called: Result<Option<T>>, operation: Operation) -> Result<T> {
        let found = called.map_err(|error| error.at(operation, self.name()))?;
        found.ok_or_else(|| {
            // Another process may have deleted the subscription: nobody here knows of it yet.
            self.file.waits.lane_deleted(self.lane);
            self.deleted(operation)
        })
    }

    /// Returns what tells whether the queue is still in its file.
    pub(crate) fn there(&self) -> There {
        let (_, subscription) = namespace::parts(&self.entity);
        There {
            subscription: subscription.cloned(),
            lane: self.lane,
        }
    }
}

/// Tells whether a queue or subscription is still in its file.
#[derive(Clone, Debug)]
pub(crate) struct There {
    subscription: Option<SubscriptionName>,
    lane: Lane,
}

impl There {
    /// Returns true if it is: a queue goes with its file alone.
    pub(crate) fn check(&self, store: &mut dyn Store) -> Result<bool> {
        let Some(name) = &self.subscription else {
            return Ok(true);
        };
        let found = store.find(Some(name))?;
        Ok(found.is_some_and(|(lane, _)| lane == self.lane.live()))
    }
}

/// Is what was taken for somebody, who may have gone meanwhile: then it is taken back.
#[derive(Debug)]
pub(crate) struct Taken<T: Send + 'static> {
    what: Option<T>,
    from: There,
    jobs: Arc<Jobs>,
    undo: fn(&mut dyn Store, Lane, &T) -> Result<()>,
}

impl<T: Default + Send + 'static> Taken<T> {
    /// Shows what was taken.
    pub(crate) const fn as_ref(&self) -> Option<&T> {
        self.what.as_ref()
    }

    /// Returns what was taken, to keep.
    pub(crate) fn keep(mut self) -> T {
        self.what.take().unwrap_or_default()
    }
}

impl<T: Send + 'static> Drop for Taken<T> {
    fn drop(&mut self) {
        let Some(what) = self.what.take() else {
            return;
        };
        let (from, undo) = (self.from.clone(), self.undo);
        let run = move |store: &mut dyn Store, _: Moment| match from.check(store)? {
            true => undo(store, from.lane, &what),
            false => Ok(()),
        };
        // Nobody hears of it: what is not taken back comes back when its lease ends.
        let done = |_: Result<()>| ();
        let job = Call::new(Cost::ONE, Access::Write, run, done);
        self.jobs.push_now(Box::new(job));
    }
}

/// Takes deliveries back that nobody has seen.
pub(crate) fn unlease(store: &mut dyn Store, lane: Lane, deliveries: &[Delivery]) -> Result<()> {
    let receipts = deliveries.iter().map(|delivery| &delivery.receipt);
    let proofs: Vec<Proof> = receipts.filter_map(Proof::read).collect();
    if proofs.is_empty() {
        return Ok(());
    }
    store.unlease(lane, &proofs)
}

/// Holds the receipts that one receiver gave out, to tell them if they are lost.
#[derive(Debug, Default)]
pub(crate) struct Leases(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    until: HashMap<Receipt, Instant>,
    look_at: usize,
}

impl Leases {
    /// Notes leases that were given out, and forgets some that have ended.
    pub(crate) fn add<'a>(
        &self,
        leases: impl Iterator<Item = (&'a Receipt, Instant)>,
        now: Instant,
    ) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (receipt, until) in leases {
            held.until.insert(receipt.clone(), until);
        }
        if held.look_at.max(LEASES_MIN) <= held.until.len() {
            held.until.retain(|_, until| now < *until);
            held.look_at = held.until.len() * 2;
        }
    }

    /// Forgets a lease that was settled.
    pub(crate) fn remove<'a>(&self, receipts: impl Iterator<Item = &'a Receipt>) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for receipt in receipts {
            held.until.remove(receipt);
        }
    }

    /// Returns the leases that have not ended, once.
    pub(crate) fn take(&self, now: Instant) -> Vec<Receipt> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let until = mem::take(&mut held.until);
        let running = until.into_iter().filter(|(_, until)| now < *until);
        running.map(|(receipt, _)| receipt).collect()
    }
}
