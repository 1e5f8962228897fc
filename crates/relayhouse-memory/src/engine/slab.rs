//! The slots that hold the messages of a queue: in chunks, so that growing moves nothing.

use std::{
    mem,
    ops::{Index, IndexMut},
};

use relayhouse_core::{Message, Previous, Priority, Timestamp};

/// Stands for no slot, no timer and no extra.
pub(crate) const NONE: u32 = u32::MAX;

const CHUNK_BITS: u32 = 8;
const CHUNK_LEN: u32 = 1 << CHUNK_BITS;

/// An empty slab with more chunks than this gives its memory back.
const CHUNKS_KEPT_MAX: usize = 64;

/// Holds one message from its send until it is settled.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) message: Message,
    pub(crate) enqueued_at: Timestamp,
    /// The delivery that has the lease: what a receipt must match.
    pub(crate) generation: u32,
    /// The deliveries so far.
    pub(crate) attempt: u32,
    /// The timer of the lease, the delay or the time to live; of a free slot, the next free one.
    pub(crate) timer: u32,
    /// What few messages need.
    pub(crate) extra: u32,
    sequence_low: u32,
    sequence_high: u16,
    pub(crate) phase: Phase,
    bits: u8,
}

/// Says where a slot stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It holds no message.
    Free,
    /// The message can be received, or waits for an earlier one of its key.
    Ready,
    /// A delivery has the lease.
    Leased,
    /// The message is held back until its timer.
    Delayed,
    /// The message goes to the dead letters once there is room.
    Parked,
    /// The message is gone, and a ring of ready slots still has the number.
    Gone,
}

/// Tells the messages of a queue from its dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    Live,
    Dead,
}

impl Lane {
    pub(crate) const fn of(is_dead_letter: bool) -> Self {
        if is_dead_letter {
            Self::Dead
        } else {
            Self::Live
        }
    }

    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Live => 0,
            Self::Dead => 1,
        }
    }
}

const LANE_DEAD: u8 = 0b1000_0000;
const GHOST: u8 = 0b0100_0000;
const PREVIOUS: u8 = 0b0011_0000;
const LEVEL: u8 = 0b0000_1111;

impl Slot {
    const FREE: fn() -> Self = || Self {
        message: Message::default(),
        enqueued_at: Timestamp::from_micros(0),
        generation: 0,
        attempt: 0,
        timer: NONE,
        extra: NONE,
        sequence_low: 0,
        sequence_high: 0,
        phase: Phase::Free,
        bits: 0,
    };

    /// Puts a message that just came into this slot.
    #[inline]
    fn fill(&mut self, message: &mut Message, enqueued_at: Timestamp, sequence: u64) {
        debug_assert_eq!(self.phase, Phase::Free);
        // A free slot has an empty message.
        mem::swap(&mut self.message, message);
        self.enqueued_at = enqueued_at;
        self.attempt = 0;
        self.timer = NONE;
        self.extra = NONE;
        self.set_sequence(sequence);
        self.bits = Priority::DEFAULT.level();
        self.phase = Phase::Ready;
    }

    /// Returns true if the message is ready, and needs neither a key nor a timer.
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        self.phase == Phase::Ready && self.extra == NONE && self.timer == NONE
    }

    pub(crate) const fn sequence(&self) -> u64 {
        (self.sequence_high as u64) << 32 | self.sequence_low as u64
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "a sequence number has 48 bits: a billion a second for three days, or a million \
                  a second for nine years"
    )]
    const fn set_sequence(&mut self, sequence: u64) {
        self.sequence_low = sequence as u32;
        self.sequence_high = (sequence >> 32) as u16;
    }

    pub(crate) const fn lane(&self) -> Lane {
        Lane::of(self.bits & LANE_DEAD != 0)
    }

    pub(crate) const fn set_lane(&mut self, lane: Lane) {
        match lane {
            Lane::Live => self.bits &= !LANE_DEAD,
            Lane::Dead => self.bits |= LANE_DEAD,
        }
    }

    /// Returns true if this is a duplicate that a profile made.
    pub(crate) const fn is_ghost(&self) -> bool {
        self.bits & GHOST != 0
    }

    pub(crate) const fn set_ghost(&mut self) {
        self.bits |= GHOST;
    }

    pub(crate) const fn level(&self) -> u8 {
        self.bits & LEVEL
    }

    pub(crate) const fn set_level(&mut self, priority: Priority) {
        self.bits = self.bits & !LEVEL | priority.level();
    }

    pub(crate) const fn previous(&self) -> Previous {
        match (self.bits & PREVIOUS) >> 4 {
            0 => Previous::None,
            1 => Previous::Released,
            _ => Previous::Expired,
        }
    }

    pub(crate) const fn set_previous(&mut self, previous: Previous) {
        let bits = match previous {
            Previous::None => 0,
            Previous::Released => 1 << 4,
            _ => 2 << 4,
        };
        self.bits = self.bits & !PREVIOUS | bits;
    }
}

/// Has a fixed length, so that a slot of a chunk is found without a check.
pub(crate) type Chunk = Box<[Slot; CHUNK_LEN as usize]>;

/// Holds slots by number; free ones form a stack.
#[derive(Debug)]
pub(crate) struct Slab {
    chunks: Vec<Chunk>,
    free: u32,
    used: u32,
}

