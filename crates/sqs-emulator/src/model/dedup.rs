//! The dedup ids of a FIFO queue: a message that was sent with one is not taken again for five
//! minutes, whatever became of it.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, SystemTime},
};

const WINDOW: Duration = Duration::from_secs(300);

/// A dedup id, and the group within which it counts; none, where it counts in all of the queue.
pub(crate) type Key = (Option<Arc<str>>, String);

/// What a repeated send answers.
#[derive(Clone, Debug)]
pub(crate) struct Original {
    pub(crate) id: Arc<str>,
    pub(crate) sequence: String,
}

/// The ids of the last five minutes.
#[derive(Debug, Default)]
pub(crate) struct Dedup {
    originals: BTreeMap<Key, Original>,
    by_age: VecDeque<(SystemTime, Key)>,
}

impl Dedup {
    /// Forgets the ids that are too old by now.
    pub(crate) fn catch_up(&mut self, now: SystemTime) {
        while let Some((at, key)) = self.by_age.front() {
            if now < *at + WINDOW {
                break;
            }
            self.originals.remove(key);
            self.by_age.pop_front();
        }
    }

    pub(crate) fn get(&self, key: &Key) -> Option<&Original> {
        self.originals.get(key)
    }

    pub(crate) fn insert(&mut self, now: SystemTime, key: Key, original: Original) {
        self.by_age.push_back((now, key.clone()));
        self.originals.insert(key, original);
    }
}
