//! The receiver that sends dead letters to another queue.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use relayhouse_core::{
    Capabilities, Context, DETAIL_BYTES_MAX, DeadLetter, Delivery, Envelope, Error, ErrorKind,
    Extending, Message, Operation, Outcome, Receipt, Result, Sending, Settlement, Settling, Source,
    Support, Text,
    port::{ReceiveRequest, Receiver, Sender, Sessions, Settings},
};

use super::envelope;
use crate::WrappedSessions;

/// Receives through another receiver, and sends its dead letters to a queue of their own.
///
/// The other may be that of a session: see [`sessions`](Self::sessions).
#[derive(Debug)]
pub struct DeadLetterReceiver {
    to: Arc<dyn Sender>,
    /// Whether `to` is closed with it.
    owns_to: bool,
    capabilities: Capabilities,
    context: Context,
    inner: Arc<dyn Receiver>,
}

impl DeadLetterReceiver {
    /// Puts itself around `inner`, and sends its dead letters through `to`.
    ///
    /// Closing it closes both.
    #[must_use]
    pub fn new(inner: Arc<dyn Receiver>, to: Arc<dyn Sender>, context: &Context) -> Self {
        let owns_to = true;
        Self {
            owns_to,
            ..Self::around(inner, to, context)
        }
    }

    /// Accepts the sessions of `inner`, and sends their dead letters through `to`.
    ///
    /// Closing it leaves `to` open, since sessions in use may have dead letters still: close that
    /// when they have been given back.
    #[must_use]
    pub fn sessions(
        inner: Arc<dyn Sessions>,
        to: Arc<dyn Sender>,
        context: &Context,
    ) -> WrappedSessions {
        let (capabilities, context) = (emulated(inner.capabilities()), context.clone());
        let wrap = move |inner| Self::around(inner, Arc::clone(&to), &context);
        WrappedSessions::new(inner, capabilities, wrap)
    }

    /// Puts itself around `inner`, which alone is closed with it.
    fn around(inner: Arc<dyn Receiver>, to: Arc<dyn Sender>, context: &Context) -> Self {
        Self {
            to,
            owns_to: false,
            capabilities: emulated(inner.capabilities()),
            context: context.clone(),
            inner,
        }
    }

    /// Sends the dead letters among `batch`, with as much of their envelopes as the other queue has
    /// room for, and returns which of them are there.
    async fn send(&self, batch: &mut [&mut Settling]) -> Vec<bool> {
        let mut sent = vec![false; batch.len()];
        for told in [Told::All, Told::Reason, Told::Nothing] {
            let is_left = |place: &usize| {
                let error = batch[*place].outcome.error();
                !sent[*place] && (told == Told::All || error.is_some_and(is_of_the_size))
            };
            let left: Vec<usize> = (0..batch.len()).filter(is_left).collect();
            for place in self.send_some(batch, &left, told).await {
                sent[place] = true;
            }
        }
        sent
    }

    /// Sends the dead letters at `places`, and returns which of them are there.
    async fn send_some(
        &self,
        batch: &mut [&mut Settling],
        places: &[usize],
        told: Told,
    ) -> Vec<usize> {
        let messages = places.iter().map(|place| self.message(batch[*place], told));
        let mut sends: Vec<Sending> = messages.map(Sending::new).collect();
        let mut places = places.iter();
        let mut sent = Vec::with_capacity(sends.len());
        let mut rest = sends.as_mut_slice();
        while !rest.is_empty() {
            let (call, after) = rest.split_at_mut(self.fitting(rest));
            let answer = self.to.send(call).await;
            for (item, place) in call.iter_mut().zip(&mut places) {
                match std::mem::take(&mut item.outcome).settle(&answer) {
                    Ok(_) => sent.push(*place),
                    Err(error) => {
                        let queue = self.to.queue().as_text().clone();
                        let error = error.at(Operation::Settle, queue);
                        batch[*place].outcome = Outcome::Failed(error);
                    }
                }
            }
            rest = after;
        }
        sent
    }

    /// Returns how many messages fit into one send: at least one.
    fn fitting(&self, sends: &[Sending]) -> usize {
        let limits = self.to.capabilities();
        let count_max = limits.send_batch_max.map_or(u32::MAX, Into::into);
        let bytes_max = limits.send_bytes_max.map_or(u64::MAX, Into::into);
        let mut bytes = 0_u64;
        let fits = |item: &&Sending| {
            bytes = bytes.saturating_add(item.message.size());
            bytes <= bytes_max
        };
        let count_max = usize::try_from(count_max).unwrap_or(usize::MAX);
        let fitting = sends.iter().take(count_max).take_while(fits);
        fitting.count().max(1)
    }

