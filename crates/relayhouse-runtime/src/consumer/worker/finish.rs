//! From a handler's answer to a settlement.

use std::time::Duration;

use relayhouse_core::{
    DeadLetter, Delivery, Error, ErrorKind, Event, Result, Settlement, Settling,
};

use super::{Entry, Mode, Worker};
use crate::{config::Order, consumer::report::add};

impl<M: Mode> Worker<M> {
    /// Settles each delivery of a unit by its answer, or cuts the unit in two.
    pub(super) fn finish_unit(&mut self, unit: M::Unit, answer: Result<M::Answer>, took: Duration) {
        if let Err(error) = &answer {
            let is_panic = error.kind() == ErrorKind::Panicked;
            add(&self.shared.counts.panicked, u64::from(is_panic));
        }
        let halves = M::finish(unit, answer, &mut |entry, result| {
            self.buffer.ended(&entry);
            self.decide(entry, result, took);
        });
        for half in halves.into_iter().flatten().rev() {
            self.count(&half);
            self.again.push_front(half);
        }
    }

    fn decide(&mut self, entry: Entry, result: Result<Settlement>, took: Duration) {
        let source = &self.shared.source;
        self.shared.observe_one(self.now, || Event::Handled {
            source,
            delivery: &entry.delivery,
            took,
            lease_left: self.lease_left(&entry),
            result: result.as_ref(),
        });
        let delivery = entry.delivery;
        let settlement = match result {
            Ok(settlement) => settlement,
            Err(error) => {
                add(&self.shared.counts.failed, 1);
                self.punish(&delivery, &error)
            }
        };
        self.settle(delivery, settlement);
    }

    pub(super) fn punish(&self, delivery: &Delivery, error: &Error) -> Settlement {
        let policy = &self.shared.config.failure;
        policy.decide(error, delivery.attempt, &*self.shared.context.random)
    }

    /// Puts a settlement on its way. A release takes what is buffered behind it of the same key,
    /// or session, along.
    pub(super) fn settle(&mut self, delivery: Delivery, settlement: Settlement) {
        let settlement = self.settler.fit(settlement);
        let key = self.buffer.key(&delivery);
        let is_release = matches!(settlement, Settlement::Release { .. });
        let is_next_free = !self.holds_next(&settlement);
        self.settler.push(Settling::new(delivery, settlement));
        if !is_release {
            if let Some(key) = key.filter(|_| is_next_free) {
                self.buffer.finish(&key);
            }
            return;
        }
        // What a session brings from here on would overtake it.
        self.is_closing |= self.session.is_some();
        let behind = match key {
            Some(key) => self.buffer.take_key(&key).into(),
            None if self.session.is_some() => self.buffer.drain(),
            None => Vec::new(),
        };
        for entry in behind {
            self.settler
                .push(Settling::new(entry.delivery, Settlement::RELEASE));
        }
    }

    /// Gives a delivery back that has not started.
    pub(super) fn release(&mut self, entry: Entry) {
        self.settle(entry.delivery, Settlement::RELEASE);
    }

    /// Dead-letters a delivery whose attempts were used up before it came: its consumers crashed,
    /// or lost its lease, each time.
    pub(super) fn bury_spent(&mut self, entry: Entry) {
        let attempts = entry.delivery.attempt - 1;
        let text = format!("delivered {attempts} times, and not settled the last time");
        let letter = DeadLetter::new(DeadLetter::ATTEMPTS_EXHAUSTED, text);
        self.settle(entry.delivery, Settlement::DeadLetter(Box::new(letter)));
    }

    /// Gives the deliveries of a unit back.
    pub(super) fn release_unit(&mut self, unit: M::Unit) {
        M::scatter(unit, &mut |entry| {
            self.buffer.ended(&entry);
            self.release(entry);
        });
    }

    /// Returns true if the next delivery of a key waits for this settlement's answer: that of an
    /// ack where it is asked for, that of a dead letter always, since it may have no place to go.
    fn holds_next(&self, settlement: &Settlement) -> bool {
        let is_held = self.shared.config.order == Order::Settled;
        match settlement {
            Settlement::Ack => is_held,
            Settlement::Forward(outgoing) if outgoing.messages().is_empty() => is_held,
            Settlement::Release { .. } => false,
            _ => true,
        }
    }

    /// Lets the next delivery of a key start, once the settlement before it has ended.
    pub(super) fn settled(&mut self, item: &Settling, is_done: bool) {
        if let Some(began) = self.unsettled_since.take() {
            self.note_pace(self.now.since(began));
        }
        if !self.holds_next(&item.settlement) {
            return;
        }
        // What comes after a message that is not settled would run out of order.
        self.is_closing |= self.session.is_some() && !is_done;
        let Some(key) = self.buffer.key(&item.delivery) else {
            return;
        };
        if is_done {
            self.buffer.finish(&key);
            return;
        }
        for entry in self.buffer.take_key(&key) {
            let behind = Settling::new(entry.delivery, Settlement::RELEASE);
            self.settler.push(behind);
        }
    }
}
