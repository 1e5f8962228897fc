//! The task that forwards.

use std::{num::NonZeroU32, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::{
    FutureExt,
    future::{Either, select},
};
use relayhouse_core::{
    Context, DeadLetter, Delivery, Error, ErrorKind, Event, Message, Result, Sending, Settlement,
    Settling,
    port::{ReceiveRequest, Receiver, Sender},
};

use super::{OutboxBuilder, OutboxConfig, handle::Shared, wave::Waves};
use crate::sync::atomic::Ordering;

/// Takes messages from the local queue, and forwards them until it is stopped.
pub(super) struct Forwarder {
    stored: Arc<dyn Receiver>,
    broker: Arc<dyn Sender>,
    config: OutboxConfig,
    shared: Arc<Shared>,
    context: Context,
}

/// How a round went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Round {
    has_forwarded: bool,
    has_failed: bool,
}

impl Forwarder {
    pub(super) fn new(builder: &OutboxBuilder, shared: Arc<Shared>, context: Context) -> Self {
        Self {
            stored: Arc::clone(&builder.stored),
            broker: Arc::clone(&builder.broker),
            config: builder.config.clone(),
            shared,
            context,
        }
    }

    pub(super) async fn run(self) {
        while !self.shared.is_stopping() {
            let mut round = Round::default();
            let ended = AssertUnwindSafe(self.round(&mut round)).catch_unwind();
            match ended.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) if error.kind() == ErrorKind::Closed => return,
                Ok(Err(error)) => self.fail(&mut round, &error),
                // A bug of a port: what it had comes again when its lease ends.
                Err(_) => self.fail(&mut round, &panicked()),
            }
            // What goes through shows that the broker is there: one message at fault is no outage.
            if round.has_forwarded || !round.has_failed {
                self.shared.failures.store(0, Ordering::Relaxed);
            }
            if round.has_failed {
                self.back_off().await;
            }
        }
    }

    /// Takes what is next, and forwards it.
    async fn round(&self, round: &mut Round) -> Result<()> {
        let deliveries = self.take().await?;
        self.forward(deliveries, round).await;
        Ok(())
    }

    /// Takes the next messages from the local queue, and waits for them.
    async fn take(&self) -> Result<Vec<Delivery>> {
        let limit = self.stored.capabilities().receive_batch_max;
        let messages_max = self.config.messages_max;
        let request = ReceiveRequest {
            messages_max: limit.map_or(messages_max, |limit| limit.min(messages_max)),
            bytes_max: self.config.bytes_max,
            wait: self.config.receive_wait,
        };
        let mut deliveries = Vec::new();
        let receive = self.stored.receive(request, &mut deliveries);
        // A close of the receiver ends the wait; an outbox that is dropped does not close it.
        match select(receive, Box::pin(self.shared.stopped())).await {
            Either::Left((received, _)) => received?,
            Either::Right(((), receive)) => {
                self.stored.close().await?;
                receive.await?;
            }
        }
        Ok(deliveries)
    }

    /// Forwards `deliveries` in waves, and settles each wave before the next.
    async fn forward(&self, deliveries: Vec<Delivery>, round: &mut Round) {
        let limits = self.broker.capabilities();
        let is_ordered = limits.key_order.is_supported()
            || limits.queue_order.is_supported()
            || limits.sessions.is_supported();
        let count_max = limits.send_batch_max.map_or(u32::MAX, NonZeroU32::get);
        let count_max = usize::try_from(count_max).unwrap_or(usize::MAX);
        let bytes_max = limits.send_bytes_max.map_or(u64::MAX, Into::into);
        let mut waves = Waves::new(deliveries, is_ordered);
        while !round.has_failed && !self.shared.is_stopping() {
            let mut wave = waves.next(count_max, bytes_max);
            if wave.is_empty() {
                break;
            }
            if !self.has_time(&wave) {
                // Leases that are too short from the start would be taken again at once.
                if !round.has_forwarded {
                    self.fail(round, &no_time());
                }
                wave.extend(waves.rest());
                return self.settle(releases(wave), round).await;
            }
            let settlements = self.send(wave, &mut waves, round).await;
            self.settle(settlements, round).await;
        }
        self.settle(releases(waves.rest()), round).await;
    }

    /// Returns true if the leases last for a send and the settle after it.
    fn has_time(&self, wave: &[Delivery]) -> bool {
        let end = self.context.clock.now() + self.config.send_timeout;
        wave.iter().all(|delivery| end < delivery.lease.until())
    }

    /// Sends one wave, and says how each of its messages ends in the local queue.
    async fn send(
        &self,
        wave: Vec<Delivery>,
        waves: &mut Waves,
        round: &mut Round,
    ) -> Vec<Settling> {
        let messages = wave.iter().map(|delivery| self.message(delivery));
        let mut batch: Vec<Sending> = messages.map(Sending::new).collect();
        let call = self.call(&mut batch).await;
        let mut settlements = Vec::with_capacity(wave.len());
        for (delivery, item) in wave.into_iter().zip(batch) {
            let settlement = match item.outcome.settle(&call) {
                Ok(_) => {
                    round.has_forwarded = true;
                    self.shared.forwarded.fetch_add(1, Ordering::Relaxed);
                    Settlement::Ack
                }
                Err(error) if self.is_refusal(&error) => {
                    self.shared.refused.fetch_add(1, Ordering::Relaxed);
                    let dead_letter = DeadLetter::from_error("outbox-refused", &error);
                    Settlement::DeadLetter(Box::new(dead_letter))
                }
                Err(error) => {
                    self.fail(round, &error);
                    waves.stick(&delivery);
                    Settlement::RELEASE
                }
            };
            settlements.push(Settling::new(delivery, settlement));
        }
        settlements
    }

    /// Calls the broker, within the time that a send may take.
    async fn call(&self, batch: &mut [Sending]) -> Result<()> {
        let clock = &self.context.clock;
        let timeout = clock.sleep_until(clock.now() + self.config.send_timeout);
        match select(self.broker.send(batch), timeout).await {
            Either::Left((call, _)) => call,
            // An item without an answer then counts as unknown.
            Either::Right(((), _)) => Ok(()),
        }
    }

    /// Makes the message that is forwarded.
    fn message(&self, delivery: &Delivery) -> Message {
        let mut message = delivery.message.clone().id(delivery.id.clone());
        if message.details().not_before.is_some() {
            message.details_mut().not_before = None;
        }
        if let Some(ttl) = message.details().ttl {
            let waited = self.context.clock.wall().since(delivery.enqueued_at);
            // What is over by now is over soon: the broker says what becomes of it.
            let left = ttl.saturating_sub(waited).max(Duration::from_millis(1));
            message.details_mut().ttl = Some(left);
        }
        message
    }

    /// Returns true if the broker will never take the message, and the local queue has a place for
    /// it.
    fn is_refusal(&self, error: &Error) -> bool {
        let is_of_the_message = matches!(
            error.kind(),
            ErrorKind::MessageInvalid | ErrorKind::MessageTooLarge | ErrorKind::Unsupported
        );
        is_of_the_message && self.stored.capabilities().dead_letter.is_supported()
    }

    /// Settles on the local queue, within its limit. What is not settled comes again when its lease
    /// ends.
    async fn settle(&self, mut batch: Vec<Settling>, round: &mut Round) {
        let limit = self.stored.capabilities().settle_batch_max;
        let limit = limit.map_or(u32::MAX, NonZeroU32::get);
        for part in batch.chunks_mut(usize::try_from(limit).unwrap_or(usize::MAX)) {
            let call = self.stored.settle(part).await;
            for item in part {
                if let Err(error) = std::mem::take(&mut item.outcome).settle(&call) {
                    self.fail(round, &error);
                }
            }
        }
    }

    fn fail(&self, round: &mut Round, error: &Error) {
        round.has_failed = true;
        if let Some(observer) = &self.context.observer {
            let queue = self.broker.queue();
            let event = Event::NotForwarded { queue, error };
            observer.observe(self.context.clock.now(), &[event]);
        }
    }

    /// Waits after a failure, but not when it is to stop.
    async fn back_off(&self) {
        let failures = self.shared.failures.fetch_add(1, Ordering::Relaxed);
        let failures = u32::try_from(failures).unwrap_or(u32::MAX);
        let random = &*self.context.random;
        let backoff = self.config.backoff();
        let delay = backoff.delay(failures.saturating_add(1), random);
        let clock = &self.context.clock;
        let sleep = clock.sleep_until(clock.now() + delay);
        select(sleep, Box::pin(self.shared.stopped())).await;
    }
}

fn panicked() -> Error {
    Error::new(ErrorKind::Panicked, "a port of the outbox panicked")
}

fn no_time() -> Error {
    let text = "leases of the local queue end before a send may";
    Error::new(ErrorKind::ConfigInvalid, text)
}

fn releases(deliveries: Vec<Delivery>) -> Vec<Settling> {
    let release = |delivery| Settling::new(delivery, Settlement::RELEASE);
    deliveries.into_iter().map(release).collect()
}
