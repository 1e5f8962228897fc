//! The receiver of a queue, a subscription, or the dead letters of either.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use relayhouse_core::{
    Capabilities, Delivery, Extending, Operation, Receipt, Result, Settlement, Settling, Source,
    port::{ReceiveRequest, Receiver, Settings},
};

use crate::{
    convert,
    engine::{Asking, Lane, LostWait, Queue, ReceiveWait},
    error,
    namespace::Namespace,
};

/// Receives from one source.
#[derive(Debug)]
pub(crate) struct MemoryReceiver {
    namespace: Arc<Namespace>,
    queue: Arc<Queue>,
    source: Source,
    capabilities: Arc<Capabilities>,
    lease: Duration,
    is_closed: AtomicBool,
    has_told_lost: AtomicBool,
}

impl MemoryReceiver {
    pub(crate) fn new(
        namespace: Arc<Namespace>,
        queue: Arc<Queue>,
        source: Source,
        capabilities: Arc<Capabilities>,
        lease: Duration,
    ) -> Self {
        Self {
            namespace,
            queue,
            source,
            capabilities,
            lease,
            is_closed: AtomicBool::new(false),
            has_told_lost: AtomicBool::new(false),
        }
    }

    fn lane(&self) -> Lane {
        Lane::of(self.source.dead_letter)
    }
}

/// Clamps a request to what one receive brings at most.
pub(crate) fn clamp(capabilities: &Capabilities, mut request: ReceiveRequest) -> ReceiveRequest {
    if let Some(max) = capabilities.receive_batch_max {
        request.messages_max = request.messages_max.min(max);
    }
    if let Some(max) = capabilities.receive_wait_max {
        request.wait = request.wait.min(max);
    }
    request
}

/// Settles a batch, with the limits and failures of the profile.
pub(crate) fn settle(
    namespace: &Namespace,
    queue: &Queue,
    lane: Lane,
    capabilities: &Capabilities,
    batch: &mut [Settling],
) -> Result<()> {
    if batch.is_empty() {
        return Ok(());
    }
    if let Some(max) = capabilities.settle_batch_max {
        if usize::try_from(max.get()).is_ok_and(|max| max < batch.len()) {
            let count = batch.len();
            return Err(error::batch_too_long(Operation::Settle, count, max.get()));
        }
    }
    check_delays(queue, lane, capabilities, batch);
    convert::throttle(
        queue.settings.behaviour.failures,
        &*namespace.context.random,
        Operation::Settle,
        batch.iter_mut().map(|item| &mut item.outcome),
    );
    queue.settle(lane, batch);
    Ok(())
}

/// Fails items that ask for a longer delay than the profile allows.
fn check_delays(queue: &Queue, lane: Lane, capabilities: &Capabilities, batch: &mut [Settling]) {
    let max = match capabilities.release_delay.is_supported() {
        true => capabilities.release_delay_max.unwrap_or(Duration::MAX),
        false => Duration::ZERO,
    };
    if max == Duration::MAX {
        return;
    }
    for item in batch.iter_mut().filter(|item| item.outcome.is_pending()) {
        let Settlement::Release { delay } = item.settlement else {
            continue;
        };
        if max < delay {
            let error = match max.is_zero() {
                true => error::unsupported(
                    queue.name(lane),
                    Operation::Settle,
                    "a message cannot be released with a delay",
                ),
                false => error::too_long(Operation::Settle, delay, max),
            };
            item.outcome = Err(error).into();
        }
    }
}

/// Reads the settings of a queue or of its dead letters.
pub(crate) fn settings_of(
    queue: &Queue,
    source: &Source,
    capabilities: &Capabilities,
    lease: Duration,
) -> Settings {
    let settings = &queue.settings;
    let is_live = !source.dead_letter;
    let bytes_max = std::num::NonZeroU64::new(settings.bytes_max);
    Settings {
        lease: Some(lease),
        attempts_max: settings.attempts_max.filter(|_| is_live),
        dead_letter: is_live.then(|| source.dead_letters()),
        is_ordered: Some(capabilities.key_order.is_supported()),
        dead_letter_is_ordered: is_live.then_some(capabilities.key_order.is_supported()),
        requires_sessions: Some(settings.requires_sessions && is_live),
        message_bytes_max: capabilities
            .message_bytes_max
            .into_iter()
            .chain(bytes_max)
            .min(),
        retention: settings.ttl.filter(|_| is_live),
    }
}

/// Tells the leases that were lost, once; never ends where none are.
pub(crate) async fn lost(queue: &Queue, has_told: &AtomicBool, into: &mut Vec<Receipt>) {
    let receipts = LostWait::new(queue).await;
    if has_told.swap(true, Ordering::AcqRel) {
        return std::future::pending().await;
    }
    into.extend(receipts.iter().cloned());
}

#[async_trait]
impl Receiver for MemoryReceiver {
    fn source(&self) -> &Source {
        &self.source
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn settings(&self) -> Result<Settings> {
        Ok(settings_of(
            &self.queue,
            &self.source,
            &self.capabilities,
            self.lease,
        ))
    }

    async fn receive(&self, request: ReceiveRequest, into: &mut Vec<Delivery>) -> Result<()> {
        let closed = [&self.is_closed, &self.namespace.is_closed];
        if closed.iter().any(|flag| flag.load(Ordering::Acquire)) {
            return Err(error::closed(Operation::Receive).queue(&self.source));
        }
        let request = clamp(&self.capabilities, request);
        let lane = self.lane();
        let count = self.queue.receive(lane, &request, self.lease, into)?;
        if 0 < count || request.wait.is_zero() {
            return Ok(());
        }
        let asking = Asking::Lane(lane);
        // Boxed, so that a receive that finds something is small.
        Box::pin(ReceiveWait::new(
            &self.queue,
            asking,
            request,
            self.lease,
            &closed,
            into,
        ))
        .await
    }

    async fn settle(&self, batch: &mut [Settling]) -> Result<()> {
        settle(
            &self.namespace,
            &self.queue,
            self.lane(),
            &self.capabilities,
            batch,
        )
    }

    async fn extend(&self, batch: &mut [Extending], by: Duration) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let count = batch.len();
        if let Some(max) = self.capabilities.extend_batch_max {
            if usize::try_from(max.get()).is_ok_and(|max| max < count) {
                return Err(error::batch_too_long(Operation::Extend, count, max.get()));
            }
        }
        if let Some(max) = self.capabilities.lease_max.filter(|max| *max < by) {
            return Err(error::too_long(Operation::Extend, by, max));
        }
        convert::throttle(
            self.queue.settings.behaviour.failures,
            &*self.namespace.context.random,
            Operation::Extend,
            batch.iter_mut().map(|item| &mut item.outcome),
        );
        self.queue.extend(self.lane(), batch, by);
        Ok(())
    }

    async fn lost(&self, into: &mut Vec<Receipt>) {
        lost(&self.queue, &self.has_told_lost, into).await;
    }

    async fn close(&self) -> Result<()> {
        self.is_closed.store(true, Ordering::Release);
        self.queue.stir();
        Ok(())
    }
}
