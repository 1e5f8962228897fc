//! A queue with a sender and a receiver, and short names for what cases do with them.

use std::{
    num::{NonZeroU32, NonZeroU64},
    ops::Deref,
    sync::{Arc, atomic::AtomicU64, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use relayhouse_core::{
    Capabilities, Delivery, Extending, Instant, LeaseKind, Message, MessageId, Outcome, QueueName,
    Result, Sending, Sent, Settlement, Settling, Source,
    port::{
        Admin, Provider, QueueConfig, ReceiveRequest, Receiver, ReceiverOptions, Sender, Stats,
    },
};

use super::{
    cases::{is_passing, session_port::SessionPort},
    violation::{Verdict, Violation, ensure},
};
use crate::harness::Harness;

/// The lease of the queues that a fixture makes.
pub(super) const LEASE: Duration = Duration::from_secs(10);

/// How long a case waits for what must come.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// A queue of one case, opened to send.
#[derive(Debug)]
pub struct Outlet<'a> {
    /// The harness of the target.
    pub harness: &'a dyn Harness,
    /// The provider, opened for this case.
    pub provider: Arc<dyn Provider>,
    /// The queue, made for this case.
    pub queue: QueueName,
    /// The queue as a source.
    pub source: Source,
    /// Sends to the queue.
    pub sender: Arc<dyn Sender>,
    next: AtomicU64,
}

/// A queue of one case, opened to send and to receive.
#[derive(Debug)]
pub struct Fixture<'a> {
    outlet: Outlet<'a>,
    /// Receives from the queue.
    pub receiver: Arc<dyn Receiver>,
}

impl<'a> Deref for Fixture<'a> {
    type Target = Outlet<'a>;

    fn deref(&self) -> &Outlet<'a> {
        &self.outlet
    }
}

impl<'a> Fixture<'a> {
    /// Makes a queue with a lease of 10 s.
    ///
    /// # Errors
    ///
    /// Returns what the target says.
    pub async fn new(harness: &'a dyn Harness) -> Result<Self> {
        Self::with(harness, QueueConfig::default()).await
    }

    /// Makes a queue as `config` says, with a lease of 10 s if it sets none.
    ///
    /// # Errors
    ///
    /// Returns what the target says.
    pub async fn with(harness: &'a dyn Harness, config: QueueConfig) -> Result<Self> {
        let outlet = Outlet::new(harness, config).await?;
        let receiver = outlet.open_at(&outlet.source).await?;
        Ok(Self { outlet, receiver })
    }

    /// Returns what the target declares.
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        self.receiver.capabilities()
    }

    /// Opens a further receiver of the queue.
    pub(super) async fn open(&self) -> Result<Arc<dyn Receiver>> {
        self.open_at(&self.source).await
    }

    /// Receives one message, which must come in time.
    #[track_caller]
    pub(super) fn receive(&self) -> impl Future<Output = Result<Delivery, Violation>> + Send {
        receive(&*self.receiver)
    }

    /// Receives exactly `count` messages, which must come in time.
    pub(super) async fn receive_all(&self, count: usize) -> Result<Vec<Delivery>, Violation> {
        receive_all(&*self.receiver, count).await
    }

    /// Checks that no message can be received.
    pub(super) async fn nothing(&self) -> Verdict {
        self.outlet.nothing_from(&*self.receiver).await
    }

    /// Settles one delivery.
    pub(crate) async fn settle(&self, delivery: &Delivery, settlement: Settlement) -> Result<()> {
        settle(&*self.receiver, delivery, settlement).await
    }

    /// Acks one delivery.
    pub(super) async fn ack(&self, delivery: &Delivery) -> Result<()> {
        self.settle(delivery, Settlement::Ack).await
    }

    /// Settles deliveries in batches as large as the target takes, and returns each answer.
    pub(super) async fn settle_all(
        &self,
        deliveries: Vec<Delivery>,
        settlement: &Settlement,
    ) -> Vec<Result<()>> {
        settle_all(&*self.receiver, deliveries, settlement).await
    }

    /// Acks deliveries; each ack must be done.
    pub(super) async fn ack_all(&self, deliveries: Vec<Delivery>) -> Result<()> {
        let results = self.settle_all(deliveries, &Settlement::Ack).await;
        results.into_iter().collect()
    }

    /// Extends one lease.
    pub(crate) async fn extend(&self, delivery: &Delivery, by: Duration) -> Result<Instant> {
        extend(&*self.receiver, delivery, by).await
    }

    /// Checks that the queue holds no message that could still be delivered. Where a message may
    /// be delivered again after its ack, it is acked again.
    pub(super) async fn drained(&self) -> Verdict {
        let tolerance = self.harness.tolerance();
        self.harness.pass(LEASE + tolerance).await;
        if !self.capabilities().lease_exclusive.is_supported() {
            let again = receive_rest(&*self.receiver, tolerance).await?;
            self.ack_all(again).await?;
        }
        self.nothing().await
    }
}

