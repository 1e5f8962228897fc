//! The state of one queue under its lock: where messages stand, and how they come in.

use std::{
    collections::{HashMap, VecDeque},
    mem,
};

use relayhouse_core::{Details, Instant, Message, Priority, Receipt, Text, Timestamp};

use super::{
    After, Garbage, Settings,
    dedup::Dedup,
    extra::{Extra, Extras},
    gate::Gate,
    key::Keys,
    lost::Lost,
    ready::Ready,
    session::SessionLine,
    slab::{Lane, NONE, Phase, Slab},
    waiters::Line,
    wheel::{Owner, Wheel},
};

/// Holds everything of one queue and its dead-letter queue.
///
/// A slot stands in one place at a time, by its phase: ready ones in the ready set of their lane
/// or in the queue of their key, leased and delayed ones behind their timer.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) settings: Settings,
    /// True if the queue behaves as no profile makes it, so that plain messages go a short way.
    pub(crate) is_plain: bool,
    pub(crate) slab: Slab,
    pub(crate) wheel: Wheel,
    pub(crate) lanes: [LaneState; 2],
    pub(crate) extras: Extras,
    pub(crate) keys: Keys,
    pub(crate) sessions: SessionLine,
    pub(crate) dedup: Dedup,
    /// The messages that their send holds back, by sequence number.
    pub(crate) scheduled: HashMap<u64, u32>,
    /// The messages that go to the dead letters once there is room.
    pub(crate) parked: VecDeque<u32>,
    /// The last sequence number.
    pub(crate) sequence: u64,
    /// The deliveries so far, of all messages: the last fencing token.
    pub(crate) deliveries: u64,
    /// The attempts of messages that a profile has duplicated, and how many copies there are, by
    /// sequence number.
    pub(crate) twins: HashMap<u64, (u32, u32)>,
    /// The slots in the rings whose message is gone.
    pub(crate) gone: u64,
    /// The senders that wait for room.
    pub(crate) gate: Gate,
    pub(crate) lost: Lost,
    /// The wall-clock time at one instant, from which that of another is told.
    pub(crate) anchor: Moment,
    pub(crate) is_deleted: bool,
    /// When the alarm of the queue goes off, if it is set.
    pub(crate) alarm: Instant,
    pub(crate) alarm_number: u64,
    /// True while one that waits was woken to set the alarm and has not looked yet.
    pub(crate) is_nudged: bool,
    /// True if the alarm has rung and nobody has looked at it since.
    pub(crate) has_rung: bool,
}

/// Holds the ready messages, the waiting receivers and the counts of a queue or of its dead
/// letters.
#[derive(Debug)]
pub(crate) struct LaneState {
    pub(crate) available: Ready,
    pub(crate) line: Line,
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    pub(crate) ready: u64,
    pub(crate) leased: u64,
    pub(crate) delayed: u64,
}

/// The time of a call, read once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) now: Instant,
    pub(crate) wall: Timestamp,
}

impl LaneState {
    fn new() -> Self {
        Self {
            available: Ready::new(),
            line: Line::default(),
            messages: 0,
            bytes: 0,
            ready: 0,
            leased: 0,
            delayed: 0,
        }
    }

    pub(crate) fn count(&mut self, phase: Phase) -> &mut u64 {
        match phase {
            Phase::Ready => &mut self.ready,
            Phase::Leased => &mut self.leased,
            Phase::Delayed | Phase::Parked | Phase::Free | Phase::Gone => &mut self.delayed,
        }
    }

    fn has_room(&self, bytes: u64, settings: &Settings) -> bool {
        self.messages < settings.messages_max && self.bytes + bytes <= settings.bytes_max
    }
}

impl State {
    pub(crate) fn new(settings: Settings, anchor: Moment) -> Self {
        Self {
            is_plain: settings.behaviour.is_plain(),
            settings,
            slab: Slab::new(),
            wheel: Wheel::new(anchor.now),
            lanes: [LaneState::new(), LaneState::new()],
            extras: Extras::default(),
            keys: Keys::default(),
            sessions: SessionLine::default(),
            dedup: Dedup::default(),
            scheduled: HashMap::new(),
            parked: VecDeque::new(),
            sequence: 0,
            deliveries: 0,
            twins: HashMap::new(),
            gone: 0,
            gate: Gate::default(),
            lost: Lost::default(),
            anchor,
            is_deleted: false,
            alarm: Instant::NEVER,
            alarm_number: 0,
            is_nudged: false,
            has_rung: false,
        }
    }

