//! The messages that can be received: a ring for each priority, and what came back before it.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

use relayhouse_core::Priority;

/// One of this many deliveries made past a lower priority goes to the oldest message instead.
pub(crate) const STARVATION_EVERY: u32 = 10;

/// Holds the numbers of ready slots.
///
/// Fresh messages stand in a ring in the order of their arrival. What comes back stands in a heap
/// by its first order, so that it is received before what came after it.
#[derive(Debug)]
pub(crate) struct Ready {
    levels: [Level; Priority::COUNT],
    occupied: u16,
    passed_over: u32,
}

#[derive(Debug, Default)]
struct Level {
    ring: VecDeque<u32>,
    returned: BinaryHeap<Reverse<(u64, u32)>>,
}

impl Ready {
    pub(crate) fn new() -> Self {
        Self {
            levels: Default::default(),
            occupied: 0,
            passed_over: 0,
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.occupied == 0
    }

    /// Adds a message behind all others of its priority.
    pub(crate) fn push(&mut self, level: u8, slot: u32) {
        self.levels[usize::from(level)].ring.push_back(slot);
        self.occupied |= 1 << level;
    }

    /// Adds a message in its place among those of its priority.
    pub(crate) fn push_back_in(&mut self, level: u8, order: u64, slot: u32) {
        self.levels[usize::from(level)]
            .returned
            .push(Reverse((order, slot)));
        self.occupied |= 1 << level;
    }

    /// Takes the next message out: the highest priority first, the oldest within it.
    ///
    /// Each delivery made while a lower priority waits is counted, and of every
    /// [`STARVATION_EVERY`] such deliveries the last goes to the oldest message of all.
    pub(crate) fn pop(&mut self, order: impl Fn(u32) -> u64) -> Option<u32> {
        let highest = self.occupied.checked_ilog2()? as usize;
        let is_alone = self.occupied == 1 << highest;
        let level = if is_alone {
            highest
        } else {
            self.fair_level(highest, &order)
        };
        let found = &mut self.levels[level];
        let slot = found.pop(&order);
        if found.is_empty() {
            self.occupied &= !(1 << level);
        }
        slot
    }

    /// Takes the next message out, if only one priority has any, none came back, and `take` says
    /// yes to the next one.
    #[inline]
    pub(crate) fn pop_fresh_if(&mut self, take: impl FnOnce(u32) -> bool) -> Option<u32> {
        if !self.occupied.is_power_of_two() {
            return None;
        }
        let level = &mut self.levels[self.occupied.trailing_zeros() as usize];
        if !level.returned.is_empty() {
            return None;
        }
        let slot = *level.ring.front()?;
        if !take(slot) {
            return None;
        }
        level.ring.pop_front();
        if level.ring.is_empty() {
            self.occupied = 0;
        }
        Some(slot)
    }

    /// Returns the ring of fresh messages, if only one priority has any and none came back.
    #[inline]
    pub(crate) fn fresh(&self) -> Option<&VecDeque<u32>> {
        if !self.occupied.is_power_of_two() {
            return None;
        }
        let level = &self.levels[self.occupied.trailing_zeros() as usize];
        level.returned.is_empty().then_some(&level.ring)
    }

    /// Takes the first `count` out of the ring of fresh messages.
    pub(crate) fn pop_fresh(&mut self, count: usize, into: &mut Vec<u32>) {
        let level = &mut self.levels[self.occupied.trailing_zeros() as usize];
        let (front, back) = level.ring.as_slices();
        let in_front = count.min(front.len());
        into.extend_from_slice(&front[..in_front]);
        into.extend_from_slice(&back[..count - in_front]);
        level.ring.drain(..count);
        if level.is_empty() {
            self.occupied = 0;
        }
    }

    fn fair_level(&mut self, highest: usize, order: impl Fn(u32) -> u64) -> usize {
        self.passed_over += 1;
        if self.passed_over < STARVATION_EVERY {
            return highest;
        }
        self.passed_over = 0;
        let levels = self.levels.iter().enumerate();
        let oldest = levels.filter_map(|(level, at)| Some((at.front(&order)?.0, level)));
        oldest.min().map_or(highest, |(_, level)| level)
    }

    /// Puts one of the first `window` messages of the highest priority first.
    pub(crate) fn shuffle_front(&mut self, window: u32, draw: u64) {
        let Some(highest) = self.occupied.checked_ilog2() else {
            return;
        };
        let ring = &mut self.levels[highest as usize].ring;
        let window = u64::from(window).min(ring.len() as u64);
        if 1 < window {
            ring.swap(0, usize::try_from(draw % window).unwrap_or(0));
        }
    }

    /// Returns the first slot of each priority.
    pub(crate) fn fronts(&self, order: impl Fn(u32) -> u64) -> impl Iterator<Item = u32> {
        let levels = self.levels.iter();
        levels.filter_map(move |level| Some(level.front(&order)?.1))
    }

    /// Keeps the slots that `keep` says yes to.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(u32) -> bool) {
        for (level, at) in self.levels.iter_mut().enumerate() {
            at.ring.retain(|slot| keep(*slot));
            at.returned.retain(|Reverse((_, slot))| keep(*slot));
            if at.is_empty() {
                self.occupied &= !(1 << level);
            }
        }
    }
}

