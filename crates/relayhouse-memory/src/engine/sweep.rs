//! What time does: leases end, delays end, messages expire.

use std::{mem, time::Duration};

use relayhouse_core::{DeadLetter, Instant, Previous};

use super::{
    After,
    slab::{NONE, Phase},
    state::State,
    wheel::Due,
};

/// Rings are cleaned of messages that are gone once there are this many more of them than others.
const GONE_BEYOND_READY_MAX: u64 = 1024;

impl State {
    /// Does what was due by `now`.
    pub(crate) fn sweep(&mut self, now: Instant, after: &mut After) {
        if self.wheel.is_quiet(now) {
            return;
        }
        while let Some(due) = self.wheel.pop_due(now) {
            match due {
                Due::Slot(slot) => self.slot_is_due(slot, now, after),
                Due::Session(key) => self.session_expired(key, now, after),
                Due::Group { timer, members } => {
                    self.group_is_due(timer, &members, now, after);
                    self.wheel.recycle(members);
                }
            }
        }
        self.clean();
    }

    /// Ends the leases of one receive that still run. No lease begins meanwhile, so a leased slot
    /// with this timer is of this group, though the number may be in use again.
    fn group_is_due(&mut self, timer: u32, members: &[u32], now: Instant, after: &mut After) {
        for slot in members {
            let found = &self.slab[*slot];
            if found.phase == Phase::Leased && found.timer == timer {
                self.slot_is_due(*slot, now, after);
            }
        }
    }

    fn slot_is_due(&mut self, slot: u32, now: Instant, after: &mut After) {
        self.slab[slot].timer = NONE;
        match self.slab[slot].phase {
            Phase::Leased => {
                self.end_lease(slot, after);
                self.give_back(slot, Duration::ZERO, Previous::Expired, now, after);
            }
            Phase::Delayed if now < self.expires(slot) => self.delay_ended(slot, after),
            Phase::Ready | Phase::Delayed => self.expire_in_place(slot, now, after),
            Phase::Free | Phase::Parked | Phase::Gone => {}
        }
    }

    fn delay_ended(&mut self, slot: u32, after: &mut After) {
        let sequence = self.slab[slot].sequence();
        let was_scheduled = self.unschedule(slot);
        self.set_phase(slot, Phase::Ready);
        if was_scheduled {
            // It arrives now: behind what came before.
            let order = self.sequence.max(sequence);
            if let Some(extra) = self.extra_mut(slot) {
                extra.order = Some(order);
            }
            self.arrive(slot, after);
        } else if self.key_of(slot) == NONE {
            self.come_back(slot, after);
        } else {
            let key = self.key_of(slot);
            self.start_ttl(slot);
            self.offer_key(key, after);
        }
    }

    /// Forgets that a slot is held back by its send, and returns whether it was.
    pub(crate) fn unschedule(&mut self, slot: u32) -> bool {
        if self.slab[slot].attempt != 0 || self.scheduled.is_empty() {
            return false;
        }
        let sequence = self.slab[slot].sequence();
        self.scheduled.remove(&sequence).is_some()
    }

    /// Ends a message that stands among the ready or the delayed ones.
    fn expire_in_place(&mut self, slot: u32, now: Instant, after: &mut After) {
        let was_ready = self.slab[slot].phase == Phase::Ready;
        let was_scheduled = self.unschedule(slot);
        let key = self.key_of(slot);
        let mut is_in_ring = was_ready;
        if let Some(key) = self.keys.get_mut(key).filter(|_| !was_scheduled) {
            let is_first = key.queue.front() == Some(&slot);
            is_in_ring = key.offered == slot;
            if is_in_ring {
                key.offered = NONE;
            }
            if is_first {
                key.queue.pop_front();
            } else {
                key.remove(slot);
            }
        }
        let slot = if is_in_ring {
            self.leave_ring(slot)
        } else {
            slot
        };
        self.expire(slot, now, after);
        if key != NONE {
            self.offer_key(key, after);
        }
    }

    /// Moves a message out of a slot whose number stands in a ring: the number is skipped there.
    fn leave_ring(&mut self, slot: u32) -> u32 {
        let old = &mut self.slab[slot];
        let message = mem::take(&mut old.message);
        let (wall, sequence, attempt) = (old.enqueued_at, old.sequence(), old.attempt);
        let extra = mem::replace(&mut old.extra, NONE);
        old.phase = Phase::Gone;
        self.gone += 1;
        let moved = self.slab.insert(message, wall, sequence);
        let new = &mut self.slab[moved];
        new.attempt = attempt;
        new.extra = extra;
        moved
    }

    /// Drops a message whose time to live is over, or dead-letters it. It stands nowhere.
    pub(crate) fn expire(&mut self, slot: u32, now: Instant, after: &mut After) {
        if self.settings.dead_letter_expired {
            let letter =
                DeadLetter::new(DeadLetter::EXPIRED, "not delivered within its time to live");
            self.bury(slot, letter, now, after);
        } else {
            self.discard(slot, after);
        }
    }

    fn clean(&mut self) {
        let [live, dead] = &self.lanes;
        if self.gone <= live.ready + dead.ready + GONE_BEYOND_READY_MAX {
            return;
        }
        self.clean_rings();
    }

    /// Takes the numbers of messages that are gone out of all rings.
    pub(crate) fn clean_rings(&mut self) {
        let slab = &mut self.slab;
        for lane in &mut self.lanes {
            lane.available.retain(|slot| {
                let is_gone = slab[slot].phase == Phase::Gone;
                if is_gone {
                    slab.remove(slot);
                }
                !is_gone
            });
        }
        self.gone = 0;
    }
}
