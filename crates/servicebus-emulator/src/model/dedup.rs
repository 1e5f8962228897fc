//! Which message ids were there lately.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use super::Time;

/// The ids of the messages that were sent within the window.
#[derive(Debug, Default)]
pub(super) struct Dedup {
    ids: BTreeSet<Arc<str>>,
    /// The same, oldest first.
    line: VecDeque<(Time, Arc<str>)>,
}

impl Dedup {
    /// Notes an id, and says whether it is new.
    pub(super) fn note(&mut self, id: &str, now: Time, window: Duration) -> bool {
        self.forget(now, window);
        if self.ids.contains(id) {
            return false;
        }
        let id = Arc::<str>::from(id);
        self.ids.insert(Arc::clone(&id));
        self.line.push_back((now, id));
        true
    }

    fn forget(&mut self, now: Time, window: Duration) {
        while let Some((at, id)) = self.line.front() {
            if now < at.after(window) {
                return;
            }
            self.ids.remove(id);
            self.line.pop_front();
        }
    }
}