impl Level {
    fn is_empty(&self) -> bool {
        self.ring.is_empty() && self.returned.is_empty()
    }

    fn front(&self, order: impl Fn(u32) -> u64) -> Option<(u64, u32)> {
        let fresh = self.ring.front().map(|slot| (order(*slot), *slot));
        let returned = self.returned.peek().map(|Reverse(front)| *front);
        match (fresh, returned) {
            (Some(fresh), Some(returned)) => Some(fresh.min(returned)),
            (fresh, returned) => fresh.or(returned),
        }
    }

    fn pop(&mut self, order: impl Fn(u32) -> u64) -> Option<u32> {
        let Some(&Reverse((returned, _))) = self.returned.peek() else {
            return self.ring.pop_front();
        };
        let is_fresh_first = self
            .ring
            .front()
            .is_some_and(|slot| order(*slot) < returned);
        if is_fresh_first {
            return self.ring.pop_front();
        }
        self.returned.pop().map(|Reverse((_, slot))| slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(ready: &mut Ready) -> Vec<u32> {
        std::iter::from_fn(|| ready.pop(u64::from)).collect()
    }

    #[test]
    fn what_comes_back_stands_in_its_first_place() {
        let mut ready = Ready::new();
        for slot in 3..6 {
            ready.push(4, slot);
        }
        for slot in [1, 2, 0, 7] {
            ready.push_back_in(4, u64::from(slot), slot);
        }
        assert_eq!(drain(&mut ready), [0, 1, 2, 3, 4, 5, 7]);
    }

    #[test]
    fn high_priorities_go_first() {
        let mut ready = Ready::new();
        for (level, slot) in [(4, 0), (9, 1), (0, 2), (9, 3)] {
            ready.push(level, slot);
        }
        assert_eq!(drain(&mut ready), [1, 3, 0, 2]);
    }

    #[test]
    fn every_tenth_delivery_goes_to_the_oldest_whatever_its_priority() {
        let mut ready = Ready::new();
        ready.push(0, 0);
        ready.push(4, 1);
        for slot in 2..102 {
            ready.push(9, slot);
        }
        let drained = drain(&mut ready);
        assert_eq!(drained.iter().position(|slot| *slot == 0), Some(9));
        assert_eq!(drained.iter().position(|slot| *slot == 1), Some(19));
        assert_eq!(drained.len(), 102);
    }

    #[test]
    fn fresh_ones_are_taken_in_order_though_the_ring_wraps() {
        let (mut ready, mut taken) = (Ready::new(), Vec::new());
        for slot in 0..100 {
            ready.push(4, slot);
            if slot % 3 == 2 {
                ready.pop_fresh(2, &mut taken);
            }
        }
        assert_eq!(ready.fresh().map(VecDeque::len), Some(34));
        ready.pop_fresh(34, &mut taken);
        assert_eq!(taken, (0..100).collect::<Vec<u32>>());
        assert!(ready.is_empty() && ready.fresh().is_none());
    }

    #[test]
    fn nothing_is_fresh_beside_another_priority_or_what_came_back() {
        let mut ready = Ready::new();
        ready.push(4, 0);
        ready.push(5, 1);
        assert!(ready.fresh().is_none());
        assert_eq!(ready.pop(u64::from), Some(1));
        assert!(ready.fresh().is_some());
        ready.push_back_in(4, 1, 1);
        assert!(ready.fresh().is_none());
    }

    #[test]
    fn retain_takes_the_rest_out() {
        let mut ready = Ready::new();
        ready.push(4, 0);
        ready.push(5, 1);
        ready.push_back_in(5, 2, 2);
        ready.retain(|slot| slot == 0);
        assert_eq!(drain(&mut ready), [0]);
    }
}