    pub(crate) fn wall(&self, now: Instant) -> Timestamp {
        self.anchor.wall + now.since(self.anchor.now)
    }

    pub(crate) fn lane(&mut self, lane: Lane) -> &mut LaneState {
        &mut self.lanes[lane.index()]
    }

    /// Returns true if a message of `bytes` can come in.
    pub(crate) fn has_room(&self, lane: Lane, bytes: u64) -> bool {
        self.lanes[lane.index()].has_room(bytes, &self.settings) && self.slab.has_room()
    }

    /// Returns true if `count` messages of `bytes` together can come in.
    pub(crate) fn has_room_of(&self, lane: Lane, count: u64, bytes: u64) -> bool {
        let lane = &self.lanes[lane.index()];
        lane.messages + count <= self.settings.messages_max
            && lane.bytes + bytes <= self.settings.bytes_max
            && self.slab.has_room()
    }

    /// Wakes everybody that waits, without calling anybody.
    pub(crate) fn stir(&self, after: &mut After) {
        let wakes = &mut after.wakes;
        for lane in &self.lanes {
            lane.line.nudge_all(wakes);
        }
        self.gate.nudge_all(wakes);
        self.sessions.line.nudge_all(wakes);
        for (_, key) in self.keys.iter() {
            key.session.line.nudge_all(wakes);
            key.session.claimants.nudge_all(wakes);
        }
    }

    /// Takes a message in, and returns its sequence number.
    pub(crate) fn push(&mut self, message: Message, moment: Moment, after: &mut After) -> u64 {
        self.sequence += 1;
        self.push_as(message, self.sequence, moment, after)
    }

    /// Takes a message in under a number that the caller counts.
    pub(crate) fn push_as(
        &mut self,
        message: Message,
        sequence: u64,
        moment: Moment,
        after: &mut After,
    ) -> u64 {
        let is_plain = message.is_plain() && self.settings.ttl.is_none();
        let live = &mut self.lanes[0];
        live.messages += 1;
        live.bytes += message.size();
        live.ready += 1;
        self.sequence = self.sequence.max(sequence);
        let slot = self.slab.insert(message, moment.wall, sequence);
        if is_plain {
            let level = self.slab[slot].level();
            live.available.push(level, slot);
            live.line.call(1, &mut after.wakes);
        } else {
            self.push_detailed(slot, moment, after);
        }
        sequence
    }

    fn push_detailed(&mut self, slot: u32, moment: Moment, after: &mut After) {
        let details = self.slab[slot].message.details();
        let (priority, key) = (self.priority_of(details), self.key_name_of(details));
        let delay = details
            .not_before
            .map_or(std::time::Duration::ZERO, |time| time.delay(moment.wall));
        let ttl = details.ttl.or(self.settings.ttl);
        self.slab[slot].set_level(priority);
        let is_delayed = !delay.is_zero();
        if key.is_some() || ttl.is_some() || is_delayed {
            let extra = Extra {
                key: key.map_or(NONE, |key| self.join_key(&key)),
                expires: ttl.map_or(Instant::NEVER, |ttl| moment.now + ttl),
                ..Extra::default()
            };
            self.slab[slot].extra = self.extras.insert(extra);
        }
        if is_delayed {
            self.hold_back(slot, moment.now + delay);
            self.scheduled.insert(self.slab[slot].sequence(), slot);
        } else {
            self.arrive(slot, after);
        }
    }

    /// Returns the priority of a message, where the profile has priorities.
    pub(crate) fn priority_of(&self, details: &Details) -> Priority {
        match self.settings.behaviour.has_priorities {
            true => details.priority,
            false => Priority::DEFAULT,
        }
    }

    /// Returns the ordering key of a message, where the profile keeps order by key.
    pub(crate) fn key_name_of(&self, details: &Details) -> Option<Text> {
        let key = details.ordering_key.clone();
        key.filter(|_| self.settings.behaviour.has_keys)
    }

