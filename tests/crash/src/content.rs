//! What is sent: messages that parent and children make alike from a seed and a name.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use relayhouse_core::{Details, HeaderValue, Message, MessageId, Priority, Random, SeededRandom};
use serde::{Deserialize, Serialize};

/// How many ordering keys there are.
const KEYS: u64 = 8;

/// Names a message: who sent it, and as which of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct Name {
    pub(crate) producer: u64,
    pub(crate) sequence: u64,
}

impl Name {
    pub(crate) fn id(self) -> MessageId {
        MessageId::from(u128::from(self.producer) << 64 | u128::from(self.sequence))
    }

    /// Reads the name out of an id that was made here.
    pub(crate) fn of(id: &MessageId) -> Option<Self> {
        let (producer, sequence) = id.as_bytes()?.split_at(8);
        Some(Self {
            producer: u64::from_be_bytes(producer.try_into().ok()?),
            sequence: u64::from_be_bytes(sequence.try_into().ok()?),
        })
    }
}

/// Derives a seed of its own for what `parts` name.
pub(crate) fn derive(seed: u64, parts: &[u64]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (seed, parts).hash(&mut hasher);
    hasher.finish()
}

/// Makes the message with `name`: one of three with a key, some with headers, a priority or a
/// dedup id, and of those without a key some that are held back for up to `delay_max`.
pub(crate) fn message(seed: u64, name: Name, delay_max: Duration) -> Message {
    let random: &dyn Random = &SeededRandom::new(derive(seed, &[name.producer, name.sequence]));
    let message = Message::new(body(random)).id(name.id());
    let message = match random.below(10) {
        0 => message
            .header("source", "crash")
            .header("trace", bytes(random, 24)),
        1 => message
            .content_type("application/x-random")
            .correlation_id("correlated"),
        2 => message.priority(Priority::MAX),
        3 => message.dedup_id(format!("{}-{}", name.producer, name.sequence)),
        _ => message,
    };
    match random.below(10) {
        0..=2 => message.ordering_key(format!("key-{}", random.below(KEYS))),
        3 => message.delay(random.up_to(delay_max)),
        _ => message,
    }
}

/// Mostly a few hundred bytes, at times some pages of a file.
fn body(random: &dyn Random) -> Vec<u8> {
    let max = match random.below(100) {
        0 => 20_000,
        1..=9 => 3_000,
        _ => 300,
    };
    let length = 16 + random.below(max);
    (0..length.div_ceil(8))
        .flat_map(|_| random.next_u64().to_le_bytes())
        .collect()
}

fn bytes(random: &dyn Random, length: usize) -> HeaderValue {
    let all = (0..length.div_ceil(8)).flat_map(|_| random.next_u64().to_le_bytes());
    HeaderValue::Bytes(all.take(length).collect())
}

/// Sums up what of a message must come out as it went in.
pub(crate) fn fingerprint(message: &Message) -> u64 {
    let mut hasher = DefaultHasher::new();
    message
        .id
        .as_ref()
        .and_then(MessageId::as_bytes)
        .hash(&mut hasher);
    message.body.hash(&mut hasher);
    let Details {
        headers,
        content_type,
        ordering_key,
        dedup_id,
        // What became of these two is for the clock to say.
        not_before: _,
        ttl: _,
        priority,
        correlation_id,
        reply_to,
    } = message.details();
    for (key, value) in headers.iter() {
        (key, value.as_bytes(), value.as_text().is_some()).hash(&mut hasher);
    }
    for text in [
        content_type,
        ordering_key,
        dedup_id,
        correlation_id,
        reply_to,
    ] {
        text.as_deref().hash(&mut hasher);
    }
    priority.level().hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn messages_are_the_same_again_and_differ_from_each_other() {
        let name = |sequence| Name {
            producer: 3,
            sequence,
        };
        let prints: Vec<_> = (0..200)
            .map(|n| fingerprint(&message(7, name(n), HOUR)))
            .collect();
        let again: Vec<_> = (0..200)
            .map(|n| fingerprint(&message(7, name(n), Duration::ZERO)))
            .collect();
        assert_eq!(prints, again, "the delay is not part of what is compared");
        let mut sorted = prints.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), prints.len());
        assert_eq!(Name::of(&name(5).id()), Some(name(5)));
    }
}
