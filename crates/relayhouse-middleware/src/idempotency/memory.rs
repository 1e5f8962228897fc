//! A dedup store in the memory of this process.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use relayhouse_core::{
    Clock, Context, Error, ErrorKind, Instant, Outcome, Result, Text,
    port::{Claim, Claiming, DedupStore, Marking, Site},
};

use crate::sync::{Mutex, lock};

/// Remembers keys in memory: what the process held is gone with it.
///
/// A batch takes one short lock, whose time grows with the logarithm of the number of keys.
#[derive(Debug)]
pub struct MemoryDedup {
    clock: Arc<dyn Clock>,
    keys_max: NonZeroUsize,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    entries: BTreeMap<Text, Entry>,
    /// Each key at the time when it is forgotten.
    ends: BTreeSet<(Instant, Text)>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    owner: u64,
    until: Instant,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Claimed,
    Done,
}

impl MemoryDedup {
    /// Makes an empty store for `keys_max` keys.
    #[must_use]
    pub fn new(keys_max: NonZeroUsize, context: &Context) -> Self {
        Self {
            clock: Arc::clone(&context.clock),
            keys_max,
            table: Mutex::default(),
        }
    }

    /// Returns the number of keys, those that are over included until the next call.
    #[must_use]
    pub fn len(&self) -> usize {
        lock(&self.table).entries.len()
    }

    /// Returns true if there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl DedupStore for MemoryDedup {
    fn site(&self) -> Option<&Site> {
        None
    }

    async fn claim(&self, batch: &mut [Claiming], hold: Duration) -> Result<()> {
        let now = self.clock.now();
        let mut table = lock(&self.table);
        table.forget(now);
        for item in batch {
            item.outcome = table.claim(item, now, now + hold, self.keys_max).into();
        }
        Ok(())
    }

    async fn complete(&self, batch: &mut [Marking], keep: Duration) -> Result<()> {
        let now = self.clock.now();
        let mut table = lock(&self.table);
        table.forget(now);
        for item in batch {
            item.outcome = table.complete(item, now + keep, self.keys_max).into();
        }
        Ok(())
    }

    async fn abandon(&self, batch: &mut [Marking]) -> Result<()> {
        let mut table = lock(&self.table);
        for item in batch {
            table.abandon(item);
            item.outcome = Outcome::Done(());
        }
        Ok(())
    }
}

impl Table {
    /// Removes the keys whose time is over.
    fn forget(&mut self, now: Instant) {
        while let Some((until, _)) = self.ends.first() {
            if now < *until {
                return;
            }
            if let Some((_, key)) = self.ends.pop_first() {
                self.entries.remove(&key);
            }
        }
    }

    fn claim(
        &mut self,
        item: &Claiming,
        now: Instant,
        until: Instant,
        max: NonZeroUsize,
    ) -> Result<Claim> {
        let claim = match self.entries.get(&item.key) {
            None => Claim::New,
            Some(entry) if entry.stage == Stage::Done => return Ok(Claim::Done),
            Some(entry) if entry.owner == item.owner => Claim::Own,
            Some(entry) => {
                let left = entry.until.since(now);
                return Ok(Claim::Held { left });
            }
        };
        let entry = Entry {
            owner: item.owner,
            until,
            stage: Stage::Claimed,
        };
        self.put(&item.key, entry, max)?;
        Ok(claim)
    }

    fn complete(&mut self, item: &Marking, until: Instant, max: NonZeroUsize) -> Result<()> {
        let others = |entry: &&Entry| entry.owner != item.owner;
        if self.entries.get(&item.key).filter(others).is_some() {
            return Err(taken());
        }
        let entry = Entry {
            owner: item.owner,
            until,
            stage: Stage::Done,
        };
        self.put(&item.key, entry, max)
    }

    fn abandon(&mut self, item: &Marking) {
        let held = |entry: &&Entry| entry.owner == item.owner && entry.stage == Stage::Claimed;
        let entry = self.entries.get(&item.key).filter(held);
        if let Some(until) = entry.map(|entry| entry.until) {
            self.entries.remove(&item.key);
            self.ends.remove(&(until, item.key.clone()));
        }
    }

    fn put(&mut self, key: &Text, entry: Entry, max: NonZeroUsize) -> Result<()> {
        let is_new = !self.entries.contains_key(key);
        if is_new && max.get() <= self.entries.len() {
            let rule = format!("dedup store is full: it holds {max} keys");
            return Err(Error::new(ErrorKind::Full, rule));
        }
        let earlier = self.entries.insert(key.clone(), entry);
        if let Some(earlier) = earlier {
            self.ends.remove(&(earlier.until, key.clone()));
        }
        self.ends.insert((entry.until, key.clone()));
        Ok(())
    }
}

fn taken() -> Error {
    let text = "claim ended before it was completed, and another has the key";
    Error::new(ErrorKind::LeaseLost, text)
}