impl<'a> Outlet<'a> {
    /// Makes a queue as `config` says, with a lease of 10 s if it sets none.
    ///
    /// # Errors
    ///
    /// Returns what the target says.
    pub async fn new(harness: &'a dyn Harness, config: QueueConfig) -> Result<Self> {
        let config = QueueConfig {
            lease: config.lease.or(Some(LEASE)),
            ..config
        };
        let provider = harness.provider().await?;
        let queue = harness.queue(&*provider, &config).await?;
        let source = Source::queue(queue.clone());
        let sender = provider.sender(&queue).await?;
        Ok(Self {
            harness,
            provider,
            queue,
            source,
            sender,
            next: AtomicU64::new(1),
        })
    }

    /// Returns the current time of the target's clock.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.harness.clock().now()
    }

    /// Makes a message of `body` with an id that the case has not used.
    #[must_use]
    pub fn message(&self, body: impl Into<Bytes>) -> Message {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.harness
            .dress(Message::new(body).id(MessageId::from(u128::from(number))))
    }

    /// Makes `count` messages with the bodies `0`, `1` and so on.
    #[must_use]
    pub fn messages(&self, count: usize) -> Vec<Message> {
        (0..count)
            .map(|index| self.message(index.to_string()))
            .collect()
    }

    /// Returns the port for administration.
    pub(crate) fn admin(&self) -> Result<Arc<dyn Admin>, Violation> {
        self.provider
            .admin()
            .ok_or_else(|| Violation::new("the provider has no port for administration"))
    }

    /// Sends one message.
    pub(crate) async fn send(&self, message: Message) -> Result<Sent> {
        let mut batch = [Sending::new(message)];
        let call = self.sender.send(&mut batch).await;
        let [item] = batch;
        item.outcome.settle(&call)
    }

    /// Sends messages in batches as large as the target takes; each must be taken, at last when
    /// it is sent again.
    pub(crate) async fn send_all(&self, messages: Vec<Message>) -> Result<Vec<Sent>> {
        let mut sent = Vec::with_capacity(messages.len());
        let results = self.try_send_all(messages.clone()).await;
        for (message, result) in messages.into_iter().zip(results) {
            sent.push(match result {
                Err(error) if is_passing(&error) => self.send(message).await?,
                result => result?,
            });
        }
        Ok(sent)
    }

    /// Sends messages one after the other, so that their order is that of the sends.
    pub(super) async fn send_each(&self, messages: Vec<Message>) -> Verdict {
        for message in messages {
            self.send(message).await?;
        }
        Ok(())
    }

    /// Sends messages in batches as large as the target takes, and returns each answer.
    pub(super) async fn try_send_all(&self, messages: Vec<Message>) -> Vec<Result<Sent>> {
        let mut batch: Vec<_> = messages.into_iter().map(Sending::new).collect();
        let mut results = Vec::with_capacity(batch.len());
        let size = chunk(self.sender.capabilities().send_batch_max);
        let bytes_max = self.sender.capabilities().send_bytes_max;
        while !batch.is_empty() {
            let rest = batch.split_off(pack(&batch, size, bytes_max));
            let call = self.sender.send(&mut batch).await;
            results.extend(batch.into_iter().map(|item| item.outcome.settle(&call)));
            batch = rest;
        }
        results
    }

    /// Checks that no message can be received from `receiver`.
    pub(super) async fn nothing_from(&self, receiver: &dyn Receiver) -> Verdict {
        let wait = self.harness.tolerance();
        let mut deliveries = Vec::new();
        receiver
            .receive(ReceiveRequest::ONE.wait(wait), &mut deliveries)
            .await?;
        ensure(
            deliveries.is_empty(),
            format!("nothing should be there to receive, but got {deliveries:?}"),
        )
    }

    /// Lets time pass until the lease of `delivery` has ended.
    pub(super) async fn expire(&self, delivery: &Delivery) {
        let left = delivery.lease.until().since(self.now());
        self.harness.pass(left + self.harness.tolerance()).await;
    }

    /// Opens `source` to receive: by its one session, where the target's lease is that of a
    /// session.
    pub(super) async fn open_at(&self, source: &Source) -> Result<Arc<dyn Receiver>> {
        let options = ReceiverOptions::default();
        let provider = &*self.provider;
        let lease = self.harness.capabilities(provider).lease;
        if lease != LeaseKind::Session || source.dead_letter {
            return provider.receiver(source, options).await;
        }
        let sessions = provider.sessions(source, options).await?;
        Ok(Arc::new(SessionPort::accept(sessions).await?))
    }

    /// Counts the messages of the queue.
    pub(crate) async fn stats(&self) -> Result<Stats, Violation> {
        Ok(self.admin()?.stats(&self.source).await?)
    }
}

