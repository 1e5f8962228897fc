//! What an oracle checks when a delivery comes in.

use relayhouse_core::{Attempts, Delivery, Instant};

use super::{
    Leases, Oracle, Sends,
    entry::{content_hash, hash},
    table::{Hold, HoldId, Id, Live, SendState},
};

impl Oracle {
    pub(super) fn received(&mut self, now: Instant, delivery: &Delivery) {
        self.verdict.received += 1;
        let id = Id::from(&delivery.id);
        let hold_id = HoldId::from(&delivery.receipt);
        if self.table.is_finished(id) {
            self.verdict.redelivered += 1;
            if self.rules.leases != Leases::MayRepeat {
                let text = || format!("{id:?} was delivered after it was settled for good");
                self.verdict.breach(|it| &mut it.revived, text);
            }
        } else {
            self.check_delivery(now, id, delivery);
        }
        let bytes = delivery.message.size();
        let live = self.table.live.get(&id);
        let is_doubled = live.is_some_and(|live| live.is_doubled);
        self.table.holds.insert(
            hold_id,
            Hold {
                id,
                until: delivery.lease.until(),
                attempt: delivery.attempt,
                key: delivery.message.details().ordering_key.as_deref().map(hash),
                bytes,
                is_doubled,
                is_running: false,
                ended: None,
                is_superseded: false,
                is_decided: false,
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
        } else if let Some(before) = newest.and_then(|before| self.table.holds.get_mut(&before)) {
            // It may be that of the other copy.
            before.is_doubled = true;
        }
    }

    fn check_attempt(&mut self, id: Id, delivery: &Delivery, before: u32, token: u64) {
        let attempt = delivery.attempt;
        let is_right = match self.rules.attempts {
            Attempts::Exact => attempt == before + 1,
            // A delivery that repeats another may have its count.
            Attempts::Approximate => before <= attempt || self.rules.leases == Leases::MayRepeat,
            _ => true,
        };
        if !is_right {
            let text = || format!("{id:?} was delivered with attempt {attempt} after {before}");
            self.verdict.breach(|it| &mut it.attempts, text);
        }
        let is_exclusive = self.rules.leases != Leases::MayRepeat;
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
        hold.is_superseded = is_held && self.rules.leases != Leases::MayRepeat;
    }
}
