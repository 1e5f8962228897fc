//! Which message ids were there lately.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use super::{Time, entity::EntityId, journal::Change};

/// How many ids are remembered; those beyond are forgotten before their time, oldest first. It is
/// more than a namespace of the standard tier takes in within the default window.
pub const IDS_MAX: usize = 1 << 20;

/// The ids of the messages that were sent within the window.
#[derive(Debug, Default)]
pub(super) struct Dedup {
    ids: BTreeSet<Arc<str>>,
    /// The same, oldest first, each with the number after that of the one before.
    line: VecDeque<(Time, Arc<str>)>,
    /// The number of the oldest.
    first: u64,
    /// From here on they are to be kept.
    told: u64,
    /// Those below this are to be kept no longer.
    forgotten: u64,
}

impl Dedup {
    /// Notes an id, and says whether it is new.
    pub(super) fn note(&mut self, id: &str, now: Time, window: Duration) -> bool {
        self.forget(now, window);
        self.note_among(IDS_MAX, id, now)
    }

    fn note_among(&mut self, ids_max: usize, id: &str, now: Time) -> bool {
        if self.ids.contains(id) {
            return false;
        }
        if self.line.len() == ids_max {
            self.forget_first();
        }
        self.remember(id.into(), now);
        true
    }

    /// Takes back an id that was kept.
    pub(super) fn restore(&mut self, number: u64, id: Arc<str>, at: Time) {
        if self.line.is_empty() {
            self.first = number;
            self.forgotten = number;
        }
        self.remember(id, at);
        self.told = self.end();
    }

    /// Says whether there is an id that is not kept yet.
    pub(super) fn owes(&self) -> bool {
        self.told < self.end()
    }

    pub(super) fn tell(&mut self, id: EntityId, changes: &mut Vec<Change>) {
        if self.forgotten < self.first {
            changes.push(Change::Forget(id, self.first));
        }
        let is_told = self.told.saturating_sub(self.first);
        let is_told = usize::try_from(is_told).unwrap_or(usize::MAX);
        let numbered = (self.first..).zip(&self.line).skip(is_told);
        changes.extend(numbered.map(|(number, (at, message_id))| {
            Change::Remember(id, number, Arc::clone(message_id), *at)
        }));
        (self.told, self.forgotten) = (self.end(), self.first);
    }

    /// Returns the number of the next one.
    fn end(&self) -> u64 {
        self.first + self.line.len() as u64
    }

    fn remember(&mut self, id: Arc<str>, at: Time) {
        self.ids.insert(Arc::clone(&id));
        self.line.push_back((at, id));
    }

    fn forget(&mut self, now: Time, window: Duration) {
        while let Some((at, _)) = self.line.front() {
            if now < at.after(window) {
                return;
            }
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some((_, id)) = self.line.pop_front() {
            self.ids.remove(&id);
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oldest_id_is_forgotten_where_there_are_too_many() {
        let (mut dedup, now) = (Dedup::default(), Time::default());
        let mut note = |id: &str| dedup.note_among(3, id, now);
        for id in ["a", "b", "c", "d"] {
            assert!(note(id));
        }
        assert!(!note("b"), "it is remembered still");
        assert!(note("a"), "it was forgotten");
        assert!(note("b"), "it had to go for the one before");
        assert_eq!((dedup.ids.len(), dedup.line.len()), (3, 3));
    }
}