    pub(crate) fn join_key(&mut self, name: &Text) -> u32 {
        let key = self.keys.intern(name);
        if let Some(key) = self.keys.get_mut(key) {
            key.members += 1;
        }
        key
    }

    /// Makes a ready slot receivable behind all others.
    pub(crate) fn arrive(&mut self, slot: u32, after: &mut After) {
        self.start_ttl(slot);
        let key = self.key_of(slot);
        if key == NONE {
            let (lane, level) = (self.slab[slot].lane(), self.slab[slot].level());
            let lane = self.lane(lane);
            lane.available.push(level, slot);
            lane.line.call(1, &mut after.wakes);
            return;
        }
        let Some(found) = self.keys.get_mut(key) else {
            return;
        };
        found.queue.push_back(slot);
        if self.settings.requires_sessions {
            self.offer_session(key, after);
        } else if found.leased == 0 && found.queue.len() == 1 {
            found.offered = slot;
            let level = self.slab[slot].level();
            self.lanes[0].available.push(level, slot);
            self.lanes[0].line.call(1, &mut after.wakes);
        }
    }

    /// Makes a ready slot receivable in its first place.
    pub(crate) fn come_back(&mut self, slot: u32, after: &mut After) {
        self.start_ttl(slot);
        let key = self.key_of(slot);
        if key == NONE {
            self.offer(slot, after);
            return;
        }
        self.insert_in_key(key, slot);
        self.offer_key(key, after);
    }

    /// Puts an unkeyed slot, or the first of a key, among the available ones.
    pub(crate) fn offer(&mut self, slot: u32, after: &mut After) {
        let order = self.order_of(slot);
        let (lane, level) = (self.slab[slot].lane(), self.slab[slot].level());
        let lane = self.lane(lane);
        lane.available.push_back_in(level, order, slot);
        lane.line.call(1, &mut after.wakes);
    }

    pub(crate) fn insert_in_key(&mut self, key: u32, slot: u32) {
        let (slab, extras) = (&self.slab, &self.extras);
        if let Some(key) = self.keys.get_mut(key) {
            key.insert(slot, |slot| order_of(slab, extras, slot));
        }
    }

    /// Makes the first message of a key receivable, if the key is not locked.
    pub(crate) fn offer_key(&mut self, key: u32, after: &mut After) {
        if self.settings.requires_sessions {
            self.offer_session(key, after);
            return;
        }
        let Some(found) = self.keys.get_mut(key) else {
            return;
        };
        if 0 < found.leased || found.offered != NONE {
            return;
        }
        let first = found.queue.front().copied();
        let Some(slot) = first.filter(|slot| self.slab[*slot].phase == Phase::Ready) else {
            return;
        };
        found.offered = slot;
        self.offer(slot, after);
    }

    /// Holds a slot back until `until`, or until it expires.
    pub(crate) fn hold_back(&mut self, slot: u32, until: Instant) {
        let due = until.min(self.expires(slot));
        self.slab[slot].timer = self.wheel.add(due, Owner::Slot(slot));
        self.set_phase(slot, Phase::Delayed);
    }

    pub(crate) fn start_ttl(&mut self, slot: u32) {
        let expires = self.expires(slot);
        if expires != Instant::NEVER {
            self.slab[slot].timer = self.wheel.add(expires, Owner::Slot(slot));
        }
    }

    #[inline]
    pub(crate) fn stop_timer(&mut self, slot: u32) {
        let timer = mem::replace(&mut self.slab[slot].timer, NONE);
        if timer != NONE {
            self.wheel.cancel(timer);
        }
    }

    pub(crate) fn set_phase(&mut self, slot: u32, phase: Phase) {
        let from = mem::replace(&mut self.slab[slot].phase, phase);
        let lane = self.slab[slot].lane();
        let lane = self.lane(lane);
        *lane.count(from) -= 1;
        *lane.count(phase) += 1;
    }

    pub(crate) fn extra(&self, slot: u32) -> Option<&Extra> {
        match self.slab[slot].extra {
            NONE => None,
            extra => self.extras.get(extra),
        }
    }

