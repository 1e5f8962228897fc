//! The dedup ids that a queue or topic has seen within its window.

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use relayhouse_core::{Instant, Text};

/// The most ids that are known at a time; more are refused as `Full`.
pub(crate) const DEDUP_IDS_MAX: usize = 8_000_000;

/// Remembers dedup ids with the sequence number of the message that came first.
#[derive(Debug, Default)]
pub(crate) struct Dedup {
    known: HashMap<Text, u64>,
    order: VecDeque<(Instant, Text)>,
}

impl Dedup {
    /// Returns the sequence number of the message that had `id` within the window.
    pub(crate) fn find(&mut self, id: &Text, now: Instant) -> Option<u64> {
        self.forget(now);
        self.known.get(id).copied()
    }

    /// Remembers `id` for `window`.
    pub(crate) fn insert(&mut self, id: Text, sequence: u64, now: Instant, window: Duration) {
        self.known.insert(id.clone(), sequence);
        self.order.push_back((now + window, id));
    }

    /// Returns true if a further id would be one too many.
    pub(crate) fn is_full(&self) -> bool {
        DEDUP_IDS_MAX <= self.order.len()
    }

    fn forget(&mut self, now: Instant) {
        while self.order.front().is_some_and(|(until, _)| *until <= now) {
            let Some((_, id)) = self.order.pop_front() else {
                return;
            };
            self.known.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_wins_until_the_window_ends() {
        let window = Duration::from_secs(10);
        let mut dedup = Dedup::default();
        let id = Text::from("a");
        let start = Instant::START;
        assert_eq!(dedup.find(&id, start), None);
        dedup.insert(id.clone(), 7, start, window);
        assert_eq!(dedup.find(&id, start + window / 2), Some(7));
        assert_eq!(dedup.find(&id, start + window), None);
        assert!(dedup.order.is_empty());
    }
}
