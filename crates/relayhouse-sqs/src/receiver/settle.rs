//! Settles deliveries: deletes and visibility changes, as long as the leases last.

use std::time::Duration;

use relayhouse_core::{Delivery, Error, Instant, Operation, Outcome, Result, Settlement, Settling};

use super::SqsReceiver;
use crate::{
    batch,
    capability::{BATCH_MAX, LEASE_TOTAL_MAX},
    config::LongDelays,
    convert::whole_seconds,
    error,
    lease::{Claim, Held},
};

/// Is one delivery to settle whose lease had not ended when it was last looked at.
#[derive(Debug)]
pub(super) struct Live<'a> {
    pub(super) place: usize,
    claim: Claim<'a>,
    /// True if it is elsewhere by now, and only to be deleted here.
    is_sent: bool,
}

impl Live<'_> {
    /// Notes that it was sent on.
    pub(super) fn sent(self) -> Self {
        Self {
            is_sent: true,
            ..self
        }
    }

    /// Says why it cannot be settled any more.
    fn ended(&self) -> Error {
        if self.is_sent {
            return error::sent_late();
        }
        error::lease_lost(Operation::Settle)
    }
}

impl SqsReceiver {
    pub(super) async fn settle_all(&self, batch: &mut [Settling]) {
        let (mut acks, mut releases) = (Vec::new(), Vec::new());
        let (mut dead, mut later) = (Vec::new(), Vec::new());
        let now = self.link.now();
        for (place, item) in batch.iter_mut().enumerate() {
            let live = match self.live(place, &item.delivery, now) {
                Ok(live) => live,
                Err(error) => {
                    item.outcome = Outcome::Failed(self.queue.at(error, Operation::Settle));
                    continue;
                }
            };
            match &item.settlement {
                Settlement::Ack => acks.push(live),
                Settlement::Release { delay } if self.hops(live.claim.held, *delay) => {
                    later.push(live);
                }
                Settlement::Release { delay } => match self.stay_away(live.claim.held, *delay) {
                    Ok(seconds) => releases.push((live, seconds)),
                    Err(error) => item.outcome = Outcome::Failed(error),
                },
                Settlement::DeadLetter(_) => dead.push(live),
                _ => {
                    let what = "this settlement is not known here";
                    let name = &self.queue.name;
                    let unknown = error::unsupported(name, Operation::Settle, what);
                    item.outcome = Outcome::Failed(unknown);
                }
            }
        }
        // In this order: what holds back the messages of a group goes first.
        self.release(releases, batch).await;
        acks.extend(self.send_dead(dead, batch).await);
        acks.extend(self.send_later(later, batch).await);
        self.delete(acks, batch).await;
    }

    fn live(&self, place: usize, delivery: &Delivery, now: Instant) -> Result<Live<'_>> {
        let claim = self.leases.claim(&delivery.receipt);
        match claim.filter(|claim| now < claim.held.until) {
            Some(claim) => Ok(Live {
                place,
                claim,
                is_sent: false,
            }),
            None => Err(error::lease_lost(Operation::Settle)),
        }
    }

    /// Returns the seconds for which a released message stays away: of the 12 hours that a message
    /// can be invisible at a stretch, some are gone.
    fn stay_away(&self, held: Held, delay: Duration) -> Result<i32> {
        if LEASE_TOTAL_MAX < delay {
            let error = error::too_long(Operation::Settle, delay, LEASE_TOTAL_MAX);
            return Err(self.queue.at(error, Operation::Settle));
        }
        let left = held.last().since(self.link.now()).as_secs();
        let seconds = whole_seconds(delay).min(left);
        Ok(i32::try_from(seconds).unwrap_or(i32::MAX))
    }

    /// Returns true if a release for so long has to be sent again.
    fn hops(&self, held: Held, delay: Duration) -> bool {
        let hops = self.link.config.long_delays == LongDelays::Hop;
        let is_allowed = hops && !self.queue.is_fifo && self.dead.is_none();
        is_allowed && held.last().since(self.link.now()) < delay
    }

    async fn release(&self, mut releases: Vec<(Live<'_>, i32)>, batch: &mut [Settling]) {
        while !releases.is_empty() {
            let rest = releases.split_off(releases.len().min(BATCH_MAX));
            releases.retain(|(live, _)| self.is_live(live, batch));
            let (lives, seconds): (Vec<Live<'_>>, Vec<i32>) = releases.into_iter().unzip();
            let handles = lives.iter().map(|live| live.claim.handle());
            let changes: Vec<_> = handles.zip(seconds).collect();
            let answers = batch::change(&self.link, &self.queue, &changes, Operation::Settle).await;
            self.answer(lives, answers, batch);
            releases = rest;
        }
    }

    async fn delete(&self, mut lives: Vec<Live<'_>>, batch: &mut [Settling]) {
        while !lives.is_empty() {
            let rest = lives.split_off(lives.len().min(BATCH_MAX));
            lives.retain(|live| self.is_live(live, batch));
            let handles: Vec<_> = lives.iter().map(|live| live.claim.handle()).collect();
            let answers = batch::delete(&self.link, &self.queue, handles, Operation::Settle).await;
            self.answer(lives, answers, batch);
            lives = rest;
        }
    }

    /// Returns true if the lease still runs. One that ended while others were settled is not asked
    /// for any more, and answered here.
    pub(super) fn is_live(&self, live: &Live<'_>, batch: &mut [Settling]) -> bool {
        if self.link.now() < live.claim.held.until {
            return true;
        }
        let error = self.queue.at(live.ended(), Operation::Settle);
        batch[live.place].outcome = Outcome::Failed(error);
        false
    }

    /// Writes the answers of SQS, which says yes to late settles too.
    fn answer(&self, lives: Vec<Live<'_>>, answers: Vec<Result<()>>, batch: &mut [Settling]) {
        let now = self.link.now();
        for (live, answer) in lives.into_iter().zip(answers) {
            let Live { place, claim, .. } = live;
            let is_late = claim.held.until <= now;
            let answer = match answer {
                Ok(()) if is_late => Err(error::late(Operation::Settle)),
                answer => answer,
            };
            if answer.is_ok() {
                claim.settled();
            }
            let answer = answer.map_err(|error| self.queue.at(error, Operation::Settle));
            batch[place].outcome = answer.into();
        }
    }
}
