//! A sender for which large messages are no matter.

use std::{num::NonZeroU64, sync::Arc};

use async_trait::async_trait;
use relayhouse_core::{
    Capabilities, Context, ErrorKind, Message, Outcome, QueueName, Result, Sending,
    port::{BlobStore, Sender},
};

use super::{ClaimCheckConfig, claim::Claim, shared::Shared};

/// Sends through another sender, and stores large bodies before.
///
/// A message may have as many bytes as [`ClaimCheckConfig::bytes_max`] allows, and one that is
/// larger than the queue takes is stored whatever [`ClaimCheckConfig::bytes_min`] says. A batch is
/// split by what is left of it for the queue.
#[derive(Debug)]
pub struct ClaimSender {
    inner: Arc<dyn Sender>,
    capabilities: Capabilities,
    shared: Shared,
}

impl ClaimSender {
    /// Puts itself around `inner`.
    #[must_use]
    pub fn new(
        inner: Arc<dyn Sender>,
        store: Arc<dyn BlobStore>,
        config: ClaimCheckConfig,
        context: &Context,
    ) -> Self {
        let limits = inner.capabilities();
        let capabilities = Capabilities {
            message_bytes_max: Some(config.bytes_max),
            send_bytes_max: None,
            ..limits.clone()
        };
        let queue_bytes_max = limits.message_bytes_max.map_or(u64::MAX, NonZeroU64::get);
        let shared = Shared {
            queue_bytes_max,
            ..Shared::new(store, config, context)
        };
        Self {
            inner,
            capabilities,
            shared,
        }
    }

    /// Sends `batch` in as many calls as the queue's bound on bytes needs; after a call that fails
    /// the rest is not sent.
    async fn send_split(&self, mut batch: &mut [Sending]) -> Result<()> {
        let bytes_max = self.inner.capabilities().send_bytes_max;
        let bytes_max = bytes_max.map_or(u64::MAX, NonZeroU64::get);
        while !batch.is_empty() {
            let (call, rest) = batch.split_at_mut(fitting(batch, bytes_max));
            self.inner.send(call).await?;
            batch = rest;
        }
        Ok(())
    }
}

/// Returns how many items fit into one call: at least one.
fn fitting(batch: &[Sending], bytes_max: u64) -> usize {
    let mut bytes = 0_u64;
    let fits = |item: &&Sending| {
        bytes = bytes.saturating_add(item.message.size());
        bytes <= bytes_max
    };
    batch.iter().take_while(fits).count().max(1)
}

/// Returns true if no message names the blob of an item that ended with `outcome`, given that its
/// call ended with `call`.
fn is_left_over(outcome: &Outcome<relayhouse_core::Sent>, call: &Result<()>) -> bool {
    match outcome {
        Outcome::Done(sent) => sent.deduplicated,
        Outcome::Failed(error) => error.kind() != ErrorKind::OutcomeUnknown,
        Outcome::Pending => call.is_err(),
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Sender for ClaimSender {
    fn queue(&self) -> &QueueName {
        self.inner.queue()
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn send(&self, batch: &mut [Sending]) -> Result<()> {
        if batch.iter().all(|it| self.shared.is_small(&it.message)) {
            return self.send_split(batch).await;
        }
        let messages: Vec<Message> = batch.iter().map(|it| it.message.clone()).collect();
        let mut places = Vec::new();
        let mut claimed = Vec::new();
        let checked_in = self.shared.check_in(messages).await;
        for (item, message) in batch.iter_mut().zip(checked_in) {
            match message {
                Ok(message) => {
                    places.push(item);
                    claimed.push(Sending::new(message));
                }
                Err(error) => item.fail(error),
            }
        }
        // A done item has given its message away.
        let claims = claimed.iter().map(|it| Claim::read(&it.message));
        let claims: Vec<_> = claims.collect();
        let call = self.send_split(&mut claimed).await;
        let mut left = Vec::new();
        for ((place, item), claim) in places.into_iter().zip(claimed).zip(claims) {
            if let Some(claim) = claim.ok().flatten() {
                left.extend(is_left_over(&item.outcome, &call).then_some(claim.name));
            }
            match item.outcome {
                Outcome::Done(sent) => drop(place.done(sent)),
                outcome => place.outcome = outcome,
            }
        }
        self.shared.remove(left.into_iter()).await;
        call
    }

    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}
