//! Deliveries that wait for a handler, dispatched by key.

use std::collections::{BTreeMap, VecDeque, btree_map};

use relayhouse_core::{Delivery, Instant, Text, port::DispatchLine};

use super::ready::Ready;
use crate::ordering::Ordering;

/// Is a delivery that waits or runs, with what the runtime knows of it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) delivery: Delivery,
    /// The end of its lease when it came in; renewals are in the lease table.
    pub(crate) until: Instant,
    /// Whether it may have crashed its consumer, and so runs alone.
    pub(crate) is_suspect: bool,
    /// Whether its attempts were used up before this delivery, and so it does not run.
    pub(crate) is_spent: bool,
}

impl Entry {
    /// Returns true if it may run together with others.
    pub(crate) fn is_plain(&self) -> bool {
        !self.is_suspect && !self.is_spent
    }
}

/// Holds deliveries that wait for a handler.
///
/// Those without a key are given out as they came, or as a policy chooses. Of each key one is given
/// out at a time, until [`finish`](Self::finish) says that it has ended.
#[derive(Debug)]
pub(crate) struct Buffer {
    /// How keys are made; without it no delivery has one.
    ordering: Option<Ordering>,
    ready: Ready,
    /// The keys that are given out or ready, and what waits behind them; sorted, so that one
    /// seed gives one order.
    keys: BTreeMap<Text, VecDeque<Entry>>,
    len: usize,
    bytes: u64,
}

impl Buffer {
    pub(crate) fn new(ordering: Option<Ordering>, line: Option<Box<dyn DispatchLine>>) -> Self {
        Self {
            ordering,
            ready: Ready::new(line),
            keys: BTreeMap::new(),
            len: 0,
            bytes: 0,
        }
    }

    /// Returns the number of deliveries that wait.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Returns the bytes of the messages that wait.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn key(&self, delivery: &Delivery) -> Option<Text> {
        let ordering = self.ordering.as_ref()?;
        if ordering.is_message() && delivery.message.is_plain() {
            return None;
        }
        ordering.key(&delivery.message, delivery.enqueued_at)
    }

    pub(crate) fn push(&mut self, entry: Entry) {
        self.len += 1;
        self.bytes += entry.delivery.message.size();
        let Some(key) = self.key(&entry.delivery) else {
            self.ready.push(entry);
            return;
        };
        match self.keys.entry(key) {
            btree_map::Entry::Occupied(mut waiting) => waiting.get_mut().push_back(entry),
            btree_map::Entry::Vacant(place) => {
                place.insert(VecDeque::new());
                self.ready.push(entry);
            }
        }
    }

    /// Takes the next delivery that may run.
    pub(crate) fn pop(&mut self) -> Option<Entry> {
        let entry = self.ready.pop()?;
        self.forget(&entry);
        Some(entry)
    }

    /// Takes the next delivery that may run, if `is_wanted` says so.
    pub(crate) fn pop_if(&mut self, is_wanted: impl FnOnce(&Entry) -> bool) -> Option<Entry> {
        if is_wanted(self.front()?) {
            self.pop()
        } else {
            None
        }
    }

    /// Returns the next delivery that may run.
    pub(crate) fn front(&self) -> Option<&Entry> {
        self.ready.front()
    }

    /// Takes a delivery that came late and may run: what is given back first.
    pub(crate) fn pop_last(&mut self) -> Option<Entry> {
        let entry = self.ready.pop_last()?;
        self.forget(&entry);
        Some(entry)
    }

    /// Looks what may run at `now`, and returns when to look again if that is nothing for now.
    pub(crate) fn look(&mut self, now: Instant) -> Option<Instant> {
        self.ready.look(now)
    }

    /// Notes that a delivery that was taken runs no more, or does not run.
    pub(crate) fn ended(&mut self, entry: &Entry) {
        self.ready.ended(entry);
    }

    /// Lets the next delivery of `key` run.
    pub(crate) fn finish(&mut self, key: &Text) {
        let Some(waiting) = self.keys.get_mut(key) else {
            return;
        };
        match waiting.pop_front() {
            Some(entry) => self.ready.push(entry),
            None => drop(self.keys.remove(key)),
        }
    }

    /// Takes all that waits behind `key`, and forgets the key.
    pub(crate) fn take_key(&mut self, key: &Text) -> VecDeque<Entry> {
        let waiting = self.keys.remove(key).unwrap_or_default();
        for entry in &waiting {
            self.forget(entry);
        }
        waiting
    }

    /// Takes everything that waits, in the order it came for each key.
    pub(crate) fn drain(&mut self) -> Vec<Entry> {
        let mut entries = self.ready.drain();
        for waiting in self.keys.values_mut() {
            entries.extend(waiting.drain(..));
        }
        self.len = 0;
        self.bytes = 0;
        entries
    }

    fn forget(&mut self, entry: &Entry) {
        self.len -= 1;
        self.bytes -= entry.delivery.message.size();
    }
}
