//! Settles deliveries: deletes, visibility changes, and dead letters by send, confirm, delete.

use std::time::Duration;

use md5::{Digest, Md5};
use relayhouse_core::{
    DeadLetter, Delivery, Envelope, Error, ErrorKind, Instant, Operation, Outcome, Result,
    Settlement, Settling,
};

use super::SqsReceiver;
use crate::{
    batch,
    capability::LEASE_TOTAL_MAX,
    config::LongDelays,
    convert::{Envoy, Packet, hex, whole_seconds, write},
    error,
    lease::{Claim, Held},
    queue::Queue,
    sender::writing,
};

/// Is one delivery to settle whose lease has not ended.
#[derive(Debug)]
struct Live<'a> {
    place: usize,
    claim: Claim<'a>,
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
            Some(claim) => Ok(Live { place, claim }),
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

    async fn release(&self, releases: Vec<(Live<'_>, i32)>, batch: &mut [Settling]) {
        let (lives, seconds): (Vec<Live<'_>>, Vec<i32>) = releases.into_iter().unzip();
        let handles = lives.iter().map(|live| live.claim.handle());
        let changes: Vec<_> = handles.zip(seconds).collect();
        let answers = batch::change(&self.link, &self.queue, &changes, Operation::Settle).await;
        self.answer(lives, answers, batch);
    }

    async fn delete(&self, lives: Vec<Live<'_>>, batch: &mut [Settling]) {
        let handles: Vec<_> = lives.iter().map(|live| live.claim.handle()).collect();
        let answers = batch::delete(&self.link, &self.queue, handles, Operation::Settle).await;
        self.answer(lives, answers, batch);
    }

    /// Writes the answers of SQS, which says yes to late settles too.
    fn answer(&self, lives: Vec<Live<'_>>, answers: Vec<Result<()>>, batch: &mut [Settling]) {
        let now = self.link.now();
        for (Live { place, claim }, answer) in lives.into_iter().zip(answers) {
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

    /// Sends dead letters to the dead-letter queue, and returns those that are there.
    async fn send_dead<'a>(&self, lives: Vec<Live<'a>>, batch: &mut [Settling]) -> Vec<Live<'a>> {
        if lives.is_empty() {
            return lives;
        }
        let target = match self.target().await {
            Ok(target) => target,
            Err(error) => {
                fail_all(&lives, &error, batch);
                return Vec::new();
            }
        };
        let places: Vec<usize> = lives.iter().map(|live| live.place).collect();
        let write = |item: &Settling| self.write_dead(item, &target);
        let sent = self.send_on(lives, &target, write, batch).await;
        let is_gone = |place: usize| {
            let error = batch[place].outcome.error();
            error.is_some_and(|error| error.kind() == ErrorKind::QueueNotFound)
        };
        if places.into_iter().any(is_gone) {
            self.forget_dead_letters();
        }
        sent
    }

    /// Sends what is to stay away for longer than SQS can hold it, and returns what is sent.
    async fn send_later<'a>(&self, lives: Vec<Live<'a>>, batch: &mut [Settling]) -> Vec<Live<'a>> {
        let write = |item: &Settling| self.write_later(item);
        self.send_on(lives, &self.queue, write, batch).await
    }

    /// Sends deliveries to `target` as `write` writes them, and returns those that are there.
    async fn send_on<'a>(
        &self,
        lives: Vec<Live<'a>>,
        target: &Queue,
        write: impl Fn(&Settling) -> Result<Packet>,
        batch: &mut [Settling],
    ) -> Vec<Live<'a>> {
        let (mut packets, mut written) = (Vec::new(), Vec::new());
        for live in lives {
            match write(&batch[live.place]) {
                Ok(packet) => {
                    packets.push(packet);
                    written.push(live);
                }
                Err(error) => {
                    let error = self.queue.at(error, Operation::Settle);
                    batch[live.place].outcome = Outcome::Failed(error);
                }
            }
        }
        let answers = batch::send(&self.link, target, packets).await;
        let mut sent = Vec::new();
        for (live, answer) in written.into_iter().zip(answers) {
            match answer {
                Ok(_) => sent.push(live),
                Err(error) => {
                    let error = error.operation(Operation::Settle);
                    let error = error.queue(target.name.as_text().clone());
                    batch[live.place].outcome = Outcome::Failed(error);
                }
            }
        }
        sent
    }

    async fn target(&self) -> Result<Queue> {
        let name = &self.queue.name;
        if self.source.dead_letter {
            let what = "a dead letter cannot be dead-lettered";
            return Err(error::unsupported(name, Operation::Settle, what));
        }
        let what = "it has no dead-letter queue: its redrive policy names none";
        let target = self.dead_letters().await;
        let target = target.map_err(|error| self.queue.at(error, Operation::Settle))?;
        target.ok_or_else(|| error::unsupported(name, Operation::Settle, what))
    }

    fn write_dead(&self, item: &Settling, target: &Queue) -> Result<Packet> {
        let Settling {
            delivery,
            settlement,
            ..
        } = item;
        let dead_letter = match settlement {
            Settlement::DeadLetter(dead_letter) => DeadLetter::clone(dead_letter),
            _ => DeadLetter::default(),
        };
        let envelope = Envelope {
            dead_letter,
            source: self.source.clone(),
            attempts: delivery.attempt,
            enqueued_at: delivery.enqueued_at,
            dead_lettered_at: self.link.wall(),
        };
        let envoy = Envoy {
            enqueued_at: Some(delivery.enqueued_at),
            envelope: Some(envelope),
            dedup: target.is_fifo.then(|| dedup_of_delivery(delivery)),
            ..Envoy::default()
        };
        let writing = writing(&self.link, target);
        write(&delivery.message, &delivery.id, &envoy, &writing)
    }

    fn write_later(&self, item: &Settling) -> Result<Packet> {
        let Settling {
            delivery,
            settlement,
            ..
        } = item;
        let delay = match settlement {
            Settlement::Release { delay } => *delay,
            _ => Duration::ZERO,
        };
        let envoy = Envoy {
            enqueued_at: Some(delivery.enqueued_at),
            due: Some(self.link.wall() + delay),
            attempts: delivery.attempt,
            ..Envoy::default()
        };
        let writing = writing(&self.link, &self.queue);
        write(&delivery.message, &delivery.id, &envoy, &writing)
    }
}

/// Makes a dedup id for a message that is sent on: a second try of this delivery is the same, and
/// a later delivery of the message is another.
pub(crate) fn dedup_of_delivery(delivery: &Delivery) -> String {
    let digest = Md5::digest(delivery.receipt.to_string());
    format!("relayhouse-{}", hex(digest))
}

fn fail_all(lives: &[Live<'_>], error: &Error, batch: &mut [Settling]) {
    for live in lives {
        batch[live.place].outcome = Outcome::Failed(error.clone());
    }
}
