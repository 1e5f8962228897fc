//! One receive: a long poll, whose answer becomes deliveries.

use std::{pin::pin, sync::Arc};

use aws_sdk_sqs::types::MessageSystemAttributeName as System;
use futures_util::future::{Either, select};
use relayhouse_core::{Delivery, Instant, Lease, Operation, Receipt, Result, port::ReceiveRequest};

use super::{SqsReceiver, attempt::Attempt};
use crate::{
    capability::{BATCH_MAX, WAIT_MAX},
    convert::{Reading, read, whole_seconds_i32},
    cost::Call,
    error,
    lease::Held,
};

impl SqsReceiver {
    pub(super) async fn receive_call(
        &self,
        request: ReceiveRequest,
        into: &mut Vec<Delivery>,
    ) -> Result<()> {
        let is_closed = self.closing.is_closed() || self.link.closing.is_closed();
        if is_closed {
            return Err(error::closed(Operation::Receive));
        }
        let poll = pin!(self.poll(request, into));
        let closing = pin!(select(
            Box::pin(self.closing.wait()),
            Box::pin(self.link.closing.wait())
        ));
        match select(poll, closing).await {
            Either::Left((received, _)) => received,
            Either::Right(_) => Ok(()),
        }
    }

    async fn poll(&self, request: ReceiveRequest, into: &mut Vec<Delivery>) -> Result<()> {
        let wait = request.wait.min(WAIT_MAX);
        let messages_max = usize::try_from(request.messages_max.get()).unwrap_or(BATCH_MAX);
        let messages_max = i32::try_from(messages_max.min(BATCH_MAX)).unwrap_or(1);
        let started = self.link.now();
        let is_fifo = self.queue.is_fifo;
        let attempt = is_fifo.then(|| self.attempts.take(&*self.link.context.random, started));
        let call = self.link.client().await?.receive_message();
        let call = call
            .queue_url(&*self.queue.url)
            .max_number_of_messages(messages_max)
            .wait_time_seconds(whole_seconds_i32(wait))
            .set_visibility_timeout(self.visibility)
            .set_receive_request_attempt_id(attempt.as_ref().and_then(Attempt::id))
            .message_system_attribute_names(System::All)
            .message_attribute_names("All");
        let limit = wait + self.link.config.receive_beyond_wait;
        let answer = self
            .link
            .bounded(Call::Receive, Operation::Receive, limit, call.send())
            .await?;
        if let Some(attempt) = attempt {
            attempt.heard();
        }
        let answered = self.link.now();
        let messages = answer.messages.unwrap_or_default();
        self.link.meter.received(messages.len() as u64);
        // SQS handed out after it was asked, and at most one round trip before its answer came.
        let since = started.max(answered - self.link.round_trip());
        let readings = messages.into_iter();
        let readings = readings.filter_map(|message| read(message, self.dead));
        into.extend(readings.map(|reading| self.deliver(reading, since, answered)));
        Ok(())
    }

    fn deliver(&self, reading: Reading, since: Instant, now: Instant) -> Delivery {
        let until = since + self.lease;
        let receipt = Receipt::from_text(&reading.handle);
        self.leases
            .insert(receipt.clone(), Held { until, since }, now);
        Delivery {
            id: reading.id,
            message: reading.message,
            receipt,
            // SQS has no token; the count of receives grows with each delivery.
            lease: Lease::new(until, u64::from(reading.attempt)),
            attempt: reading.attempt,
            previous: reading.previous,
            sequence: reading.sequence,
            enqueued_at: reading.enqueued_at,
            envelope: reading.envelope.map(Arc::new),
        }
    }
}
