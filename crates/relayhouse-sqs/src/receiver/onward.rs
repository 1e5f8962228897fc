//! Deliveries that go on: dead letters to their queue, and what is to stay away for long to its own.
//! Each is sent, confirmed, and then deleted.

use std::time::Duration;

use md5::{Digest, Md5};
use relayhouse_core::{
    DeadLetter, Delivery, Envelope, Error, ErrorKind, Operation, Outcome, Result, Settlement,
    Settling, Text,
};

use super::{SqsReceiver, settle::Live};
use crate::{
    batch,
    capability::SQS_BYTES_MAX,
    convert::{Envoy, Packet, hex},
    error,
    queue::Queue,
    sender::{is_too_large, write_again},
};

/// What a byte of a description takes at most, within JSON.
const ESCAPED_BYTES_MAX: u64 = 6;

impl SqsReceiver {
    /// Sends dead letters to the dead-letter queue, and returns those that are there.
    pub(super) async fn send_dead<'a>(
        &self,
        lives: Vec<Live<'a>>,
        batch: &mut [Settling],
    ) -> Vec<Live<'a>> {
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
    pub(super) async fn send_later<'a>(
        &self,
        lives: Vec<Live<'a>>,
        batch: &mut [Settling],
    ) -> Vec<Live<'a>> {
        let write = |item: &Settling| self.write_later(item);
        self.send_on(lives, &self.queue, write, batch).await
    }

    /// Sends deliveries to `target` as `write` writes them, and returns those that are there.
    async fn send_on<'a>(
        &self,
        mut lives: Vec<Live<'a>>,
        target: &Queue,
        write: impl Fn(&Settling) -> Result<Packet>,
        batch: &mut [Settling],
    ) -> Vec<Live<'a>> {
        lives.retain(|live| self.is_live(live, batch));
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
                Ok(_) => sent.push(live.sent()),
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

    /// Writes a dead letter with as much of its envelope as there is room for: a message that fills
    /// SQS's limit goes without.
    fn write_dead(&self, item: &Settling, target: &Queue) -> Result<Packet> {
        let dead_letter = match &item.settlement {
            Settlement::DeadLetter(dead_letter) => DeadLetter::clone(dead_letter),
            _ => DeadLetter::default(),
        };
        let described = |description: Text| DeadLetter {
            description,
            ..dead_letter.clone()
        };
        let write = |dead_letter| self.write_dead_as(dead_letter, &item.delivery, target);
        let full = write(Some(dead_letter.clone()));
        if !is_too_large(&full) {
            return full;
        }
        let brief = write(Some(described(Text::default())));
        if is_too_large(&brief) {
            return write(None);
        }
        let room = SQS_BYTES_MAX.saturating_sub(brief?.size()) / ESCAPED_BYTES_MAX;
        let start = start(&dead_letter.description, room);
        write(Some(described(start.to_owned().into())))
    }

    fn write_dead_as(
        &self,
        dead_letter: Option<DeadLetter>,
        delivery: &Delivery,
        target: &Queue,
    ) -> Result<Packet> {
        let envelope = dead_letter.map(|dead_letter| Envelope {
            dead_letter,
            source: self.source.clone(),
            attempts: delivery.attempt,
            enqueued_at: delivery.enqueued_at,
            dead_lettered_at: self.link.wall(),
        });
        let envoy = Envoy {
            enqueued_at: envelope.as_ref().map(|it| it.enqueued_at),
            envelope,
            dedup: target.is_fifo.then(|| dedup_of_delivery(delivery)),
            ..Envoy::default()
        };
        let to = (&*self.link, target);
        write_again(&delivery.message, &delivery.id, &envoy, to)
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
        let to = (&*self.link, &self.queue);
        write_again(&delivery.message, &delivery.id, &envoy, to)
    }
}

/// Returns the start of `text`, at most `bytes_max` long.
fn start(text: &str, bytes_max: u64) -> &str {
    let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
    &text[..text.floor_char_boundary(bytes_max)]
}

/// Makes a dedup id for a message that is sent on: a second try of this delivery is the same, and
/// a later delivery of the message is another.
fn dedup_of_delivery(delivery: &Delivery) -> String {
    let digest = Md5::digest(delivery.receipt.to_string());
    format!("relayhouse-{}", hex(digest))
}

fn fail_all(lives: &[Live<'_>], error: &Error, batch: &mut [Settling]) {
    for live in lives {
        batch[live.place].outcome = Outcome::Failed(error.clone());
    }
}
