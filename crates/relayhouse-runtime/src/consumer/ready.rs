//! Deliveries that may run: first come, first served, or as a policy chooses.

use std::collections::{BTreeMap, VecDeque};

use relayhouse_core::{
    Instant, Text,
    port::{Choice, DispatchLine},
};

use super::buffer::Entry;

/// Holds the deliveries that may run.
#[derive(Debug)]
pub(super) enum Ready {
    Queue(VecDeque<Entry>),
    Lanes(Lanes),
}

/// Holds deliveries by the keys of a policy, which chooses among them.
#[derive(Debug)]
pub(super) struct Lanes {
    line: Box<dyn DispatchLine>,
    /// What waits for each key; no lane is empty.
    lanes: BTreeMap<Text, VecDeque<Entry>>,
    choice: Choice,
    now: Instant,
}

impl Ready {
    pub(super) fn new(line: Option<Box<dyn DispatchLine>>) -> Self {
        match line {
            None => Self::Queue(VecDeque::new()),
            Some(line) => Self::Lanes(Lanes {
                line,
                lanes: BTreeMap::new(),
                choice: Choice::Nothing,
                now: Instant::START,
            }),
        }
    }

    pub(super) fn push(&mut self, entry: Entry) {
        match self {
            Self::Queue(queue) => queue.push_back(entry),
            Self::Lanes(lanes) => lanes.push(entry),
        }
    }

    /// Takes the next to run, which runs until [`ended`](Self::ended) says that it does no more.
    pub(super) fn pop(&mut self) -> Option<Entry> {
        match self {
            Self::Queue(queue) => queue.pop_front(),
            Self::Lanes(lanes) => lanes.pop(),
        }
    }

    pub(super) fn front(&self) -> Option<&Entry> {
        match self {
            Self::Queue(queue) => queue.front(),
            Self::Lanes(lanes) => lanes.front(),
        }
    }

    /// Takes what came last: of the longest lane, where there are lanes.
    pub(super) fn pop_last(&mut self) -> Option<Entry> {
        match self {
            Self::Queue(queue) => queue.pop_back(),
            Self::Lanes(lanes) => lanes.pop_last(),
        }
    }

    pub(super) fn drain(&mut self) -> Vec<Entry> {
        match self {
            Self::Queue(queue) => queue.drain(..).collect(),
            Self::Lanes(lanes) => std::iter::from_fn(|| lanes.pop_last()).collect(),
        }
    }

    /// Looks what may run at `now`, and returns when to look again if that is nothing for now.
    pub(super) fn look(&mut self, now: Instant) -> Option<Instant> {
        let Self::Lanes(lanes) = self else {
            return None;
        };
        lanes.now = now;
        lanes.choose();
        match lanes.choice {
            Choice::Wait(until) => Some(until),
            Choice::Start(_) | Choice::Nothing => None,
        }
    }

    /// Notes that a delivery that was taken to run does so no more.
    pub(super) fn ended(&mut self, entry: &Entry) {
        if let Self::Lanes(lanes) = self {
            let key = lanes.line.key(&entry.delivery);
            lanes.line.end(&key);
            lanes.choose();
        }
    }
}

impl Lanes {
    fn choose(&mut self) {
        self.choice = self.line.choose(self.now);
    }

    fn push(&mut self, entry: Entry) {
        let key = self.line.key(&entry.delivery);
        self.line.push(&key, &entry.delivery);
        self.lanes.entry(key).or_default().push_back(entry);
        self.choose();
    }

    fn front(&self) -> Option<&Entry> {
        let Choice::Start(key) = &self.choice else {
            return None;
        };
        self.lanes.get(key)?.front()
    }

    fn pop(&mut self) -> Option<Entry> {
        let Choice::Start(key) = std::mem::take(&mut self.choice) else {
            return None;
        };
        let lane = self.lanes.get_mut(&key)?;
        let entry = lane.pop_front();
        if lane.is_empty() {
            self.lanes.remove(&key);
        }
        self.line.start(&key, self.now);
        self.choose();
        entry
    }

    fn pop_last(&mut self) -> Option<Entry> {
        let longest = self.lanes.iter().max_by_key(|(_, lane)| lane.len());
        let key = longest.map(|(key, _)| key.clone())?;
        let lane = self.lanes.get_mut(&key)?;
        let entry = lane.pop_back();
        if lane.is_empty() {
            self.lanes.remove(&key);
        }
        self.line.remove_last(&key);
        self.choose();
        entry
    }
}
