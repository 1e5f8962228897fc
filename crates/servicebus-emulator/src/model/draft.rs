//! A message on its way into an entity.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use super::{
    Contents, Message, Path, Time, Value,
    entity::EntityId,
    message::{DEAD_LETTER_DESCRIPTION, DEAD_LETTER_REASON},
    random::Random,
};

/// Through how many entities a message is forwarded at most.
pub const HOPS_MAX: u8 = 4;

/// A message that no entity has numbered yet.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    pub(super) contents: Arc<Contents>,
    pub(super) bytes: u32,
    /// How long it is kept at most, whatever the next entity says.
    pub(super) time_to_live: Option<Duration>,
    /// The number that the first entity has given it.
    pub(super) enqueued_sequence: Option<u64>,
    pub(super) dead_letter_source: Option<Arc<str>>,
    pub(super) hops: u8,
}

/// Why a message is dead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Death {
    pub(super) reason: Option<Box<str>>,
    pub(super) description: Option<Box<str>>,
}

/// What one entity hands to others while it is being changed.
#[derive(Debug)]
pub(super) struct Effects {
    pub(super) random: Random,
    /// Messages that are to go to another entity.
    pub(super) moves: VecDeque<Move>,
}

/// A message that is to go to another entity.
#[derive(Debug)]
pub(super) struct Move {
    pub(super) from: EntityId,
    pub(super) to: Path,
    pub(super) draft: Draft,
    pub(super) way: Way,
}

/// Why a message goes to another entity, which says where it ends if it cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The entity forwards all it gets.
    Forward,
    /// The entity forwards what has died in it.
    ForwardDead,
    /// A sender chose to send through the entity.
    Transfer,
}

impl Draft {
    pub(super) fn new(contents: Contents) -> Self {
        let bytes = contents.bytes();
        Self {
            time_to_live: contents.time_to_live,
            contents: Arc::new(contents),
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
            enqueued_sequence: None,
            dead_letter_source: None,
            hops: 0,
        }
    }

    /// Keeps the message at most as long as an entity keeps messages.
    pub(super) fn limit(&mut self, time_to_live: Option<Duration>) {
        self.time_to_live = shorter(self.time_to_live, time_to_live);
    }

    /// Makes a message of it.
    pub(super) fn number(self, sequence: u64, enqueued: Time) -> Message {
        Message {
            contents: self.contents,
            sequence,
            enqueued_sequence: self.enqueued_sequence.unwrap_or(sequence),
            enqueued,
            expires: self.time_to_live.map(|it| enqueued.after(it)),
            delivery_count: 0,
            dead_letter_source: self.dead_letter_source,
            bytes: self.bytes,
            hops: self.hops,
        }
    }

    /// Takes a message out of its entity, to go into another.
    pub(super) fn of(message: Message) -> Self {
        Self {
            time_to_live: message.contents.time_to_live,
            contents: message.contents,
            bytes: message.bytes,
            enqueued_sequence: Some(message.enqueued_sequence),
            dead_letter_source: message.dead_letter_source,
            hops: message.hops,
        }
    }

    /// Takes a scheduled message out of its entity, which gives it another number now.
    pub(super) fn of_scheduled(message: Message) -> Self {
        Self {
            enqueued_sequence: None,
            ..Self::of(message)
        }
    }

    /// Writes into the message why it is dead.
    pub(super) fn mark(&mut self, death: Death) {
        let texts = [
            (DEAD_LETTER_REASON, death.reason),
            (DEAD_LETTER_DESCRIPTION, death.description),
        ];
        let contents = Arc::make_mut(&mut self.contents);
        for (name, text) in texts {
            if let Some(text) = text {
                contents.properties.insert(name.into(), Value::String(text));
            }
        }
        self.bytes = u32::try_from(contents.bytes()).unwrap_or(u32::MAX);
    }
}

impl Death {
    pub(super) fn new(reason: &str, description: impl Into<Box<str>>) -> Self {
        Self {
            reason: Some(reason.into()),
            description: Some(description.into()),
        }
    }
}

/// Returns the shorter of two times, where none is without end.
pub(super) fn shorter(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    one.into_iter().chain(other).min()
}
