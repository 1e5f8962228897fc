//! Settling on one queue and sending to another, or to a topic, under all their locks.

use std::sync::{Arc, MutexGuard};

use relayhouse_core::{Operation, Outcome, Result, Sending, Sent, Settlement, Settling, Text};

use super::{
    After, Lane, Queue, lock,
    send::answer_duplicate,
    state::{Moment, State},
    topic::TopicState,
};
use crate::{config::Full, error, namespace::Target};

/// Settles every item of `settle` on `from` and sends every item of `send` to `target`, or
/// changes nothing and returns why.
///
/// The lock of a topic is taken before those of queues, and those by the queues' numbers. A full
/// target fails it: waiting for room would hold leases that run out.
pub(crate) fn settle_and_send(
    from: &Arc<Queue>,
    lane: Lane,
    settle: &mut [Settling],
    target: &Target,
    send: &mut [Sending],
) -> Result<()> {
    let mut topic = match target {
        Target::Queue(_) => None,
        Target::Topic(topic) => Some(topic.lock()),
    };
    let targets = match (&topic, target) {
        (Some(topic), _) => topic.subscriptions(),
        (None, Target::Queue(queue)) => vec![Arc::clone(queue)],
        (None, Target::Topic(_)) => Vec::new(),
    };
    let mut queues = targets.clone();
    queues.push(Arc::clone(from));
    queues.sort_by_key(|queue| queue.number);
    queues.dedup_by_key(|queue| queue.number);
    let moment = from.moment();
    let mut all = All {
        states: queues.iter().map(|queue| lock(&queue.state)).collect(),
        afters: queues.iter().map(|_| After::default()).collect(),
        moment,
    };
    let at = |queue: &Arc<Queue>| queues.iter().position(|other| other.number == queue.number);
    let from_at = at(from).unwrap_or(0);
    let target_at: Vec<usize> = targets.iter().filter_map(at).collect();
    for (state, after) in all.states.iter_mut().zip(&mut all.afters) {
        state.sweep(moment.now, after);
    }
    let done = all
        .check_settle(from, from_at, lane, settle)
        .and_then(|slots| {
            all.check_send(target, from_at, lane, &target_at, settle, send)?;
            all.settle(from_at, &slots, settle);
            all.send(topic.as_deref_mut(), target, &target_at, send);
            Ok(())
        });
    let All { states, afters, .. } = all;
    drop(states);
    drop(topic);
    for (queue, mut after) in queues.iter().zip(afters) {
        queue.finish(&mut after);
        // What is due now may be earlier than the alarm.
        queue.run(|_, _| ());
    }
    done
}

/// Holds the locks of every queue that takes part.
struct All<'a> {
    states: Vec<MutexGuard<'a, State>>,
    afters: Vec<After>,
    moment: Moment,
}

impl All<'_> {
    /// Returns the slots to settle, if every one can be settled.
    fn check_settle(
        &self,
        from: &Queue,
        at: usize,
        lane: Lane,
        settle: &[Settling],
    ) -> Result<Vec<u32>> {
        let state = &self.states[at];
        let mut slots = Vec::with_capacity(settle.len());
        let (mut dead, mut dead_bytes) = (0, 0);
        for item in settle {
            let receipt = &item.delivery.receipt;
            let slot = state
                .find(receipt, from.nonce, lane, self.moment.now)
                .filter(|slot| !slots.contains(slot))
                .ok_or_else(|| error::lease_lost(Operation::Settle))?;
            if let Some(refusal) = state.refusal(slot, &item.settlement) {
                return Err(error::refused(refusal));
            }
            if matches!(item.settlement, Settlement::DeadLetter(_)) {
                dead += 1;
                dead_bytes += state.slab[slot].message.size();
            }
            slots.push(slot);
        }
        if 0 < dead && !state.has_room_of(Lane::Dead, dead, dead_bytes) {
            return Err(error::refused(super::Refusal::DeadLettersFull));
        }
        Ok(slots)
    }

    /// Checks that every message has room, with what the settlements free on the same queue.
    fn check_send(
        &self,
        target: &Target,
        from_at: usize,
        lane: Lane,
        target_at: &[usize],
        settle: &[Settling],
        send: &[Sending],
    ) -> Result<()> {
        let freed = settle.iter().filter(|item| {
            lane == Lane::Live && !matches!(item.settlement, Settlement::Release { .. })
        });
        let freed = freed.fold((0, 0), |(count, bytes), item| {
            (count + 1, bytes + item.delivery.message.size())
        });
        let name = || match target {
            Target::Queue(queue) => queue.name(Lane::Live),
            Target::Topic(topic) => Text::from(topic.name()),
        };
        let (count, bytes) = send.iter().fold((0_u64, 0_u64), |(count, bytes), item| {
            (count + 1, bytes + item.message.size())
        });
        for at in target_at {
            let state = &self.states[*at];
            if state.is_deleted {
                return Err(error::deleted(name(), Operation::Send));
            }
            let (less, less_bytes) = if *at == from_at { freed } else { (0, 0) };
            let has_room = state.has_room_of(
                Lane::Live,
                count.saturating_sub(less),
                bytes.saturating_sub(less_bytes),
            );
            if !has_room {
                return Err(error::full(name(), Full::Fail));
            }
        }
        Ok(())
    }

    fn settle(&mut self, at: usize, slots: &[u32], settle: &mut [Settling]) {
        let (state, after) = (&mut self.states[at], &mut self.afters[at]);
        state.anchor = self.moment;
        for (slot, item) in slots.iter().zip(settle) {
            state.settle(*slot, &item.settlement, self.moment.now, after);
            item.outcome = Outcome::Done(());
        }
    }

    fn send(
        &mut self,
        topic: Option<&mut TopicState>,
        target: &Target,
        target_at: &[usize],
        send: &mut [Sending],
    ) {
        if let (Some(state), Target::Topic(topic)) = (topic, target) {
            self.fan_out(state, topic.settings.dedup_window, target_at, send);
            return;
        }
        for at in target_at {
            for item in &mut *send {
                self.states[*at].push_item(item, self.moment, &mut self.afters[*at]);
            }
        }
    }

    fn fan_out(
        &mut self,
        topic: &mut TopicState,
        window: std::time::Duration,
        target_at: &[usize],
        send: &mut [Sending],
    ) {
        for item in send {
            let known = topic.number(item, self.moment.now, window);
            let sequence = match known {
                Ok(sequence) => sequence,
                Err(first) => {
                    answer_duplicate(item, first, &mut self.afters[0]);
                    continue;
                }
            };
            let message = item.done(Sent {
                id: item.message.id.clone(),
                sequence: Some(sequence),
                deduplicated: false,
            });
            for at in target_at {
                let after = &mut self.afters[*at];
                self.states[*at].push_as(message.clone(), sequence, self.moment, after);
            }
            self.afters[0].discard(message);
        }
    }
}
