//! One receive: a long poll, whose answer becomes deliveries.

use std::{pin::pin, sync::Arc, time::Duration};

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

/// The attributes that are read: each further one would be parsed for every message.
const SYSTEM: [System; 4] = [
    System::ApproximateReceiveCount,
    System::AwsTraceHeader,
    System::MessageGroupId,
    System::SentTimestamp,
];

/// Those that only messages of FIFO queues have.
const SYSTEM_OF_FIFO: [System; 2] = [System::MessageDeduplicationId, System::SequenceNumber];

impl SqsReceiver {
    /// Polls until there are messages that are due, or the wait is over.
    pub(super) async fn receive_call(
        &self,
        request: ReceiveRequest,
        into: &mut Vec<Delivery>,
    ) -> Result<()> {
        let is_closed = self.closing.is_closed() || self.link.closing.is_closed();
        if is_closed {
            return Err(error::closed(Operation::Receive));
        }
        let before = into.len();
        let deadline = self.link.now() + request.wait.min(WAIT_MAX);
        loop {
            let left = deadline.since(self.link.now());
            let early = self.poll(request.wait(left), into).await?;
            if early.is_empty() {
                return Ok(());
            }
            let hopped = Box::pin(self.hop(early)).await;
            if before < into.len() {
                // What failed comes again, and then it is told.
                return Ok(());
            }
            hopped?;
            // However many are not due: whoever waits would cut a hop that comes too late in two.
            if deadline <= self.link.now() {
                return Ok(());
            }
        }
    }

    /// Polls until there are messages, the wait is over or it is closed, and returns those that came
    /// before they are due: they are to [`hop`](Self::hop).
    pub(crate) async fn poll(
        &self,
        request: ReceiveRequest,
        into: &mut Vec<Delivery>,
    ) -> Result<Vec<Reading>> {
        let poll = pin!(self.poll_measured(request, into));
        let closing = pin!(select(
            Box::pin(self.closing.wait()),
            Box::pin(self.link.closing.wait())
        ));
        match select(poll, closing).await {
            Either::Left((early, _)) => early,
            Either::Right(_) => Ok(Vec::new()),
        }
    }

    /// Polls, at first without waiting where no round trip is known: nobody could say since when
    /// what a long poll brings is leased.
    async fn poll_measured(
        &self,
        request: ReceiveRequest,
        into: &mut Vec<Delivery>,
    ) -> Result<Vec<Reading>> {
        let before = into.len();
        let deadline = self.link.now() + request.wait;
        if request.wait.is_zero() {
            return self.poll_once(request, into).await;
        }
        if self.link.round_trip().is_none() {
            let early = self.poll_once(request.wait(Duration::ZERO), into).await?;
            if before < into.len() || !early.is_empty() {
                return Ok(early);
            }
        }
        self.poll_in_turn(request, deadline, into).await
    }

    /// Polls once when it is its turn, for what is left of the wait then: without waiting, if
    /// nothing is.
    async fn poll_in_turn(
        &self,
        request: ReceiveRequest,
        deadline: Instant,
        into: &mut Vec<Delivery>,
    ) -> Result<Vec<Reading>> {
        let turn = self.link.poll_turn(deadline).await;
        let left = match turn {
            Some(_) => deadline.since(self.link.now()),
            None => Duration::ZERO,
        };
        self.poll_once(request.wait(left), into).await
    }

    /// Polls once, and returns the messages that came before they are due.
    async fn poll_once(
        &self,
        request: ReceiveRequest,
        into: &mut Vec<Delivery>,
    ) -> Result<Vec<Reading>> {
        let wait = request.wait;
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
            .set_message_system_attribute_names(Some(self.system_names()))
            .message_attribute_names("All");
        let limit = wait + self.link.config.receive_beyond_wait;
        let answer = self
            .link
            .bounded(
                Call::Receive,
                Operation::Receive,
                limit,
                Box::pin(call.send()),
            )
            .await?;
        if let Some(attempt) = attempt {
            attempt.heard();
        }
        let answered = self.link.now();
        let messages = answer.messages.unwrap_or_default();
        self.link.meter.received(messages.len() as u64);
        self.link
            .called(Operation::Receive, messages.len() as u64, 1);
        if wait.is_zero() {
            self.link.note_round_trip(answered.since(started));
        }
        // SQS handed out after it was asked, and at most one round trip before its answer came.
        let round_trip = self.link.round_trip();
        let since = round_trip.map_or(started, |it| started.max(answered - it));
        let readings = messages.into_iter();
        let rules = self.link.rules();
        let readings = readings.filter_map(|message| read(message, self.dead, rules));
        let (unread, mut readings): (Vec<_>, Vec<_>) =
            readings.partition(|reading| reading.unread.is_some());
        let early = self.split_off_early(&mut readings);
        let held = Held {
            until: since + self.lease,
            since,
        };
        let first = into.len();
        into.extend(readings.into_iter().map(|reading| deliver(reading, held)));
        let receipts = into[first..].iter().map(|it| it.receipt.clone());
        self.leases.insert(receipts, held, answered);
        // What cannot be read stays, and comes again when its lease ends: then it may be told.
        let has_more = first < into.len() || !early.is_empty();
        match unread.into_iter().find_map(|reading| reading.unread) {
            Some(error) if !has_more => Err(error),
            _ => Ok(early),
        }
    }

    fn system_names(&self) -> Vec<System> {
        if self.dead.is_some() {
            return vec![System::All];
        }
        let mut names = Vec::from(SYSTEM);
        if self.queue.is_fifo {
            names.extend(SYSTEM_OF_FIFO);
        }
        names
    }
}

fn deliver(reading: Reading, held: Held) -> Delivery {
    Delivery {
        id: reading.id,
        message: reading.message,
        receipt: Receipt::from_text(&reading.handle),
        // SQS has no token; the count of receives grows with each delivery.
        lease: Lease::new(held.until, u64::from(reading.attempt)),
        attempt: reading.attempt,
        previous: reading.previous,
        sequence: reading.sequence,
        enqueued_at: reading.enqueued_at,
        envelope: reading.envelope.map(Arc::new),
    }
}
