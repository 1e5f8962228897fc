//! What waits to be sent, and how it is packed into calls.

use std::collections::{HashSet, VecDeque};

use relayhouse_core::{Message, Result, Sending, Sent, Text};
use tokio::sync::oneshot;

use super::room::Room;

/// Hears how a send ended.
pub(super) type Waiter = oneshot::Sender<Result<Sent>>;

/// Is a message that waits for a call.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) message: Message,
    pub(super) waiter: Waiter,
    /// The room it takes in the buffer, given back when it leaves.
    pub(super) room: Room,
}

/// Bounds one call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packing {
    pub(super) messages_max: usize,
    pub(super) bytes_max: u64,
    pub(super) calls_max: usize,
    /// Whether calls that share an ordering key must not overlap.
    pub(super) keeps_keys_apart: bool,
    /// Whether a call starts beside others for less than a full batch.
    pub(super) is_eager: bool,
}

/// Holds what waits, and knows what is in flight.
#[derive(Debug, Default)]
pub(super) struct Lane {
    waiting: VecDeque<Waiting>,
    /// The bytes of all that waits.
    waiting_bytes: u64,
    calls: usize,
    /// Whether the last direct call was answered in its first poll, as in-process queues do: then
    /// nothing is gained by waiting for it.
    is_immediate: bool,
    /// The ordering keys in flight.
    keys: HashSet<Text>,
}

/// Is one call to make, with who hears of each item, and the room that it gives back.
#[derive(Debug, Default)]
pub(super) struct Packed {
    pub(super) batch: Vec<Sending>,
    pub(super) waiters: Vec<Waiter>,
    pub(super) keys: Vec<Text>,
    pub(super) room: Option<Room>,
}

impl Packed {
    fn push(&mut self, waiting: Waiting) {
        self.batch.push(Sending::new(waiting.message));
        self.waiters.push(waiting.waiter);
        match &mut self.room {
            Some(room) => room.merge(waiting.room),
            None => self.room = Some(waiting.room),
        }
    }
}

impl Lane {
    pub(super) fn push(&mut self, waiting: Waiting) {
        self.waiting_bytes += waiting.message.size();
        self.waiting.push_back(waiting);
    }

    fn pop(&mut self) -> Option<Waiting> {
        let first = self.waiting.pop_front()?;
        self.waiting_bytes -= first.message.size();
        Some(first)
    }

    fn put_back(&mut self, waiting: Waiting) {
        self.waiting_bytes += waiting.message.size();
        self.waiting.push_front(waiting);
    }

    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.calls == 0
    }

    /// Takes the place of a call for messages of `keys`, if it may leave at once.
    pub(super) fn begin_direct(&mut self, keys: &[Text], packing: &Packing) -> bool {
        let may_join = packing.is_eager || self.is_immediate;
        let may_begin = self.calls == 0 || (may_join && self.calls < packing.calls_max);
        let is_free = keys.iter().all(|key| !self.keys.contains(key));
        if !(self.waiting.is_empty() && may_begin && is_free) {
            return false;
        }
        self.calls += 1;
        self.keys.extend(keys.iter().cloned());
        true
    }

    /// Takes note of whether a direct call was answered in its first poll.
    pub(super) fn note_direct(&mut self, is_immediate: bool) {
        self.is_immediate = is_immediate;
    }

    /// Gives the place of a call back, and returns true if something waits.
    pub(super) fn end_call(&mut self, keys: &[Text]) -> bool {
        self.calls -= 1;
        for key in keys {
            self.keys.remove(key);
        }
        !self.waiting.is_empty()
    }

    /// Packs the next call, if one may start: what waits, in order, up to the bounds, without
    /// messages whose key is in flight, or behind one of those. What was withdrawn counts until it
    /// is come to, and leaves then.
    pub(super) fn pack(&mut self, packing: &Packing) -> Option<Packed> {
        if !self.is_due(packing) {
            return None;
        }
        let packed = self.fill(packing);
        if packed.batch.is_empty() {
            return None;
        }
        self.calls += 1;
        self.keys.extend(packed.keys.iter().cloned());
        Some(packed)
    }

    /// Returns true if something waits, and a call may start for it.
    pub(super) fn is_due(&self, packing: &Packing) -> bool {
        let may_join = || packing.is_eager || self.is_full(packing);
        let may_begin = self.calls == 0 || (self.calls < packing.calls_max && may_join());
        !self.waiting.is_empty() && may_begin
    }

    fn is_full(&self, packing: &Packing) -> bool {
        packing.messages_max <= self.waiting.len() || packing.bytes_max <= self.waiting_bytes
    }

    fn fill(&mut self, packing: &Packing) -> Packed {
        let count = packing.messages_max.min(self.waiting.len());
        let mut packed = Packed {
            batch: Vec::with_capacity(count),
            waiters: Vec::with_capacity(count),
            ..Packed::default()
        };
        let mut bytes = 0;
        let mut held_back: HashSet<Text> = HashSet::new();
        let mut rest = VecDeque::new();
        while let Some(waiting) = self.pop() {
            if waiting.waiter.is_closed() {
                continue;
            }
            let size = waiting.message.size();
            let fits = packed.batch.is_empty() || bytes + size <= packing.bytes_max;
            if packed.batch.len() == packing.messages_max || !fits {
                self.put_back(waiting);
                break;
            }
            if let Some(key) = key_of(&waiting.message, packing) {
                if self.keys.contains(key) || held_back.contains(key) {
                    held_back.insert(key.clone());
                    rest.push_back(waiting);
                    continue;
                }
                if !packed.keys.contains(key) {
                    packed.keys.push(key.clone());
                }
            }
            bytes += size;
            packed.push(waiting);
        }
        while let Some(waiting) = rest.pop_back() {
            self.put_back(waiting);
        }
        packed
    }
}

