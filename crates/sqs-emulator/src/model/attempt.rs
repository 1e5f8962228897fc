//! Attempt ids: a receive from a FIFO queue that is repeated with the same id gets the same
//! messages with the same receipts, unless one of them was touched meanwhile.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use super::shelf::{Shelf, State};

const WINDOW: Duration = Duration::from_secs(300);

/// The receives of the last five minutes that had an id.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    by_id: BTreeMap<String, Attempt>,
}

#[derive(Debug)]
struct Attempt {
    at: SystemTime,
    /// The place and the hand-out of each message.
    messages: Vec<(u64, u64)>,
}

impl Attempts {
    /// Returns the places of what was handed out under `id`, if it can be handed out again.
    pub(crate) fn replay(&mut self, id: &str, now: SystemTime, shelf: &Shelf) -> Option<Vec<u64>> {
        self.by_id.retain(|_, attempt| now < attempt.at + WINDOW);
        let messages = &self.by_id.get(id)?.messages;
        let is_untouched = |(place, number): &(u64, u64)| {
            let entry = shelf.get(*place);
            entry.is_some_and(|entry| {
                let is_in_flight = matches!(entry.state, State::InFlight(_));
                let hand_out = entry.hand_out;
                is_in_flight && hand_out.is_some_and(|it| it.number == *number && !it.is_changed)
            })
        };
        let all_untouched = messages.iter().all(is_untouched);
        all_untouched.then(|| messages.iter().map(|(place, _)| *place).collect())
    }

    pub(crate) fn insert(&mut self, id: String, at: SystemTime, messages: Vec<(u64, u64)>) {
        self.by_id.insert(id, Attempt { at, messages });
    }
}
