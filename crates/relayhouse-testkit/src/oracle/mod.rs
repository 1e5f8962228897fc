//! An oracle that reads a history as it happens, and tells whether the queue, its producers and
//! its consumers kept their promises.
//!
//! It remembers a message while it lives and one bit of it after, so that it can watch a run of
//! any length. It is fed entry by entry, or by a [`Watch`], which listens to what runtime and
//! adapters report.

mod delivery;
mod entry;
mod handler;
mod rules;
mod settlement;
mod table;
#[cfg(test)]
mod tests;
mod verdict;
mod watch;

use relayhouse_core::{Instant, Message, MessageId};

pub use self::{
    entry::{Answer, Entry, HandlerEnd},
    rules::{Compare, Copies, Extensions, Leases, Order, Rules, Sends},
    verdict::{Breaches, Verdict},
    watch::Watch,
};
use self::{
    entry::{content_hash, hash},
    table::{Id, SendState, Table},
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
            Entry::Handled { receipt, end } => self.handled(now, receipt.into(), end),
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
        let is_exclusive = self.rules.leases == Leases::Exclusive;
        let holds = self.table.holds.values();
        for hold in holds.filter(|hold| is_exclusive && hold.is_superseded) {
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
        let keeps_copies = self.rules.copies == Copies::Kept;
        live.is_doubled |= keeps_copies && live.send == SendState::Unknown;
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
}
