//! Carrying an answer out: sends, marks and the ack, as one or one after the other.

use std::mem::take;

use futures_util::future::join_all;
use relayhouse_core::{
    Context, Error, ErrorKind, Event, Mark, Message, Outgoing, Result, Sending, Settlement,
    Settling, Text, port::Receiver,
};

use super::{Apart, Handled, Output, Outputs, marks};
use crate::producer::{self, report};

impl Outputs {
    /// Sends what `item` is to send, completes its marks and settles it, as one. The claims of its
    /// marks are given up when it has failed, unless `is_repeated` says that it is tried again.
    pub(crate) async fn settle_and_send(
        &self,
        item: &mut Settling,
        context: &Context,
        is_repeated: impl Fn(&Error) -> bool,
    ) {
        let Settlement::Forward(outgoing) = &item.settlement else {
            return;
        };
        let sent = self.send_as_one(item, outgoing, context).await;
        let is_given_up = |error: &Error| is_of_the_send(error) && !is_repeated(error);
        if sent.as_ref().is_err_and(is_given_up) {
            marks::abandon(outgoing.marks(), context).await;
        }
        item.outcome = sent.into();
    }

    async fn send_as_one(
        &self,
        item: &Settling,
        outgoing: &Outgoing,
        context: &Context,
    ) -> Result<()> {
        let Some((bound, atomic, queue)) = self.transaction(outgoing) else {
            // Without outputs nobody has looked where it goes.
            self.addressed(&Handled::from(&item.delivery), outgoing)?;
            let text = "nothing can be one with the ack";
            return Err(Error::new(ErrorKind::Unexpected, text));
        };
        let messages = self.identified(&item.delivery.id, outgoing).into_iter();
        let messages: Vec<Message> = messages.map(|(_, message)| message).collect();
        let mut send: Vec<Sending> = messages.iter().cloned().map(Sending::new).collect();
        let marks = outgoing.marks().iter().cloned();
        let ack = marks.fold(Outgoing::new(), Outgoing::mark).sent();
        let mut settle = [Settling::new(item.delivery.clone(), ack)];
        let transactional = &atomic.transactional;
        let call = transactional.settle_and_send(&bound.source, &mut settle, &queue, &mut send);
        let began = context.clock.now();
        let result = call.await;
        if context.observer.is_some() {
            let answer = |sending: Sending| sending.outcome.settle(&result);
            let answers: Vec<_> = send.into_iter().map(answer).collect();
            let marks: Vec<_> = messages.iter().map(producer::Mark::of).collect();
            let call = Event::SendCall {
                queue: &queue,
                messages: u32::try_from(marks.len()).unwrap_or(u32::MAX),
                messages_max: None,
                took: context.clock.now().since(began),
                error: result.as_ref().err(),
            };
            report(context, &queue, call, &marks, &answers);
        }
        let [settled] = settle;
        settled.outcome.settle(&result)
    }

    /// Acks each of `batch` with its marks: as one where they are at the site of the source. What
    /// cannot be one, or is refused as one, is done one after the other: the messages were handled,
    /// and so their keys are done, and they are acked.
    pub(crate) async fn mark_and_ack(
        &self,
        receiver: &dyn Receiver,
        batch: &mut [Settling],
        context: &Context,
    ) {
        if self.can_mark(batch) {
            let call = receiver.settle(batch).await;
            for item in &mut *batch {
                let outcome = take(&mut item.outcome).settle(&call);
                let is_refused = outcome.as_ref().is_err_and(is_refused);
                if !is_refused || marks_of(item).is_empty() {
                    item.outcome = outcome.into();
                }
            }
        }
        let pending = batch.iter_mut().filter(|item| item.outcome.is_pending());
        let mut left: Vec<&mut Settling> = pending.collect();
        if left.is_empty() {
            return;
        }
        let marks = left.iter().flat_map(|item| marks_of(item)).collect();
        marks::complete(marks, context).await;
        let ack = |item: &&mut Settling| Settling::new(item.delivery.clone(), Settlement::Ack);
        let mut acks: Vec<Settling> = left.iter().map(ack).collect();
        let call = receiver.settle(&mut acks).await;
        for (item, ack) in left.iter_mut().zip(acks) {
            item.outcome = ack.outcome.settle(&call).into();
        }
    }

    /// Completes the marks of a message that was handled and can be acked no more.
    pub(crate) async fn mark_lost(&self, item: &Settling, context: &Context) {
        marks::complete(marks_of(item).iter().collect(), context).await;
    }

    fn can_mark(&self, batch: &[Settling]) -> bool {
        let atomic = self.0.bound.get().and_then(|bound| bound.atomic.as_ref());
        let atomic = atomic.filter(|atomic| atomic.site.is_some());
        atomic.is_some_and(|atomic| batch.iter().all(|item| atomic.marks(marks_of(item))))
    }

    /// Sends what `outgoing` holds, and ends when all of it is confirmed. If anything is not sent, the
    /// claims of its marks are given up.
    pub(super) async fn send(&self, handled: &Handled, outgoing: &Outgoing) -> Result<()> {
        let sent = self.send_apart(handled, outgoing).await;
        if let (Err(_), Some(bound)) = (&sent, self.0.bound.get()) {
            marks::abandon(outgoing.marks(), &bound.context).await;
        }
        sent
    }

    async fn send_apart(&self, handled: &Handled, outgoing: &Outgoing) -> Result<()> {
        let sends = self
            .addressed(handled, outgoing)?
            .into_iter()
            .map(|(output, messages)| output.send(messages));
        join_all(sends).await.into_iter().collect()
    }
}

impl Output {
    async fn send(self, messages: Vec<Apart>) -> Result<()> {
        let deduplicates = self.producer.deduplicates().await?;
        let messages = messages.into_iter().map(|sent| match deduplicates {
            true => with_dedup_id(sent),
            false => sent.message,
        });
        let answers = self.producer.send_all(messages).await;
        answers.into_iter().try_for_each(|answer| answer.map(drop))
    }
}

/// Lets the provider drop the message if the same delivery, or another of it, sends it again.
fn with_dedup_id(sent: Apart) -> Message {
    let mut message = sent.message;
    if message.details().dedup_id.is_none() {
        message.details_mut().dedup_id = Some(Text::from(sent.dedup_id.to_string()));
    }
    message
}

fn marks_of(item: &Settling) -> &[Mark] {
    match &item.settlement {
        Settlement::Forward(outgoing) => outgoing.marks(),
        _ => &[],
    }
}

/// Returns true if nothing took effect because of what was to be sent.
pub(crate) fn is_of_the_send(error: &Error) -> bool {
    !matches!(
        error.kind(),
        ErrorKind::LeaseLost | ErrorKind::OutcomeUnknown
    )
}

/// Returns true if a lease or a claim was lost, or the store of a mark has no room.
fn is_refused(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::LeaseLost | ErrorKind::Full)
}
