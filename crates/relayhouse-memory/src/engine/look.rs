//! Administration under the lock: counting, peeking, cancelling, purging, deleting.

use std::{collections::BinaryHeap, mem, sync::Arc};

use relayhouse_core::{Delivery, Instant, Lease, Receipt, port::Stats};

use super::{
    After, Garbage, receipt,
    slab::{Lane, NONE, Phase},
    state::{Moment, State, order_of},
};

impl State {
    /// Counts the messages of a lane.
    pub(crate) fn stats(&self, lane: Lane, moment: Moment) -> Stats {
        let counts = &self.lanes[lane.index()];
        let dead = match lane {
            Lane::Live => self.lanes[1].messages,
            Lane::Dead => 0,
        };
        let (slab, extras) = (&self.slab, &self.extras);
        let fronts = counts
            .available
            .fronts(|slot| order_of(slab, extras, slot))
            .chain(self.session_fronts(lane));
        let oldest = fronts.map(|slot| self.slab[slot].enqueued_at).min();
        Stats {
            ready: counts.ready,
            leased: Some(counts.leased),
            delayed: counts.delayed,
            dead,
            bytes: Some(counts.bytes),
            oldest_age: oldest.map(|oldest| moment.wall.since(oldest)),
            is_approximate: false,
            cost: None,
        }
    }

    /// Returns the first message of each session that can be received.
    fn session_fronts(&self, lane: Lane) -> impl Iterator<Item = u32> {
        let has_sessions = self.settings.requires_sessions && lane == Lane::Live;
        let keys = self.keys.iter().filter(move |_| has_sessions);
        let fronts = keys.filter_map(|(_, key)| key.queue.front().copied());
        fronts.filter(|slot| self.slab[*slot].phase == Phase::Ready)
    }

    /// Notes the messages of a range of slots for a peek, and keeps the first `max` of them.
    pub(crate) fn note(
        &self,
        lane: Lane,
        slots: std::ops::Range<u32>,
        from: u64,
        max: usize,
        noted: &mut BinaryHeap<(u64, u32)>,
    ) {
        for index in slots {
            let Some(slot) = self.slab.get(index) else {
                return;
            };
            let is_there = !matches!(slot.phase, Phase::Free | Phase::Gone) && slot.lane() == lane;
            if is_there && from <= slot.sequence() && !slot.is_ghost() {
                noted.push((slot.sequence(), index));
                if max < noted.len() {
                    noted.pop();
                }
            }
        }
    }

    /// Shows a message that was noted, if it is still there and worth delivering.
    pub(crate) fn show(&self, sequence: u64, index: u32, now: Instant) -> Option<Delivery> {
        let slot = self.slab.get(index)?;
        let is_there = !matches!(slot.phase, Phase::Free | Phase::Gone)
            && slot.sequence() == sequence
            && now < self.expires(index);
        if !is_there {
            return None;
        }
        Some(Delivery {
            id: slot.message.id.clone()?,
            message: slot.message.clone(),
            receipt: Receipt::from_bytes([0; 16]),
            lease: Lease::new(Instant::START, 0),
            attempt: slot.attempt,
            previous: slot.previous(),
            sequence: Some(sequence),
            enqueued_at: slot.enqueued_at,
            envelope: self.extra(index).and_then(|extra| extra.envelope.clone()),
        })
    }

    /// Cancels a message that its send holds back; returns false if there is none.
    pub(crate) fn cancel(&mut self, sequence: u64, after: &mut After) -> bool {
        let Some(slot) = self.scheduled.remove(&sequence) else {
            return false;
        };
        self.stop_timer(slot);
        self.discard(slot, after);
        true
    }

    /// Removes all messages of a lane that nobody has leased, and returns how many.
    pub(crate) fn purge(&mut self, lane: Lane, after: &mut After) -> u64 {
        self.clean_rings();
        self.lane(lane).available.retain(|_| false);
        if lane == Lane::Live {
            self.scheduled.clear();
            self.parked.clear();
            for (_, key) in self.keys.iter_mut() {
                key.queue.clear();
                key.offered = NONE;
            }
        }
        let mut count = 0;
        for slot in 0..self.slab.len() {
            let found = &self.slab[slot];
            let is_held = matches!(found.phase, Phase::Free | Phase::Leased | Phase::Gone);
            if !is_held && found.lane() == lane {
                self.stop_timer(slot);
                self.discard(slot, after);
                count += 1;
            }
        }
        count
    }

    /// Ends the queue: everything is gone, and everybody that waits hears of it.
    pub(crate) fn delete(&mut self, anchor: Moment, nonce: u64, after: &mut After) {
        let leased = (0..self.slab.len()).filter_map(|index| {
            let slot = &self.slab[index];
            let is_leased = slot.phase == Phase::Leased;
            is_leased.then(|| receipt::make(index, slot.generation, nonce))
        });
        let leased: Arc<[Receipt]> = leased.collect();
        let mut empty = Self::new(self.settings.clone(), anchor);
        empty.is_deleted = true;
        empty.alarm_number = self.alarm_number + 1;
        let mut old = mem::replace(self, empty);
        for lane in &mut old.lanes {
            lane.line.call_all(&mut after.wakes);
        }
        for (_, key) in old.keys.iter_mut() {
            key.session.line.call_all(&mut after.wakes);
            key.session.claimants.call_all(&mut after.wakes);
        }
        old.sessions.line.call_all(&mut after.wakes);
        old.gate.call_all(&mut after.wakes);
        old.lost.line.call_all(&mut after.wakes);
        self.lost.receipts = (!leased.is_empty()).then_some(leased);
        after.made_room = true;
        after.discard_rare(Garbage::State(Box::new(old)));
    }

    /// Returns true if somebody waits whom time could serve.
    pub(crate) fn has_waiters(&self) -> bool {
        !self.lanes[0].line.is_empty()
            || !self.lanes[1].line.is_empty()
            || !self.gate.is_empty()
            || 0 < self.sessions.waiting
    }

    /// Wakes one of those that wait, to set the alarm.
    pub(crate) fn nudge(&self, after: &mut After) {
        let wakes = &mut after.wakes;
        let is_done = self.lanes.iter().any(|lane| lane.line.nudge(wakes))
            || self.gate.nudge(wakes)
            || self.sessions.line.nudge(wakes);
        if !is_done && self.settings.requires_sessions {
            let _ = self.keys.iter().any(|(_, key)| {
                key.session.line.nudge(wakes) || key.session.claimants.nudge(wakes)
            });
        }
    }
}

/// Turns what was noted into the order of sequence numbers.
pub(crate) fn in_order(noted: BinaryHeap<(u64, u32)>) -> impl Iterator<Item = (u64, u32)> {
    noted.into_sorted_vec().into_iter()
}
