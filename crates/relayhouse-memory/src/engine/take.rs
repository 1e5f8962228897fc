//! Receiving: handing ready messages out under a lease.

use std::{collections::VecDeque, time::Duration};

use relayhouse_core::{Delivery, Instant, Lease, MessageId};

use super::{
    After, receipt,
    slab::{Lane, NONE, Phase, Slab},
    state::{State, order_of},
    wheel::Owner,
};

/// Says what one receive takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Take {
    pub(crate) messages_max: usize,
    pub(crate) bytes_max: u64,
    pub(crate) now: Instant,
    pub(crate) lease: Duration,
    pub(crate) nonce: u64,
    /// Chance for a profile that needs it.
    pub(crate) draw: u64,
}

/// Hands the messages of one receive out.
struct Hand<'a> {
    take: Take,
    terms: Terms,
    count: usize,
    bytes: u64,
    into: &'a mut Vec<Delivery>,
}

/// Is what the deliveries of one receive have in common.
#[derive(Clone, Copy)]
struct Terms {
    until: Instant,
    /// The timer of the lease, once there is one; within a session there is none.
    timer: u32,
    nonce: u64,
}

impl<'a> Hand<'a> {
    const fn new(take: Take, until: Instant, into: &'a mut Vec<Delivery>) -> Self {
        Self {
            take,
            terms: Terms {
                until,
                timer: NONE,
                nonce: take.nonce,
            },
            count: 0,
            bytes: 0,
            into,
        }
    }

    /// Marks slots as leased, and brings their messages: the first with the token after `token`.
    ///
    /// This is the one place that makes deliveries, so that each is made where it stays.
    fn lend(&mut self, slab: &mut Slab, slots: &[u32], mut token: u64) {
        let Terms {
            until,
            timer,
            nonce,
        } = self.terms;
        self.into.extend(slots.iter().map(|index| {
            token += 1;
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a generation is the low half of a token: four billion deliveries lie \
                          between two that are alike"
            )]
            let generation = token as u32;
            let slot = &mut slab[*index];
            slot.timer = timer;
            slot.generation = generation;
            slot.attempt = slot.attempt.saturating_add(1);
            slot.phase = Phase::Leased;
            let message = slot.message.clone();
            Delivery {
                id: match &slot.message.id {
                    Some(id) => id.clone(),
                    None => NO_ID,
                },
                message,
                receipt: receipt::make(*index, generation, nonce),
                lease: Lease::new(until, token),
                attempt: slot.attempt,
                previous: slot.previous(),
                sequence: Some(slot.sequence()),
                enqueued_at: slot.enqueued_at,
                envelope: None,
            }
        }));
    }

    /// Lends one slot, and counts it.
    fn lend_one(&mut self, slab: &mut Slab, slot: u32, token: u64) {
        self.count += 1;
        self.bytes += slab[slot].message.size();
        self.lend(slab, &[slot], token);
    }

    /// Counts the first slots of `ring` that need nothing but a lease, as many as there is still
    /// room for.
    #[inline]
    fn count_plain(&mut self, slab: &Slab, ring: &VecDeque<u32>) -> usize {
        let before = self.count;
        for index in ring {
            if self.is_full() {
                break;
            }
            let slot = &slab[*index];
            if !slot.is_plain() {
                break;
            }
            self.count += 1;
            self.bytes += slot.message.size();
        }
        self.count - before
    }

    const fn is_full(&self) -> bool {
        self.take.messages_max <= self.count || self.take.bytes_max <= self.bytes
    }
}

impl State {
    /// Hands out what is ready, within the bounds of `take`, and returns how many.
    pub(crate) fn take(
        &mut self,
        lane: Lane,
        take: Take,
        into: &mut Vec<Delivery>,
        after: &mut After,
    ) -> usize {
        self.sweep(take.now, after);
        let mut hand = Hand::new(take, take.now + take.lease, into);
        if self.is_plain {
            self.hand_out_plain(lane, &mut hand);
        }
        if !hand.is_full() && !self.lanes[lane.index()].available.is_empty() {
            self.hand_out_rest(lane, &mut hand, after);
        }
        let count = hand.count;
        self.shift_to_leased(lane, count);
        if !self.is_plain {
            self.make_ghost(lane, &take, into, count, after);
        }
        count
    }

    /// Hands out what does not, or not at once, go the short way.
    #[inline(never)]
    fn hand_out_rest(&mut self, lane: Lane, hand: &mut Hand<'_>, after: &mut After) {
        let draw = hand.take.draw;
        hand.take = self.within_flight(lane, hand.take);
        // Keys that gave a message to this receive, and may give it a further one.
        let mut again: VecDeque<u32> = VecDeque::new();
        while !hand.is_full() {
            if self.is_plain && self.hand_out_plain(lane, hand) {
                continue;
            }
            let Some(slot) = self.next_ready(lane, draw, &mut again, after) else {
                break;
            };
            self.lease(slot, hand);
            self.hand_out(slot, hand);
        }
    }

