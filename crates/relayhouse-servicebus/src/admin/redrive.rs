//! Redrives: dead letters are sent again, and acked when they have arrived.

use std::num::NonZeroU32;

use relayhouse_core::{
    Delivery, Entity, Error, ErrorKind, Operation, Outcome, QueueName, Result, Sending, Settlement,
    Settling, Source,
    port::{Provider, ReceiveRequest, Receiver, ReceiverOptions, Redrive, Sender},
};

use crate::provider::ServiceBus;

/// The most dead letters of one turn: a redrive that is dropped leaves so many of them locked.
const TURN_MAX: u32 = 100;

/// Sends dead letters of `source` back to its queue. One whose ack is lost is sent again by the
/// next redrive, unless the queue detects duplicates.
pub(super) async fn run(
    servicebus: &ServiceBus,
    source: &Source,
    redrive: &Redrive,
    detects_duplicates: bool,
) -> Result<u64> {
    let Entity::Queue(queue) = &source.entity else {
        let text = "dead letters of a subscription would go to all subscriptions of its topic";
        return Err(Error::new(ErrorKind::Unsupported, text).at(Operation::Admin, source));
    };
    let moved = moved(servicebus, source, queue, redrive, detects_duplicates).await;
    moved.map_err(|error| error.at(Operation::Admin, source))
}

async fn moved(
    servicebus: &ServiceBus,
    source: &Source,
    queue: &QueueName,
    redrive: &Redrive,
    detects_duplicates: bool,
) -> Result<u64> {
    let letters = source.dead_letters();
    let receiver = servicebus
        .receiver(&letters, ReceiverOptions::default())
        .await?;
    let sender = servicebus.sender(queue).await?;
    let max = redrive.max.map_or(u64::MAX, |max| max.get().into());
    let mut count = 0;
    let ended = loop {
        let turn = u32::try_from(max - count).unwrap_or(u32::MAX).min(TURN_MAX);
        let Some(turn) = NonZeroU32::new(turn) else {
            break Ok(count);
        };
        match one_turn(&*receiver, &*sender, turn, detects_duplicates).await {
            Ok(0) => break Ok(count),
            Ok(moved) => count += moved,
            Err(error) => break Err(error),
        }
    };
    receiver.close().await?;
    sender.close().await?;
    ended
}

async fn one_turn(
    receiver: &dyn Receiver,
    sender: &dyn Sender,
    max: NonZeroU32,
    detects_duplicates: bool,
) -> Result<u64> {
    let mut deliveries = Vec::new();
    let request = ReceiveRequest::up_to(max);
    receiver.receive(request, &mut deliveries).await?;
    let sendings = deliveries.iter().map(|it| again(it, detects_duplicates));
    let mut sendings: Vec<_> = sendings.collect();
    if sendings.is_empty() {
        return Ok(0);
    }
    let sent = sender.send(&mut sendings).await;
    let mut failed = sent.err();
    let mut settlings = Vec::with_capacity(deliveries.len());
    for (delivery, sending) in deliveries.into_iter().zip(sendings) {
        let settlement = match sending.outcome {
            Outcome::Done(_) => Settlement::Ack,
            Outcome::Failed(error) => {
                failed.get_or_insert(error);
                Settlement::RELEASE
            }
            Outcome::Pending => Settlement::RELEASE,
        };
        settlings.push(Settling::new(delivery, settlement));
    }
    receiver.settle(&mut settlings).await?;
    let mut count = 0;
    for settling in settlings {
        match settling.outcome {
            Outcome::Done(()) if settling.settlement == Settlement::Ack => count += 1,
            Outcome::Failed(error) => {
                failed.get_or_insert(error);
            }
            _ => {}
        }
    }
    failed.map_or(Ok(count), Err)
}

/// Makes the message of a dead letter again.
fn again(delivery: &Delivery, detects_duplicates: bool) -> Sending {
    let mut message = delivery.message.clone();
    if message.id.is_none() {
        message.id = Some(delivery.id.clone());
    }
    // The queue may still know the dedup id, and would drop what comes with it. The sequence number
    // makes one that is the same whenever this dead letter is sent again.
    let sequence = delivery.sequence.filter(|_| detects_duplicates);
    match sequence {
        Some(sequence) => {
            let id = format!("relayhouse-redrive-{sequence}");
            Sending::new(message.dedup_id(id))
        }
        None => Sending::new(message),
    }
}
