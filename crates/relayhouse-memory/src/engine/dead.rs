//! Dead letters: how messages get there, wait for room there, and come back.

use std::sync::Arc;

use relayhouse_core::{DeadLetter, Envelope, Instant, Previous, Priority};

use super::{
    After,
    extra::Extra,
    slab::{Lane, NONE, Phase},
    state::State,
};

impl State {
    /// Makes a slot that stands nowhere a dead letter; parks it while there is no room.
    pub(crate) fn bury(&mut self, slot: u32, letter: DeadLetter, now: Instant, after: &mut After) {
        let envelope = Arc::new(Envelope {
            dead_letter: letter,
            source: self.settings.source.clone(),
            attempts: self.slab[slot].attempt,
            enqueued_at: self.slab[slot].enqueued_at,
            dead_lettered_at: self.wall(now),
        });
        self.forget_twin(slot);
        let key = self.key_of(slot);
        if let Some(extra) = self.extra_mut(slot) {
            *extra = Extra {
                envelope: Some(envelope),
                order: extra.order,
                ..Extra::default()
            };
        }
        self.leave_key(key);
        if self.has_room(Lane::Dead, self.slab[slot].message.size()) {
            self.lay_down(slot, after);
        } else {
            self.set_phase(slot, Phase::Parked);
            self.parked.push_back(slot);
        }
    }

    /// Moves a slot from the live lane to the dead one.
    fn lay_down(&mut self, index: u32, after: &mut After) {
        self.set_phase(index, Phase::Ready);
        self.change_lane(index, Lane::Dead);
        let slot = &mut self.slab[index];
        slot.attempt = 0;
        slot.set_previous(Previous::None);
        slot.set_level(Priority::DEFAULT);
        let dead = self.lane(Lane::Dead);
        dead.available.push(Priority::DEFAULT.level(), index);
        dead.line.call(1, &mut after.wakes);
        self.made_room(Lane::Live, after);
    }

    fn change_lane(&mut self, index: u32, to: Lane) {
        let slot = &mut self.slab[index];
        let (from, phase, bytes) = (slot.lane(), slot.phase, slot.message.size());
        slot.set_lane(to);
        let lane = self.lane(from);
        *lane.count(phase) -= 1;
        lane.messages -= 1;
        lane.bytes -= bytes;
        let lane = self.lane(to);
        *lane.count(phase) += 1;
        lane.messages += 1;
        lane.bytes += bytes;
    }

    /// Moves what waits for room among the dead letters, oldest first.
    pub(crate) fn unpark(&mut self, after: &mut After) {
        while let Some(slot) = self.parked.front().copied() {
            if !self.has_room(Lane::Dead, self.slab[slot].message.size()) {
                return;
            }
            self.parked.pop_front();
            self.lay_down(slot, after);
        }
    }

    /// Sends up to `max` dead letters back, the first dead-lettered first, and returns how many.
    ///
    /// They stand before what came later, in the order of their first send. Those that a receiver
    /// has leased stay, and so does what the queue has no room for.
    pub(crate) fn redrive(&mut self, max: u64, now: Instant, after: &mut After) -> u64 {
        let mut count = 0;
        while count < max {
            let (slab, extras) = (&self.slab, &self.extras);
            let order = |slot| super::state::order_of(slab, extras, slot);
            let next = self.lanes[1].available.pop(order);
            let Some(slot) = next else {
                break;
            };
            if !self.has_room(Lane::Live, self.slab[slot].message.size()) {
                self.offer(slot, after);
                break;
            }
            self.rise(slot, now, after);
            count += 1;
        }
        if 0 < count {
            self.unpark(after);
        }
        count
    }

    fn rise(&mut self, index: u32, now: Instant, after: &mut After) {
        self.change_lane(index, Lane::Live);
        let details = self.slab[index].message.details();
        let (key, priority) = (self.key_name_of(details), self.priority_of(details));
        let ttl = details.ttl;
        let slot = &mut self.slab[index];
        slot.attempt = 0;
        slot.set_previous(Previous::None);
        slot.set_level(priority);
        let key = key.map_or(NONE, |key| self.join_key(&key));
        let ttl = ttl.or(self.settings.ttl);
        if let Some(extra) = self.extra_mut(index) {
            extra.envelope = None;
            extra.key = key;
            extra.expires = ttl.map_or(Instant::NEVER, |ttl| now + ttl);
        }
        self.come_back(index, after);
    }
}