    /// Hands out on the short way. Returns false, and does nothing, if there is nothing ready or
    /// the next slot needs more: a key, a timer, a place among those that came back.
    #[inline]
    fn hand_out_plain(&mut self, lane: Lane, hand: &mut Hand<'_>) -> bool {
        match hand.take.messages_max {
            1 => self.hand_out_one(lane, hand),
            _ => self.hand_out_run(lane, hand),
        }
    }

    #[inline]
    fn hand_out_one(&mut self, lane: Lane, hand: &mut Hand<'_>) -> bool {
        let Self {
            lanes,
            slab,
            wheel,
            deliveries,
            ..
        } = self;
        let available = &mut lanes[lane.index()].available;
        let Some(index) = available.pop_fresh_if(|index| slab[index].is_plain()) else {
            return false;
        };
        hand.terms.timer = wheel.lease(hand.take.now, hand.terms.until, Owner::Slot(index));
        hand.lend_one(slab, index, *deliveries);
        *deliveries += 1;
        true
    }

    /// Hands out as many as stand in a row. They are looked at before the first of them is lent,
    /// so that no slot is waited for while another one's message is shared.
    #[inline]
    fn hand_out_run(&mut self, lane: Lane, hand: &mut Hand<'_>) -> bool {
        let Self {
            lanes,
            slab,
            wheel,
            deliveries,
            ..
        } = self;
        let available = &mut lanes[lane.index()].available;
        let run = match available.fresh() {
            Some(ring) => hand.count_plain(slab, ring),
            None => 0,
        };
        if run == 0 {
            return false;
        }
        let terms = &mut hand.terms;
        if terms.timer == NONE {
            terms.timer = wheel.lease_group(hand.take.now, terms.until);
        }
        let count = u32::try_from(run).unwrap_or(u32::MAX);
        let Some(members) = wheel.join_all(terms.timer, count) else {
            return false;
        };
        let first = members.len();
        available.pop_fresh(run, members);
        hand.lend(slab, &members[first..], *deliveries);
        *deliveries += run as u64;
        true
    }

    fn within_flight(&self, lane: Lane, take: Take) -> Take {
        let Some(max) = self.settings.behaviour.in_flight_max else {
            return take;
        };
        let left = max.saturating_sub(self.lanes[lane.index()].leased);
        Take {
            messages_max: take
                .messages_max
                .min(usize::try_from(left).unwrap_or(usize::MAX)),
            ..take
        }
    }

    pub(crate) fn shift_to_leased(&mut self, lane: Lane, count: usize) {
        let lane = self.lane(lane);
        lane.ready -= count as u64;
        lane.leased += count as u64;
    }

    /// Takes the next ready slot out of its place.
    fn next_ready(
        &mut self,
        lane: Lane,
        draw: u64,
        again: &mut VecDeque<u32>,
        after: &mut After,
    ) -> Option<u32> {
        let is_grouped = self.settings.behaviour.is_grouped;
        loop {
            if is_grouped || self.lanes[lane.index()].available.is_empty() {
                if let Some(slot) = self.next_of_key(again) {
                    return Some(slot);
                }
            }
            let window = self.settings.behaviour.reorder;
            let available = &mut self.lanes[lane.index()].available;
            if 1 < window {
                available.shuffle_front(window, draw);
            }
            let (slab, extras) = (&self.slab, &self.extras);
            let slot = available.pop(|slot| order_of(slab, extras, slot))?;
            if self.slab[slot].phase == Phase::Gone {
                self.gone -= 1;
                after.discard(self.slab.remove(slot));
                continue;
            }
            return match self.key_of(slot) {
                NONE => Some(slot),
                key => self.lock_key(key, again),
            };
        }
    }

    /// Takes a further message of a key that this receive has locked: each key in turn.
    fn next_of_key(&mut self, again: &mut VecDeque<u32>) -> Option<u32> {
        while let Some(index) = again.pop_front() {
            let Some(key) = self.keys.get_mut(index) else {
                continue;
            };
            let first = key.queue.front().copied();
            let Some(slot) = first.filter(|slot| self.slab[*slot].phase == Phase::Ready) else {
                continue;
            };
            key.queue.pop_front();
            key.leased += 1;
            if self.settings.behaviour.is_grouped {
                again.push_front(index);
            } else {
                again.push_back(index);
            }
            return Some(slot);
        }
        None
    }

