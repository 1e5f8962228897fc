//! Settling and extending: each receipt proves its lease, or changes nothing.

use std::{num::NonZeroU32, time::Duration};

use relayhouse_core::{DeadLetter, Instant, Previous, Settlement};

use super::{
    After,
    slab::{Lane, NONE, Phase},
    state::State,
    wheel::Owner,
};

/// Says why a delivery whose lease is held cannot be settled as asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A dead letter cannot be dead-lettered.
    DeadAlready,
    /// The dead-letter queue is full.
    DeadLettersFull,
    /// This settlement is not known here.
    Unknown,
}

/// Counts messages that were acked on the short way.
#[derive(Debug, Default)]
pub(crate) struct Acked {
    count: u64,
    bytes: u64,
}

impl State {
    /// Returns why `slot`, which is leased, cannot be settled so, if it cannot.
    pub(crate) fn refusal(&self, slot: u32, settlement: &Settlement) -> Option<Refusal> {
        match settlement {
            Settlement::Ack | Settlement::Release { .. } => None,
            Settlement::DeadLetter(_) => {
                let slot = &self.slab[slot];
                if slot.lane() == Lane::Dead {
                    return Some(Refusal::DeadAlready);
                }
                let has_room = self.has_room(Lane::Dead, slot.message.size());
                (!has_room).then_some(Refusal::DeadLettersFull)
            }
            _ => Some(Refusal::Unknown),
        }
    }

    /// Settles a leased slot as [`refusal`](Self::refusal) has allowed.
    pub(crate) fn settle(
        &mut self,
        slot: u32,
        settlement: &Settlement,
        now: Instant,
        after: &mut After,
    ) {
        match settlement {
            Settlement::DeadLetter(letter) => {
                let key = self.key_of(slot);
                self.end_lease(slot, after);
                self.bury(slot, DeadLetter::clone(letter), now, after);
                if key != NONE {
                    self.offer_key(key, after);
                }
            }
            Settlement::Release { delay } => {
                self.end_lease(slot, after);
                self.give_back(slot, *delay, Previous::Released, now, after);
            }
            _ => self.ack(slot, after),
        }
    }

    /// Acks a leased slot without extras, on the short way: what it counts for is noted in
    /// `acked`. Returns false, and does nothing, for a slot that needs more.
    #[inline]
    pub(crate) fn ack_plain(&mut self, index: u32, acked: &mut Acked, after: &mut After) -> bool {
        let slot = &self.slab[index];
        let timer = slot.timer;
        if slot.extra != NONE || timer == NONE || !self.is_plain {
            return false;
        }
        let message = self.slab.remove(index);
        self.wheel.cancel(timer);
        acked.count += 1;
        acked.bytes += message.size();
        after.discard(message);
        true
    }

    /// Counts what was acked on the short way.
    pub(crate) fn count_acked(&mut self, lane: Lane, acked: &Acked, after: &mut After) {
        if acked.count == 0 {
            return;
        }
        let counts = self.lane(lane);
        counts.leased -= acked.count;
        counts.messages -= acked.count;
        counts.bytes -= acked.bytes;
        self.give_memory_back(after);
        self.made_room(lane, after);
    }

    fn ack(&mut self, slot: u32, after: &mut After) {
        if self.slab[slot].extra == NONE {
            self.stop_timer(slot);
        } else {
            self.end_lease(slot, after);
        }
        let key = self.key_of(slot);
        self.discard(slot, after);
        if key != NONE {
            self.offer_key(key, after);
        }
    }

    /// Ends the lease of a slot: its timer, and its part in the lock of its key or session.
    pub(crate) fn end_lease(&mut self, slot: u32, after: &mut After) {
        self.stop_timer(slot);
        let order = self.order_of(slot);
        if let Some(key) = self.keys.get_mut(self.key_of(slot)) {
            if self.settings.requires_sessions {
                key.session.leased.remove(&(order, slot));
            } else if self.slab[slot].lane() == Lane::Live {
                key.leased -= 1;
            }
        }
        self.flight_freed(slot, after);
    }

    fn flight_freed(&mut self, slot: u32, after: &mut After) {
        if self.settings.behaviour.in_flight_max.is_some() {
            let lane = self.slab[slot].lane();
            let lane = self.lane(lane);
            if 0 < lane.ready {
                lane.line.call(1, &mut after.wakes);
            }
        }
    }

    /// Gives a slot back whose lease has ended: to the dead letters if its attempts are used up.
    pub(crate) fn give_back(
        &mut self,
        slot: u32,
        delay: Duration,
        previous: Previous,
        now: Instant,
        after: &mut After,
    ) {
        let key = self.key_of(slot);
        self.slab[slot].set_previous(previous);
        if self.is_exhausted(slot) {
            let attempts = self.slab[slot].attempt;
            let text = format!("delivered {attempts} times without success");
            let letter = DeadLetter::new(DeadLetter::ATTEMPTS_EXHAUSTED, text);
            self.bury(slot, letter, now, after);
        } else if self.expires(slot) <= now {
            self.expire(slot, now, after);
        } else if delay.is_zero() {
            self.set_phase(slot, Phase::Ready);
            self.come_back(slot, after);
            return;
        } else {
            if key != NONE {
                self.insert_in_key(key, slot);
            }
            self.hold_back(slot, now + delay);
        }
        if key != NONE {
            self.offer_key(key, after);
        }
    }

    fn is_exhausted(&self, slot: u32) -> bool {
        let slot = &self.slab[slot];
        let max = self.settings.attempts_max.map(NonZeroU32::get);
        slot.lane() == Lane::Live && max.is_some_and(|max| max <= slot.attempt)
    }

    /// Moves the end of a lease, never past what the profile allows in total; returns the new
    /// end, or `None` if nothing is left to give.
    pub(crate) fn extend(&mut self, slot: u32, until: Instant) -> Option<Instant> {
        let timer = self.slab[slot].timer;
        if timer == NONE {
            return None;
        }
        if let Some(total) = self.settings.behaviour.lease_total_max {
            if self.wheel.start(timer) + total < until {
                return None;
            }
        }
        self.slab[slot].timer = self.wheel.extend(timer, until, Owner::Slot(slot));
        Some(until)
    }
}
