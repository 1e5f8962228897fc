//! What an oracle remembers: messages while they live, one bit each after, and deliveries.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use relayhouse_core::{Instant, MessageId, Receipt};

use super::entry::hash;

/// How many deliveries that have ended are remembered.
const ENDED_MAX: usize = 64 * 1024;

/// A message as its producer and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    pub(super) producer: u64,
    pub(super) sequence: u64,
}

impl From<&MessageId> for Id {
    /// Splits sixteen bytes into prefix and counter; any other id is hashed.
    fn from(id: &MessageId) -> Self {
        let number = id.as_bytes().map(|bytes| u128::from_be_bytes(*bytes));
        let number =
            number.unwrap_or_else(|| u128::from(hash(id)) << 64 | u128::from(hash(&(id, 1))));
        let low = u64::try_from(number & u128::from(u64::MAX)).unwrap_or_default();
        Self {
            producer: u64::try_from(number >> 64).unwrap_or_default(),
            sequence: low,
        }
    }
}

/// A delivery, by its receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct HoldId(u64);

impl From<&Receipt> for HoldId {
    fn from(receipt: &Receipt) -> Self {
        Self(hash(receipt))
    }
}

/// What is known of a send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum SendState {
    /// Nothing.
    #[default]
    Untold,
    Begun,
    Done,
    Failed,
    Unknown,
}

/// A message that is not finished.
#[derive(Debug, Default)]
pub(super) struct Live {
    pub(super) send: SendState,
    pub(super) content: Option<u64>,
    pub(super) key: Option<u64>,
    pub(super) attempt: u32,
    pub(super) token: u64,
    pub(super) newest: Option<HoldId>,
    pub(super) successes: u64,
    /// Nobody heard how its last settlement ended.
    pub(super) is_unsure: bool,
    /// It may be in the queue twice, since an unknown send was tried again.
    pub(super) is_doubled: bool,
}

/// One delivery of a message.
#[derive(Debug)]
pub(super) struct Hold {
    pub(super) id: Id,
    pub(super) until: Instant,
    pub(super) attempt: u32,
    pub(super) key: Option<u64>,
    pub(super) bytes: u64,
    /// It may be of one of two copies of the message.
    pub(super) is_doubled: bool,
    pub(super) is_running: bool,
    /// When its settlement was answered.
    pub(super) ended: Option<Instant>,
    /// A further delivery came while this one seemed to be held.
    pub(super) is_superseded: bool,
    /// Its handler ended within its lease: a settlement may have taken effect in time, whenever its
    /// answer comes.
    pub(super) is_decided: bool,
}

/// Everything that is remembered.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) live: BTreeMap<Id, Live>,
    pub(super) holds: BTreeMap<HoldId, Hold>,
    /// The messages of each key and producer that no handler has ended well with.
    pub(super) unfinished: BTreeMap<(u64, u64), BTreeSet<u64>>,
    /// The handler that runs for each key.
    pub(super) running: BTreeMap<u64, HoldId>,
    finished: BTreeMap<(u64, u64), u64>,
    ended: VecDeque<HoldId>,
}

impl Table {
    pub(super) fn is_finished(&self, id: Id) -> bool {
        let word = self.finished.get(&(id.producer, id.sequence / 64));
        word.is_some_and(|word| word >> (id.sequence % 64) & 1 == 1)
    }

    /// Forgets all of a message but that it is finished.
    pub(super) fn finish(&mut self, id: Id) -> Option<Live> {
        let word = self
            .finished
            .entry((id.producer, id.sequence / 64))
            .or_default();
        *word |= 1 << (id.sequence % 64);
        let live = self.live.remove(&id);
        if let Some(key) = live.as_ref().and_then(|live| live.key) {
            self.passed(key, id);
        }
        live
    }

    /// Notes that a message has to come before its successors of `key`.
    pub(super) fn expect(&mut self, key: u64, id: Id) {
        let waiting = self.unfinished.entry((key, id.producer)).or_default();
        waiting.insert(id.sequence);
    }

    /// Notes that the successors of a message may start.
    pub(super) fn passed(&mut self, key: u64, id: Id) {
        if let Some(waiting) = self.unfinished.get_mut(&(key, id.producer)) {
            waiting.remove(&id.sequence);
            if waiting.is_empty() {
                self.unfinished.remove(&(key, id.producer));
            }
        }
    }

    /// Notes that a delivery has ended, and forgets the one that ended longest ago.
    pub(super) fn end(&mut self, hold: HoldId, now: Instant) {
        if let Some(hold) = self.holds.get_mut(&hold) {
            hold.ended = Some(now);
        }
        self.ended.push_back(hold);
        if ENDED_MAX < self.ended.len()
            && let Some(oldest) = self.ended.pop_front()
        {
            self.holds.remove(&oldest);
        }
    }
}