impl Slab {
    pub(crate) const fn new() -> Self {
        Self {
            chunks: Vec::new(),
            free: NONE,
            used: 0,
        }
    }

    /// Returns how many slots there are, free ones included.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "slots are numbered by 32 bits"
    )]
    pub(crate) fn len(&self) -> u32 {
        self.chunks.len() as u32 * CHUNK_LEN
    }

    /// Returns the slot, if there is one of this number.
    #[inline]
    pub(crate) fn get(&self, index: u32) -> Option<&Slot> {
        let chunk = self.chunks.get((index >> CHUNK_BITS) as usize)?;
        Some(&chunk[(index & (CHUNK_LEN - 1)) as usize])
    }

    /// Returns true if a further message has a slot to go to.
    pub(crate) const fn has_room(&self) -> bool {
        self.used < NONE - CHUNK_LEN
    }

    /// Takes a free slot, and fills it.
    pub(crate) fn insert(
        &mut self,
        mut message: Message,
        enqueued_at: Timestamp,
        sequence: u64,
    ) -> u32 {
        self.swap_in(&mut message, enqueued_at, sequence)
    }

    /// Takes a free slot, and fills it with a message, which is empty after.
    #[inline]
    pub(crate) fn swap_in(
        &mut self,
        message: &mut Message,
        enqueued_at: Timestamp,
        sequence: u64,
    ) -> u32 {
        if self.free == NONE {
            self.grow();
        }
        let index = self.free;
        let slot = &mut self[index];
        let next = slot.timer;
        slot.fill(message, enqueued_at, sequence);
        self.free = next;
        self.used += 1;
        index
    }

    fn grow(&mut self) {
        let first = self.len();
        let mut chunk: Box<[Slot]> = (0..CHUNK_LEN).map(|_| Slot::FREE()).collect();
        for (slot, next) in chunk.iter_mut().zip(first + 1..first + CHUNK_LEN) {
            slot.timer = next;
        }
        // It has the length of a chunk, so none is left out.
        self.chunks.extend(Chunk::try_from(chunk).ok());
        self.free = first;
    }

    /// Frees a slot, and returns its message to be dropped without the lock.
    #[inline]
    pub(crate) fn remove(&mut self, index: u32) -> Message {
        let free = self.free;
        let slot = &mut self[index];
        debug_assert_ne!(slot.phase, Phase::Free);
        let message = mem::take(&mut slot.message);
        slot.phase = Phase::Free;
        slot.timer = free;
        self.free = index;
        self.used -= 1;
        message
    }

    /// Gives the memory of an empty slab back, to be dropped without the lock.
    pub(crate) fn shrink(&mut self) -> Option<Vec<Chunk>> {
        if 0 < self.used || self.chunks.len() <= CHUNKS_KEPT_MAX {
            return None;
        }
        self.free = NONE;
        Some(mem::take(&mut self.chunks))
    }
}

impl Index<u32> for Slab {
    type Output = Slot;

    #[inline]
    fn index(&self, index: u32) -> &Slot {
        &self.chunks[(index >> CHUNK_BITS) as usize][(index & (CHUNK_LEN - 1)) as usize]
    }
}

impl IndexMut<u32> for Slab {
    #[inline]
    fn index_mut(&mut self, index: u32) -> &mut Slot {
        &mut self.chunks[(index >> CHUNK_BITS) as usize][(index & (CHUNK_LEN - 1)) as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(slab: &mut Slab, sequence: u64) -> u32 {
        slab.insert(Message::new("x"), Timestamp::default(), sequence)
    }

    #[test]
    fn slot_is_small() {
        assert_eq!(size_of::<Slot>(), 96);
    }

    #[test]
    fn fields_that_share_bits_do_not_touch_each_other() {
        let mut slab = Slab::new();
        let sequence = (1 << 48) - 2;
        let index = insert(&mut slab, sequence);
        let slot = &mut slab[index];
        slot.set_lane(Lane::Dead);
        slot.set_previous(Previous::Expired);
        slot.set_level(Priority::MAX);
        slot.set_ghost();
        slot.set_previous(Previous::Released);
        assert_eq!(slot.sequence(), sequence);
        assert_eq!((slot.lane(), slot.level()), (Lane::Dead, 9));
        assert_eq!(
            (slot.previous(), slot.is_ghost()),
            (Previous::Released, true)
        );
        slot.set_lane(Lane::Live);
        assert_eq!((slot.lane(), slot.level()), (Lane::Live, 9));
    }

    #[test]
    fn freed_slots_are_used_again_and_an_empty_slab_shrinks() {
        let mut slab = Slab::new();
        let all: Vec<u32> = (0..20_000).map(|n| insert(&mut slab, n)).collect();
        assert_eq!(all, (0..20_000).collect::<Vec<u32>>());
        slab.remove(7);
        assert_eq!(insert(&mut slab, 1), 7);
        assert!(slab.shrink().is_none());
        for index in all {
            slab.remove(index);
        }
        assert_eq!(slab.shrink().map(|chunks| chunks.len()), Some(79));
        assert_eq!(slab.len(), 0);
        assert_eq!(insert(&mut slab, 1), 0);
    }
}