/// Returns the keys of `messages` that must not be in flight twice.
pub(super) fn keys_of(messages: &[Message], packing: &Packing) -> Vec<Text> {
    let mut keys: Vec<Text> = Vec::new();
    for key in messages
        .iter()
        .filter_map(|message| key_of(message, packing))
    {
        if !keys.contains(key) {
            keys.push(key.clone());
        }
    }
    keys
}

/// Returns the key that must not be in flight twice.
fn key_of<'a>(message: &'a Message, packing: &Packing) -> Option<&'a Text> {
    if !packing.keeps_keys_apart || message.is_plain() {
        return None;
    }
    message.details().ordering_key.as_ref()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, LazyLock};

    use proptest::prelude::{any, prop, proptest};
    use tokio::sync::Semaphore;

    use super::*;

    const PACKING: Packing = Packing {
        messages_max: 3,
        bytes_max: 10,
        calls_max: 4,
        keeps_keys_apart: true,
        is_eager: true,
    };

    /// Rooms are given back together: they are of one buffer.
    static BUFFER: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(1000)));

    fn waiting(message: Message) -> (Waiting, oneshot::Receiver<Result<Sent>>) {
        let (waiter, answer) = oneshot::channel();
        let permit = || Arc::clone(&BUFFER).try_acquire_owned().unwrap();
        let room = Room {
            messages: permit(),
            bytes: permit(),
        };
        (
            Waiting {
                message,
                waiter,
                room,
            },
            answer,
        )
    }

    fn bodies(packed: &Packed) -> Vec<String> {
        let text = |item: &Sending| String::from_utf8_lossy(&item.message.body).into_owned();
        packed.batch.iter().map(text).collect()
    }

    #[test]
    fn calls_are_packed_by_count_and_bytes() {
        let mut lane = Lane::default();
        let mut answers = Vec::new();
        for body in [
            "a",
            "b",
            "c",
            "123456789",
            "xy",
            "a message above the bound",
        ] {
            let (waiting, answer) = waiting(Message::new(body));
            lane.push(waiting);
            answers.push(answer);
        }
        let calls: Vec<_> = std::iter::from_fn(|| lane.pack(&PACKING)).collect();
        let calls: Vec<_> = calls.iter().map(bodies).collect();
        let expected: [&[&str]; 4] = [
            &["a", "b", "c"],
            &["123456789"],
            &["xy"],
            &["a message above the bound"],
        ];
        assert_eq!(calls, expected);
    }

    #[test]
    fn withdrawn_message_never_leaves() {
        let mut lane = Lane::default();
        let (first, answer) = waiting(Message::new("a"));
        lane.push(first);
        drop(answer);
        assert!(lane.pack(&PACKING).is_none());
        assert!(lane.is_idle());
    }

    #[test]
    fn direct_send_queues_behind_others() {
        let mut lane = Lane::default();
        let (first, _answer) = waiting(Message::new("b"));
        lane.push(first);
        assert!(!lane.begin_direct(&[], &PACKING));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_keys_keep_their_order_and_stay_apart(
            keys in prop::collection::vec(0_u8..4, 0..60),
            ends in prop::collection::vec(any::<prop::sample::Index>(), 60),
        ) {
            let mut lane = Lane::default();
            let mut answers = Vec::new();
            for (number, key) in keys.iter().enumerate() {
                let message = Message::new(vec![u8::try_from(number).unwrap()]);
                let message = match key {
                    0 => message,
                    key => message.ordering_key(format!("k{key}")),
                };
                let (waiting, answer) = waiting(message);
                lane.push(waiting);
                answers.push(answer);
            }
            let mut in_flight: Vec<Packed> = Vec::new();
            let mut left: Vec<Vec<u8>> = vec![Vec::new(); 4];
            let mut ends = ends.into_iter();
            loop {
                if let Some(packed) = lane.pack(&PACKING) {
                    for item in &packed.batch {
                        let number = item.message.body[0];
                        left[usize::from(keys[usize::from(number)])].push(number);
                    }
                    for other in &in_flight {
                        assert!(packed.keys.iter().all(|key| !other.keys.contains(key)));
                    }
                    in_flight.push(packed);
                    continue;
                }
                if in_flight.is_empty() {
                    break;
                }
                let end = ends.next().map_or(0, |index| index.index(in_flight.len()));
                let packed = in_flight.swap_remove(end);
                lane.end_call(&packed.keys);
            }
            assert!(lane.is_idle());
            assert_eq!(left.iter().map(Vec::len).sum::<usize>(), keys.len());
            for numbers in &left[1..] {
                assert!(numbers.is_sorted());
            }
        }
    }
}