    /// Locks a key whose turn it is, and takes its first message.
    fn lock_key(&mut self, index: u32, again: &mut VecDeque<u32>) -> Option<u32> {
        let key = self.keys.get_mut(index)?;
        key.offered = NONE;
        let slot = key.queue.pop_front()?;
        key.leased += 1;
        if !key.queue.is_empty() {
            again.push_back(index);
        }
        Some(slot)
    }

    /// Makes the timer of a receive's lease, one for all its deliveries.
    fn lease(&mut self, slot: u32, hand: &mut Hand<'_>) {
        let (now, terms) = (hand.take.now, &mut hand.terms);
        if hand.take.messages_max == 1 {
            terms.timer = self.wheel.lease(now, terms.until, Owner::Slot(slot));
            return;
        }
        if terms.timer == NONE {
            terms.timer = self.wheel.lease_group(now, terms.until);
        }
        self.wheel.join(terms.timer, slot);
    }

    /// Hands one slot out under the lease of its receive, or of its session.
    fn hand_out(&mut self, index: u32, hand: &mut Hand<'_>) {
        self.stop_timer(index);
        let extra = self.slab[index].extra;
        let envelope = self
            .extras
            .get(extra)
            .and_then(|extra| extra.envelope.clone());
        let slot = &mut self.slab[index];
        if !self.twins.is_empty() {
            // Copies of one message count their deliveries together.
            if let Some((attempt, _)) = self.twins.get_mut(&slot.sequence()) {
                slot.attempt = slot.attempt.max(*attempt);
                *attempt = slot.attempt.saturating_add(1);
            }
        }
        hand.lend_one(&mut self.slab, index, self.deliveries);
        self.deliveries += 1;
        if let Some(delivery) = hand.into.last_mut() {
            delivery.envelope = envelope;
        }
    }

    /// Hands out what is ready in the session of `key`, whose lease ends at `until`.
    pub(crate) fn take_session(
        &mut self,
        key: u32,
        until: Instant,
        take: Take,
        into: &mut Vec<Delivery>,
    ) -> usize {
        let mut hand = Hand::new(take, until, into);
        while !hand.is_full() {
            let Some(slot) = self.next_of_session(key) else {
                break;
            };
            self.hand_out(slot, &mut hand);
        }
        let count = hand.count;
        self.shift_to_leased(Lane::Live, count);
        count
    }

    fn next_of_session(&mut self, index: u32) -> Option<u32> {
        let key = self.keys.get_mut(index)?;
        let slot = *key.queue.front()?;
        if self.slab[slot].phase != Phase::Ready {
            return None;
        }
        key.queue.pop_front();
        let order = order_of(&self.slab, &self.extras, slot);
        key.session.leased.insert((order, slot));
        Some(slot)
    }

    /// Leaves a duplicate of one of the last `count` deliveries, if the profile does so and
    /// chance has it.
    fn make_ghost(
        &mut self,
        lane: Lane,
        take: &Take,
        into: &[Delivery],
        count: usize,
        after: &mut After,
    ) {
        let share = self.settings.behaviour.duplicates;
        if share <= 0.0 || lane == Lane::Dead {
            return;
        }
        let handed = &into[into.len() - count..];
        let mut draw = take.draw;
        for delivery in handed {
            draw = super::next_draw(draw);
            if !super::is_hit(draw, share) {
                continue;
            }
            let Some((slot, _)) = receipt::read(&delivery.receipt, take.nonce) else {
                continue;
            };
            if self.key_of(slot) == NONE && !self.slab[slot].is_ghost() {
                self.duplicate(slot, take, draw, after);
            }
        }
    }

    /// Puts a copy of a leased message behind its original: at once, or some time within the
    /// lease, when the original may have been acked.
    fn duplicate(&mut self, slot: u32, take: &Take, draw: u64, after: &mut After) {
        let original = &self.slab[slot];
        let (message, wall) = (original.message.clone(), original.enqueued_at);
        let (sequence, attempt, level) = (original.sequence(), original.attempt, original.level());
        let live = self.lane(Lane::Live);
        live.messages += 1;
        live.bytes += message.size();
        live.ready += 1;
        let copy = self.slab.insert(message, wall, sequence);
        self.twins.entry(sequence).or_insert((attempt, 1)).1 += 1;
        let slot = &mut self.slab[copy];
        slot.attempt = attempt;
        slot.set_ghost();
        if let Some(priority) = relayhouse_core::Priority::new(level) {
            slot.set_level(priority);
        }
        if draw & 1 == 0 {
            self.come_back(copy, after);
        } else {
            self.hold_back(copy, take.now + take.lease / 2);
        }
    }
}

/// Every message has an id since its send; this one would show that it had not.
const NO_ID: MessageId = MessageId::from_bytes([0; 16]);
