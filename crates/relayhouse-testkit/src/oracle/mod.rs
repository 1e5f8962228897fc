//! An oracle that reads a history as it happens, and tells whether the queue, its producers and
//! its consumers kept their promises.
//!
//! It remembers a message while it lives and one bit of it after, so that it can watch a run of
//! any length. It is fed entry by entry, or by a [`Watch`], which listens to what runtime and
//! adapters report.

mod entry;
mod rules;
mod table;
#[cfg(test)]
mod tests;
mod verdict;
mod watch;

use relayhouse_core::{Attempts, DeadLetter, Delivery, Instant, Message, MessageId, Settlement};

pub use self::{
    entry::{Answer, Entry, HandlerEnd},
    rules::{Compare, Leases, Order, Rules, Sends},
    verdict::{Breaches, Verdict},
    watch::Watch,
};
use self::{
    entry::{content_hash, hash},
    table::{Hold, HoldId, Id, Live, SendState, Table},
};

/// Checks a history of one queue.
#[derive(Debug)]
pub struct Oracle {
    rules: Rules,
    table: Table,
    verdict: Verdict,
    handlers: u64,
    in_flight: u64,
    in_flight_bytes: u64,
    is_shut_down: bool,
}

impl Oracle {
    /// Starts with an empty history.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            table: Table::default(),
            verdict: Verdict::default(),
            handlers: 0,
            in_flight: 0,
            in_flight_bytes: 0,
            is_shut_down: false,
        }
    }

    /// Takes note of what happened at `now`.
    pub fn note(&mut self, now: Instant, entry: Entry<'_>) {
        match entry {
            Entry::Sending(message) => self.sending(message),
            Entry::Sent { id, answer } => self.sent(id, answer),
            Entry::Received(delivery) => self.received(now, delivery),
            Entry::Started(receipt) => self.started(now, receipt.into()),
            Entry::Handled { receipt, end } => self.handled(receipt.into(), end),
            Entry::Settled {
                receipt,
                settlement,
                answer,
            } => self.settled(now, receipt.into(), settlement, answer),
            Entry::Extended { receipt, until } => self.extended(now, receipt.into(), until),
            Entry::Dead(delivery) => self.dead(delivery),
            Entry::Batch { items, answers } => self.batch(items, answers),
            Entry::Crashed => self.crashed(now),
            Entry::ShutDown { abandoned } => self.shut_down(now, abandoned),
        }
    }

    /// Ends the history, with `left` messages still in the queue or its dead-letter queue, and
    /// tells what was found.
    #[must_use]
    pub fn verdict(mut self, left: u64) -> Verdict {
        let open = self.table.live.iter();
        let open = open.filter(|(_, live)| live.send == SendState::Done && !live.is_doubled);
        let (unsure, open): (Vec<_>, Vec<_>) = open.partition(|(_, live)| live.is_unsure);
        self.verdict.unsure = unsure.len() as u64;
        let lost = (open.len() as u64).saturating_sub(left);
        if let Some((id, _)) = open.first().filter(|_| 0 < lost) {
            let text = format!(
                "{lost} messages are gone; one of {id:?} and {} more",
                open.len() - 1
            );
            self.verdict.told.push(text);
        }
        self.verdict.breaches.lost = lost;
        for hold in self.table.holds.values().filter(|hold| hold.is_superseded) {
            let text = || format!("{:?} was delivered while it was held", hold.id);
            self.verdict.breach(|it| &mut it.overlaps, text);
        }
        self.verdict
    }

    fn sending(&mut self, message: &Message) {
        let Some(id) = message.id.as_ref().map(Id::from) else {
            return;
        };
        if self.table.is_finished(id) {
            return;
        }
        let key = message.details().ordering_key.as_deref().map(hash);
        let content = content_hash(message, self.rules.compare);
        let live = self.table.live.entry(id).or_default();
        live.is_doubled |= live.send == SendState::Unknown;
        if matches!(live.send, SendState::Untold | SendState::Failed) {
            live.send = SendState::Begun;
        }
        live.content = Some(content);
        live.key = key;
        if let Some(key) = key {
            self.table.expect(key, id);
        }
    }

    fn sent(&mut self, id: &MessageId, answer: Answer) {
        let id = Id::from(id);
        match answer {
            Answer::Done => self.verdict.sent += 1,
            Answer::Deduplicated => self.verdict.deduplicated += 1,
            Answer::Unknown => self.verdict.send_unknown += 1,
            Answer::Failed | Answer::LeaseLost => self.verdict.send_failed += 1,
        }
        if self.table.is_finished(id) {
            return;
        }
        let live = self.table.live.entry(id).or_default();
        let was_unknown = live.send == SendState::Unknown;
        live.send = match answer {
            Answer::Done => SendState::Done,
            Answer::Deduplicated if was_unknown => SendState::Done,
            Answer::Deduplicated | Answer::Unknown => SendState::Unknown,
            Answer::Failed | Answer::LeaseLost if was_unknown => SendState::Unknown,
            Answer::Failed | Answer::LeaseLost => SendState::Failed,
        };
        let is_failed = live.send == SendState::Failed;
        if let Some(key) = live.key.filter(|_| is_failed) {
            self.table.passed(key, id);
        }
        if is_failed && 0 < self.attempts_of(id) {
            self.false_failure(id);
        }
    }

    fn attempts_of(&self, id: Id) -> u32 {
        self.table.live.get(&id).map_or(0, |live| live.attempt)
    }

    fn false_failure(&mut self, id: Id) {
        let text = || format!("{id:?} was delivered, its send was said to have failed");
        self.verdict.breach(|it| &mut it.false_failures, text);
    }

    fn received(&mut self, now: Instant, delivery: &Delivery) {
        self.verdict.received += 1;
        let id = Id::from(&delivery.id);
        let hold_id = HoldId::from(&delivery.receipt);
        if self.table.is_finished(id) {
            self.verdict.redelivered += 1;
            if self.rules.leases == Leases::Exclusive {
                let text = || format!("{id:?} was delivered after it was settled for good");
                self.verdict.breach(|it| &mut it.revived, text);
            }
        } else {
            self.check_delivery(now, id, delivery);
        }
        let bytes = delivery.message.size();
        self.table.holds.insert(
            hold_id,
            Hold {
                id,
                until: delivery.lease.until(),
                attempt: delivery.attempt,
                key: delivery.message.details().ordering_key.as_deref().map(hash),
                bytes,
                is_running: false,
                ended: None,
                is_superseded: false,
            },
        );
        self.in_flight += 1;
        self.in_flight_bytes += bytes;
        self.check_bounds();
        if self.is_shut_down {
            let text = || format!("{id:?} was received after the shutdown");
            self.verdict.breach(|it| &mut it.drain, text);
        }
    }

    /// Checks a delivery of a message that is not finished against what is known of it.
    fn check_delivery(&mut self, now: Instant, id: Id, delivery: &Delivery) {
        let content = content_hash(&delivery.message, self.rules.compare);
        let live = self.table.live.entry(id).or_default();
        let Live {
            send,
            attempt,
            token,
            newest,
            ..
        } = *live;
        let is_changed = live.content.is_some_and(|sent| sent != content);
        let is_doubled = live.is_doubled;
        live.content.get_or_insert(content);
        live.attempt = attempt.max(delivery.attempt);
        live.token = token.max(delivery.lease.token());
        live.newest = Some(HoldId::from(&delivery.receipt));
        live.is_unsure = false;
        self.verdict.redelivered += u64::from(0 < attempt);
        match send {
            SendState::Untold if self.rules.sends == Sends::Told => {
                let text = || format!("{id:?} was delivered, and nobody sent it");
                self.verdict.breach(|it| &mut it.phantom, text);
            }
            SendState::Failed => self.false_failure(id),
            _ => {}
        }
        if is_changed {
            let text = || format!("{id:?} was delivered with other content than it was sent with");
            self.verdict.breach(|it| &mut it.mutated, text);
        }
        if !is_doubled {
            self.check_attempt(id, delivery, attempt, token);
            self.check_exclusive(now, newest);
        }
    }

    fn check_attempt(&mut self, id: Id, delivery: &Delivery, before: u32, token: u64) {
        let attempt = delivery.attempt;
        let is_right = match self.rules.attempts {
            Attempts::Exact => attempt == before + 1,
            Attempts::Approximate => before <= attempt,
            _ => true,
        };
        if !is_right {
            let text = || format!("{id:?} was delivered with attempt {attempt} after {before}");
            self.verdict.breach(|it| &mut it.attempts, text);
        }
        let is_exclusive = self.rules.leases == Leases::Exclusive;
        if is_exclusive && 0 < before && delivery.lease.token() <= token {
            let text = || format!("{id:?} was delivered with a token that did not grow");
            self.verdict.breach(|it| &mut it.attempts, text);
        }
    }

    /// Suspects the delivery before, if its lease should still last. The answer to its
    /// settlement, which may be on its way, decides.
    fn check_exclusive(&mut self, now: Instant, before: Option<HoldId>) {
        let Some(hold) = before.and_then(|before| self.table.holds.get_mut(&before)) else {
            return;
        };
        let is_held = hold.ended.is_none() && now + self.rules.skew < hold.until;
        hold.is_superseded = is_held && self.rules.leases == Leases::Exclusive;
    }

    fn check_bounds(&mut self) {
        for (what, count, max) in [
            ("handlers", self.handlers, self.rules.handlers_max),
            ("deliveries", self.in_flight, self.rules.in_flight_max),
            (
                "bytes",
                self.in_flight_bytes,
                self.rules.in_flight_bytes_max,
            ),
        ] {
            if max.is_some_and(|max| max < count) {
                let text = || format!("{count} {what} at a time");
                self.verdict.breach(|it| &mut it.bounds, text);
            }
        }
    }

    fn started(&mut self, now: Instant, hold_id: HoldId) {
        self.verdict.started += 1;
        self.handlers += 1;
        self.check_bounds();
        let Some(hold) = self.table.holds.get_mut(&hold_id) else {
            return;
        };
        hold.is_running = true;
        let (id, key, left) = (hold.id, hold.key, hold.until.since(now));
        let attempt = hold.attempt;
        let attempts_max = self.rules.attempts_max;
        if attempts_max.is_some_and(|max| max.get() < attempt) {
            let text = || format!("a handler of {id:?} started on attempt {attempt}");
            self.verdict.breach(|it| &mut it.dead_letters, text);
        }
        if self.is_shut_down {
            let text = || format!("a handler of {id:?} started after the shutdown");
            self.verdict.breach(|it| &mut it.drain, text);
        }
        if left < self.rules.start_margin || left.is_zero() {
            let text = || format!("a handler of {id:?} started with {left:?} of its lease left");
            self.verdict.breach(|it| &mut it.late_starts, text);
        }
        if let Some(key) = key.filter(|_| self.rules.order == Order::Key) {
            self.check_order(now, id, key);
            self.table.running.insert(key, hold_id);
        }
    }

    fn check_order(&mut self, now: Instant, id: Id, key: u64) {
        let other = self.table.running.get(&key);
        let other = other.and_then(|other| self.table.holds.get(other));
        let skew = self.rules.skew;
        if let Some(other) = other.filter(|it| it.is_running && now + skew < it.until) {
            let text = format!("a handler of {id:?} started beside one of {:?}", other.id);
            self.verdict.breach(|it| &mut it.order, || text);
        }
        let waiting = self.table.unfinished.get(&(key, id.producer));
        let first = waiting.and_then(|waiting| waiting.first().copied());
        let Some(sequence) = first.filter(|first| *first < id.sequence) else {
            return;
        };
        let earlier = Id { sequence, ..id };
        let earlier = self.table.live.get(&earlier);
        if earlier.is_some_and(|live| live.send == SendState::Done && !live.is_unsure) {
            let text = || format!("a handler of {id:?} started before one of {sequence} had ended");
            self.verdict.breach(|it| &mut it.order, text);
        }
    }

    fn handled(&mut self, hold_id: HoldId, end: HandlerEnd) {
        self.handlers = self.handlers.saturating_sub(1);
        let Some(hold) = self.table.holds.get_mut(&hold_id) else {
            return;
        };
        hold.is_running = false;
        let (id, key) = (hold.id, hold.key);
        if let Some(key) = key.filter(|key| self.table.running.get(key) == Some(&hold_id)) {
            self.table.running.remove(&key);
        }
        if end == HandlerEnd::Failure {
            return;
        }
        if let Some(live) = self.table.live.get_mut(&id) {
            live.successes += 1;
            self.verdict.duplicates += u64::from(live.successes == 2);
        }
        if let Some(key) = key {
            self.table.passed(key, id);
        }
    }

    fn settled(&mut self, now: Instant, hold_id: HoldId, how: &Settlement, answer: Answer) {
        let Some(hold) = self.table.holds.get_mut(&hold_id) else {
            return;
        };
        let was_open = hold.ended.is_none();
        let (id, attempt) = (hold.id, hold.attempt);
        let is_superseded = std::mem::take(&mut hold.is_superseded);
        let bytes = hold.bytes;
        if was_open {
            self.in_flight = self.in_flight.saturating_sub(1);
            self.in_flight_bytes = self.in_flight_bytes.saturating_sub(bytes);
            self.table.end(hold_id, now);
        }
        match answer {
            Answer::Done | Answer::Deduplicated => {
                let newest = self.table.live.get(&id).and_then(|live| live.newest);
                self.check_fence(id, how, is_superseded, newest == Some(hold_id));
                self.took_effect(id, how, attempt);
            }
            Answer::Unknown => self.settle_unknown(id, how),
            Answer::LeaseLost | Answer::Failed => {
                self.verdict.lease_lost += u64::from(answer == Answer::LeaseLost);
                if is_superseded {
                    let text = || format!("{id:?} was delivered while it was held");
                    self.verdict.breach(|it| &mut it.overlaps, text);
                }
            }
        }
    }

    /// Checks that a settlement that took effect was that of the newest delivery. A release may
    /// be answered after the delivery that it led to.
    fn check_fence(&mut self, id: Id, how: &Settlement, is_superseded: bool, is_newest: bool) {
        let is_finished = self.table.is_finished(id);
        let is_release = matches!(how, Settlement::Release { .. });
        let is_late = is_finished || !(is_newest || is_release && is_superseded);
        if is_late && self.rules.leases == Leases::Exclusive {
            let text = || format!("{id:?} was settled with the receipt of an earlier delivery");
            self.verdict.breach(|it| &mut it.stale, text);
        }
    }

    fn settle_unknown(&mut self, id: Id, how: &Settlement) {
        self.verdict.settle_unknown += 1;
        if matches!(how, Settlement::Release { .. }) {
            return;
        }
        if let Some(live) = self.table.live.get_mut(&id) {
            live.is_unsure = true;
        }
    }

    fn took_effect(&mut self, id: Id, how: &Settlement, attempt: u32) {
        match how {
            Settlement::Ack => {
                self.verdict.acked += 1;
                self.table.finish(id);
            }
            Settlement::DeadLetter(letter) => {
                self.verdict.dead_lettered += u64::from(!self.table.is_finished(id));
                self.table.finish(id);
                self.check_exhausted(id, &letter.reason, attempt);
            }
            _ => self.verdict.released += 1,
        }
    }

    /// Checks that a message is dead-lettered for its attempts only when they are used up.
    fn check_exhausted(&mut self, id: Id, reason: &str, attempt: u32) {
        let is_early = self
            .rules
            .attempts_max
            .is_some_and(|max| attempt < max.get());
        if is_early && reason == DeadLetter::ATTEMPTS_EXHAUSTED.as_str() {
            let text = || format!("{id:?} was dead-lettered as exhausted after {attempt} attempts");
            self.verdict.breach(|it| &mut it.dead_letters, text);
        }
    }

    fn extended(&mut self, now: Instant, hold_id: HoldId, until: Instant) {
        let Some(hold) = self.table.holds.get_mut(&hold_id) else {
            return;
        };
        if hold.ended.is_some_and(|ended| ended < now) {
            let text = format!(
                "the lease of {:?} was extended after its settlement",
                hold.id
            );
            self.verdict.breach(|it| &mut it.late_extensions, || text);
        } else {
            hold.until = until;
        }
    }

    fn dead(&mut self, delivery: &Delivery) {
        let id = Id::from(&delivery.id);
        let is_known = self.table.is_finished(id) || self.table.live.contains_key(&id);
        if !is_known && self.rules.sends == Sends::Told {
            let text = || format!("{id:?} was dead-lettered, and nobody sent it");
            self.verdict.breach(|it| &mut it.phantom, text);
        }
        if let Some(envelope) = &delivery.envelope {
            self.check_exhausted(id, &envelope.dead_letter.reason, envelope.attempts);
        }
        if !self.table.is_finished(id) {
            self.verdict.dead_lettered += 1;
            self.table.finish(id);
        }
    }

    fn batch(&mut self, items: u64, answers: u64) {
        if items != answers {
            let text = || format!("a batch of {items} items has {answers} answers");
            self.verdict.breach(|it| &mut it.batches, text);
        }
    }

    /// Gives every open delivery up: whether it was settled is not known.
    fn crashed(&mut self, now: Instant) {
        (self.handlers, self.in_flight, self.in_flight_bytes) = (0, 0, 0);
        self.table.running.clear();
        for hold in self.table.holds.values_mut() {
            hold.is_superseded = false;
            hold.is_running = false;
            if hold.ended.is_none() && hold.until <= now {
                hold.ended = Some(now);
            }
        }
    }

    fn shut_down(&mut self, now: Instant, abandoned: u64) {
        self.is_shut_down = true;
        let holds = self.table.holds.values();
        let open = holds.filter(|hold| hold.ended.is_none() && now < hold.until);
        let open = open.count() as u64;
        if abandoned < open {
            let text = || format!("the shutdown left {open} deliveries, and told of {abandoned}");
            self.verdict.breach(|it| &mut it.drain, text);
        }
    }
}