    /// Returns the extra of a slot to change, and adds one if there is none.
    pub(crate) fn extra_mut(&mut self, slot: u32) -> Option<&mut Extra> {
        if self.slab[slot].extra == NONE {
            self.slab[slot].extra = self.extras.insert(Extra::default());
        }
        self.extras.get_mut(self.slab[slot].extra)
    }

    pub(crate) fn key_of(&self, slot: u32) -> u32 {
        self.extra(slot).map_or(NONE, |extra| extra.key)
    }

    pub(crate) fn expires(&self, slot: u32) -> Instant {
        self.extra(slot)
            .map_or(Instant::NEVER, |extra| extra.expires)
    }

    pub(crate) fn order_of(&self, slot: u32) -> u64 {
        order_of(&self.slab, &self.extras, slot)
    }

    /// Returns the slot whose lease `receipt` proves, if that lease has not ended by `now`.
    #[inline]
    pub(crate) fn find(
        &self,
        receipt: &Receipt,
        nonce: u64,
        lane: Lane,
        now: Instant,
    ) -> Option<u32> {
        let (index, generation) = super::receipt::read(receipt, nonce)?;
        let slot = self.slab.get(index)?;
        let is_its =
            slot.phase == Phase::Leased && slot.generation == generation && slot.lane() == lane;
        if !is_its {
            return None;
        }
        let until = match slot.timer {
            NONE => self.session_until(index),
            timer => self.wheel.due(timer),
        };
        (now < until).then_some(index)
    }

    /// Takes a slot out for good: its message is dropped after the lock.
    ///
    /// It stands in no ring, no key and behind no timer any more.
    pub(crate) fn discard(&mut self, slot: u32, after: &mut After) {
        let (phase, lane, extra) = {
            let slot = &self.slab[slot];
            (slot.phase, slot.lane(), slot.extra)
        };
        self.forget_twin(slot);
        let message = self.slab.remove(slot);
        let counts = self.lane(lane);
        *counts.count(phase) -= 1;
        counts.messages -= 1;
        counts.bytes -= message.size();
        after.discard(message);
        self.give_memory_back(after);
        if extra != NONE {
            self.drop_extra(extra, after);
        }
        self.made_room(lane, after);
    }

    /// Lets the memory of an empty queue go that was once a long one.
    pub(crate) fn give_memory_back(&mut self, after: &mut After) {
        if let Some(chunks) = self.slab.shrink() {
            after.discard_rare(Garbage::Chunks(chunks));
        }
    }

    /// Counts one copy less of a message that may have been duplicated.
    pub(crate) fn forget_twin(&mut self, slot: u32) {
        if self.twins.is_empty() || self.slab[slot].lane() == Lane::Dead {
            return;
        }
        let sequence = self.slab[slot].sequence();
        if let Some((_, copies)) = self.twins.get_mut(&sequence) {
            *copies -= 1;
            if *copies == 0 {
                self.twins.remove(&sequence);
            }
        }
    }

    fn drop_extra(&mut self, extra: u32, after: &mut After) {
        let Some(extra) = self.extras.remove(extra) else {
            return;
        };
        self.leave_key(extra.key);
        if let Some(envelope) = extra.envelope {
            after.discard_rare(Garbage::Envelope(envelope));
        }
    }

    pub(crate) fn leave_key(&mut self, index: u32) {
        if let Some(key) = self.keys.get_mut(index) {
            key.members -= 1;
            self.keys.tidy(index);
        }
    }

    /// Lets in who waits for the room that was just made.
    pub(crate) fn made_room(&mut self, lane: Lane, after: &mut After) {
        match lane {
            Lane::Live => {
                after.made_room = true;
                self.gate.open(&mut after.wakes);
            }
            Lane::Dead => self.unpark(after),
        }
    }
}

pub(crate) fn order_of(slab: &Slab, extras: &Extras, slot: u32) -> u64 {
    let slot = &slab[slot];
    let own = match slot.extra {
        NONE => None,
        extra => extras.get(extra).and_then(|extra| extra.order),
    };
    own.unwrap_or_else(|| slot.sequence())
}
