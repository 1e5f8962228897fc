//! The ids that SQS gave lately: it answers a message whose dedup id it knows with the id of the
//! first, and does not say that it dropped the second.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Mutex, PoisonError},
};

use relayhouse_core::MessageId;

/// The most ids that are remembered: those of the 5 minutes of a dedup id, at 50 messages a second.
const IDS_MAX: usize = 16_384;

/// Remembers the ids that SQS gave to one sender.
#[derive(Debug, Default)]
pub(crate) struct Known(Mutex<Ids>);

#[derive(Debug, Default)]
struct Ids {
    known: HashSet<MessageId>,
    order: VecDeque<MessageId>,
}

impl Known {
    /// Returns true if `id` was given before, and remembers it.
    pub(crate) fn is_known(&self, id: Option<&MessageId>) -> bool {
        let Some(id) = id else {
            return false;
        };
        let mut ids = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !ids.known.insert(id.clone()) {
            return true;
        }
        ids.order.push_back(id.clone());
        if IDS_MAX < ids.order.len()
            && let Some(oldest) = ids.order.pop_front()
        {
            ids.known.remove(&oldest);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_known_until_many_came_after_it() {
        let known = Known::default();
        let id = |number: usize| MessageId::from(number as u128);
        assert!(!known.is_known(Some(&id(0))));
        assert!(known.is_known(Some(&id(0))));
        assert!(!known.is_known(None));
        for number in 1..=IDS_MAX {
            assert!(!known.is_known(Some(&id(number))));
        }
        assert!(!known.is_known(Some(&id(0))));
    }
}