    /// Makes the message that is sent for a dead letter.
    fn message(&self, item: &Settling, told: Told) -> Message {
        let Settling {
            delivery,
            settlement,
            ..
        } = item;
        let mut dead_letter = match settlement {
            Settlement::DeadLetter(dead_letter) => DeadLetter::clone(dead_letter),
            _ => DeadLetter::default(),
        };
        if told == Told::Reason {
            dead_letter.description = Text::default();
        }
        let facts = Envelope {
            dead_letter,
            source: self.inner.source().clone(),
            attempts: delivery.attempt,
            enqueued_at: delivery.enqueued_at,
            dead_lettered_at: self.context.clock.wall(),
        };
        let mut message = delivery.message.clone().id(delivery.id.clone());
        let details = message.details_mut();
        details.not_before = None;
        details.ttl = None;
        details.dedup_id = self.dedup_id(delivery).map(Into::into);
        // One of an earlier time would be taken for this one.
        envelope::remove(&mut details.headers);
        if told != Told::Nothing {
            envelope::write(&facts, &mut details.headers);
        }
        message
    }

    /// Makes an id that a second try of this delivery has too, and a later delivery has not.
    fn dedup_id(&self, delivery: &Delivery) -> Option<String> {
        let Delivery {
            id, attempt, lease, ..
        } = delivery;
        let id = format!("{id}/{attempt}/{}", lease.token());
        let is_known = self.to.capabilities().dedup.is_supported();
        (is_known && id.len() <= DETAIL_BYTES_MAX).then_some(id)
    }

    /// Acks those of `batch` that were sent.
    async fn ack(&self, batch: &mut [&mut Settling], sent: &[bool]) -> Result<()> {
        let mut places = Vec::new();
        let mut acks = Vec::new();
        for (item, _) in batch.iter_mut().zip(sent).filter(|(_, sent)| **sent) {
            acks.push(Settling::new(item.delivery.clone(), Settlement::Ack));
            places.push(&mut item.outcome);
        }
        let call = self.inner.settle(&mut acks).await;
        for (place, ack) in places.into_iter().zip(acks) {
            *place = ack.outcome;
        }
        call
    }

    /// Settles what is no dead letter, so that it does not wait for the other queue.
    async fn settle_others(&self, batch: &mut [&mut Settling]) -> Result<()> {
        let again =
            |item: &&mut Settling| Settling::new(item.delivery.clone(), item.settlement.clone());
        let mut others: Vec<Settling> = batch.iter().map(again).collect();
        let call = self.inner.settle(&mut others).await;
        for (place, other) in batch.iter_mut().zip(others) {
            place.outcome = other.outcome;
        }
        call
    }
}

/// Says how much a dead letter tells of why it is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    All,
    /// All but the description.
    Reason,
    Nothing,
}

/// Returns true for an error that a message with fewer or shorter headers may not have.
fn is_of_the_size(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::MessageTooLarge | ErrorKind::MessageInvalid
    )
}

/// Returns what can be done through a wrapper around what can do `inner`.
fn emulated(inner: &Capabilities) -> Capabilities {
    Capabilities {
        dead_letter: Support::Emulated,
        ..inner.clone()
    }
}

fn is_dead(item: &Settling) -> bool {
    matches!(item.settlement, Settlement::DeadLetter(_))
}

/// Writes the error of a call into the items that it left without an answer, so that another call
/// of the same batch can end otherwise.
fn answer_all(batch: &mut [&mut Settling], call: &Result<()>) {
    for item in batch {
        let outcome = std::mem::take(&mut item.outcome);
        item.outcome = outcome.settle(call).into();
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Receiver for DeadLetterReceiver {
    fn source(&self) -> &Source {
        self.inner.source()
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn settings(&self) -> Result<Settings> {
        let settings = self.inner.settings().await?;
        let to = self.to.capabilities();
        let is_ordered = to.queue_order.is_supported() || to.key_order.is_supported();
        Ok(Settings {
            dead_letter: Some(Source::queue(self.to.queue().clone())),
            dead_letter_is_ordered: Some(is_ordered),
            ..settings
        })
    }

    async fn receive(&self, request: ReceiveRequest, into: &mut Vec<Delivery>) -> Result<()> {
        self.inner.receive(request, into).await
    }

    async fn settle(&self, batch: &mut [Settling]) -> Result<()> {
        if !batch.iter().any(is_dead) {
            return self.inner.settle(batch).await;
        }
        let (mut dead, mut others): (Vec<_>, Vec<_>) =
            batch.iter_mut().partition(|item| is_dead(item));
        if !others.is_empty() {
            let call = self.settle_others(&mut others).await;
            answer_all(&mut others, &call);
        }
        let sent = self.send(&mut dead).await;
        if sent.contains(&true) {
            let call = self.ack(&mut dead, &sent).await;
            answer_all(&mut dead, &call);
        }
        Ok(())
    }

    async fn extend(&self, batch: &mut [Extending], by: Duration) -> Result<()> {
        self.inner.extend(batch, by).await
    }

    async fn lost(&self, into: &mut Vec<Receipt>) {
        self.inner.lost(into).await;
    }

    async fn close(&self) -> Result<()> {
        let closed = self.inner.close().await;
        if self.owns_to {
            self.to.close().await?;
        }
        closed
    }
}
