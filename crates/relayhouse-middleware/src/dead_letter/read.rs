//! The receiver that gives dead letters their envelopes back.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use relayhouse_core::{
    Capabilities, Delivery, Extending, Receipt, Result, Settling, Source,
    port::{ReceiveRequest, Receiver, Sessions, Settings},
};

use super::envelope;
use crate::WrappedSessions;

/// Receives what a [`DeadLetterReceiver`](super::DeadLetterReceiver) has sent, with its envelope.
///
/// The time of the first enqueueing is that of the envelope. What has none, since it came another
/// way, passes as it is.
#[derive(Debug)]
pub struct EnvelopeReceiver {
    inner: Arc<dyn Receiver>,
}

impl EnvelopeReceiver {
    /// Puts itself around the receiver of the queue that dead letters are sent to.
    #[must_use]
    pub fn new(inner: Arc<dyn Receiver>) -> Self {
        Self { inner }
    }

    /// Accepts the sessions of the queue that dead letters are sent to, and puts itself around each.
    #[must_use]
    pub fn sessions(inner: Arc<dyn Sessions>) -> WrappedSessions {
        let capabilities = inner.capabilities().clone();
        WrappedSessions::new(inner, capabilities, Self::new)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Receiver for EnvelopeReceiver {
    fn source(&self) -> &Source {
        self.inner.source()
    }

    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    async fn settings(&self) -> Result<Settings> {
        self.inner.settings().await
    }

    async fn receive(&self, request: ReceiveRequest, into: &mut Vec<Delivery>) -> Result<()> {
        let before = into.len();
        let received = self.inner.receive(request, into).await;
        for delivery in &mut into[before..] {
            if let Some(envelope) = envelope::read(delivery.message.headers()) {
                delivery.enqueued_at = envelope.enqueued_at;
                delivery.envelope = Some(Arc::new(envelope));
            }
        }
        received
    }

    async fn settle(&self, batch: &mut [Settling]) -> Result<()> {
        self.inner.settle(batch).await
    }

    async fn extend(&self, batch: &mut [Extending], by: Duration) -> Result<()> {
        self.inner.extend(batch, by).await
    }

    async fn lost(&self, into: &mut Vec<Receipt>) {
        self.inner.lost(into).await;
    }

    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}
