//! What an oracle checks when a delivery is settled, extended or found dead.

use relayhouse_core::{DeadLetter, Delivery, Instant, Settlement};

use super::{
    Answer, Leases, Oracle, Sends,
    table::{HoldId, Id},
};

impl Oracle {
    pub(super) fn settled(
        &mut self,
        now: Instant,
        hold_id: HoldId,
        how: &Settlement,
        answer: Answer,
    ) {
        let Some(hold) = self.table.holds.get_mut(&hold_id) else {
            return;
        };
        let was_open = hold.ended.is_none();
        let (id, attempt) = (hold.id, hold.attempt);
        let is_superseded = std::mem::take(&mut hold.is_superseded);
        let is_in_time = is_superseded || hold.is_decided;
        let (bytes, is_doubled) = (hold.bytes, hold.is_doubled);
        if was_open {
            self.in_flight = self.in_flight.saturating_sub(1);
            self.in_flight_bytes = self.in_flight_bytes.saturating_sub(bytes);
            self.table.end(hold_id, now);
        }
        match answer {
            Answer::Done | Answer::Deduplicated => {
                let newest = self.table.live.get(&id).and_then(|live| live.newest);
                // With two copies, each has a receipt of its own.
                if !is_doubled {
                    self.check_fence(id, how, is_in_time, newest == Some(hold_id));
                }
                self.took_effect(id, how, attempt);
            }
            Answer::Unknown => self.settle_unknown(id, how),
            Answer::LeaseLost | Answer::Failed => {
                self.verdict.lease_lost += u64::from(answer == Answer::LeaseLost);
                if is_superseded && self.rules.leases == Leases::Exclusive {
                    let text = || format!("{id:?} was delivered while it was held");
                    self.verdict.breach(|it| &mut it.overlaps, text);
                }
            }
        }
    }

    /// Checks that a settlement that took effect was that of the newest delivery of a message that
    /// is not finished. A release that was in time may be answered after the delivery that it led
    /// to, and after the end of that one.
    fn check_fence(&mut self, id: Id, how: &Settlement, is_in_time: bool, is_newest: bool) {
        let is_release = matches!(how, Settlement::Release { .. });
        let is_late = !(is_newest || is_release && is_in_time);
        if is_late && self.rules.leases != Leases::MayRepeat {
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
            Settlement::Ack | Settlement::Forward(_) => {
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

    pub(super) fn extended(&mut self, now: Instant, hold_id: HoldId, until: Instant) {
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

    pub(super) fn dead(&mut self, delivery: &Delivery) {
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

    pub(super) fn batch(&mut self, items: u64, answers: u64) {
        if items != answers {
            let text = || format!("a batch of {items} items has {answers} answers");
            self.verdict.breach(|it| &mut it.batches, text);
        }
    }
}
