//! What earlier deliveries of a message have used up of its tries.

use std::collections::{BTreeMap, HashMap};

use relayhouse_core::MessageId;

/// The most messages that are remembered.
const MESSAGES_MAX: usize = 10_000;

/// Remembers how often the messages that were released have been tried, the latest of them.
#[derive(Debug, Default)]
pub(super) struct Memory {
    tries: HashMap<MessageId, Tried>,
    /// The ids in the order they came in.
    order: BTreeMap<u64, MessageId>,
    next: u64,
}

#[derive(Debug)]
struct Tried {
    tries: u32,
    place: u64,
}

impl Memory {
    /// Remembers that the message has been tried `tries` times.
    pub(super) fn put(&mut self, id: &MessageId, tries: u32) {
        let place = self.next;
        self.next += 1;
        self.order.insert(place, id.clone());
        if let Some(earlier) = self.tries.insert(id.clone(), Tried { tries, place }) {
            self.order.remove(&earlier.place);
        }
        if MESSAGES_MAX < self.order.len()
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.tries.remove(&oldest);
        }
    }

    /// Returns how often the message has been tried, and forgets it.
    pub(super) fn take(&mut self, id: &MessageId) -> Option<u32> {
        let Tried { tries, place } = self.tries.remove(id)?;
        self.order.remove(&place);
        Some(tries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_forgets_the_oldest() {
        let mut memory = Memory::default();
        let id = |number: usize| MessageId::from(number as u128);
        for number in 0..=MESSAGES_MAX {
            memory.put(&id(number), 3);
        }
        assert_eq!(memory.tries.len(), MESSAGES_MAX);
        assert_eq!(memory.take(&id(0)), None);
        assert_eq!(memory.take(&id(7)), Some(3));
        assert_eq!(memory.take(&id(7)), None);
        assert_eq!(memory.order.len(), memory.tries.len());
    }

    #[test]
    fn later_count_replaces_the_earlier() {
        let mut memory = Memory::default();
        let id = MessageId::from("7");
        memory.put(&id, 2);
        memory.put(&id, 4);
        assert_eq!(memory.take(&id), Some(4));
        assert!(memory.order.is_empty());
    }
}