/// Receives one message from `receiver`, which must come in time.
#[track_caller]
pub(super) fn receive(
    receiver: &dyn Receiver,
) -> impl Future<Output = Result<Delivery, Violation>> + Send {
    let late = Violation::new("a message should be there to receive, but none came");
    async move {
        let mut deliveries = Vec::new();
        receiver
            .receive(ReceiveRequest::ONE.wait(PATIENCE), &mut deliveries)
            .await?;
        ensure(
            deliveries.len() <= 1,
            "one message was asked for, more came",
        )?;
        deliveries.pop().ok_or(late)
    }
}

/// Receives exactly `count` messages from `receiver`, which must come in time.
pub(super) async fn receive_all(
    receiver: &dyn Receiver,
    count: usize,
) -> Result<Vec<Delivery>, Violation> {
    let mut deliveries = Vec::with_capacity(count);
    while deliveries.len() < count {
        let before = deliveries.len();
        let max = u32::try_from(count - before).unwrap_or(u32::MAX);
        let request = ReceiveRequest::up_to(NonZeroU32::new(max).unwrap_or(NonZeroU32::MIN));
        receiver
            .receive(request.wait(PATIENCE), &mut deliveries)
            .await?;
        if deliveries.len() == before {
            let text = format!("{count} messages should come, only {before} did");
            return Err(Violation::new(text));
        }
    }
    Ok(deliveries)
}

/// Receives what is there, until nothing comes for `wait`.
pub(super) async fn receive_rest(
    receiver: &dyn Receiver,
    wait: Duration,
) -> Result<Vec<Delivery>, Violation> {
    let max = NonZeroU32::new(100).unwrap_or(NonZeroU32::MIN);
    let mut deliveries = Vec::new();
    loop {
        let before = deliveries.len();
        let request = ReceiveRequest::up_to(max).wait(wait);
        receiver.receive(request, &mut deliveries).await?;
        if deliveries.len() == before {
            return Ok(deliveries);
        }
    }
}

/// Settles one delivery on `receiver`.
pub(super) async fn settle(
    receiver: &dyn Receiver,
    delivery: &Delivery,
    settlement: Settlement,
) -> Result<()> {
    let mut batch = [Settling::new(delivery.clone(), settlement)];
    let call = receiver.settle(&mut batch).await;
    let [item] = batch;
    item.outcome.settle(&call)
}

/// Settles deliveries on `receiver` in batches as large as it takes, and returns each answer;
/// what the target asks to try again is tried again alone.
pub(super) async fn settle_all(
    receiver: &dyn Receiver,
    deliveries: Vec<Delivery>,
    settlement: &Settlement,
) -> Vec<Result<()>> {
    let settling = |delivery| Settling::new(delivery, settlement.clone());
    let mut batch: Vec<_> = deliveries.into_iter().map(settling).collect();
    let mut results = Vec::with_capacity(batch.len());
    for items in batch.chunks_mut(chunk(receiver.capabilities().settle_batch_max)) {
        let call = receiver.settle(items).await;
        for item in items {
            let outcome = std::mem::replace(&mut item.outcome, Outcome::Pending);
            results.push(match outcome.settle(&call) {
                Err(error) if is_passing(&error) => {
                    settle(receiver, &item.delivery, settlement.clone()).await
                }
                result => result,
            });
        }
    }
    results
}

/// Extends one lease on `receiver`.
pub(super) async fn extend(
    receiver: &dyn Receiver,
    delivery: &Delivery,
    by: Duration,
) -> Result<Instant> {
    let mut batch = [Extending::new(delivery.receipt.clone())];
    let call = receiver.extend(&mut batch, by).await;
    let [item] = batch;
    item.outcome.settle(&call)
}

/// Returns a batch size as a length: all at once, where there is no limit.
pub(super) fn chunk(max: Option<NonZeroU32>) -> usize {
    max.map_or(1_000, |max| {
        usize::try_from(max.get()).unwrap_or(usize::MAX)
    })
}

/// How many of the first items fit a call: one at least.
fn pack(batch: &[Sending], count_max: usize, bytes_max: Option<NonZeroU64>) -> usize {
    let bytes_max = bytes_max.map_or(u64::MAX, NonZeroU64::get);
    let mut bytes = 0;
    let fitting = batch.iter().take(count_max).take_while(|item| {
        bytes += item.message.size();
        bytes <= bytes_max
    });
    fitting.count().max(1)
}
