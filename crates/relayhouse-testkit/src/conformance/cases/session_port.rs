//! The one session of a queue as a plain receiver, for targets whose lease is that of a session.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use relayhouse_core::{
    Capabilities, Delivery, Extending, Receipt, Result, SessionId, Settling, Source,
    port::{ReceiveRequest, Receiver, SessionReceiver, Settings},
};

/// Names the session that messages go to whose case does not care.
pub(in crate::conformance) fn only() -> Result<SessionId> {
    SessionId::new("only")
}

/// Receives from a session, as a receiver and nothing more.
#[derive(Debug)]
pub(in crate::conformance) struct SessionPort(pub(in crate::conformance) Arc<dyn SessionReceiver>);

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Receiver for SessionPort {
    fn source(&self) -> &Source {
        self.0.source()
    }

    fn capabilities(&self) -> &Capabilities {
        self.0.capabilities()
    }

    async fn settings(&self) -> Result<Settings> {
        self.0.settings().await
    }

    async fn receive(&self, request: ReceiveRequest, into: &mut Vec<Delivery>) -> Result<()> {
        self.0.receive(request, into).await
    }

    async fn settle(&self, batch: &mut [Settling]) -> Result<()> {
        self.0.settle(batch).await
    }

    async fn extend(&self, batch: &mut [Extending], by: Duration) -> Result<()> {
        self.0.extend(batch, by).await
    }

    async fn lost(&self, into: &mut Vec<Receipt>) {
        self.0.lost(into).await;
    }

    async fn close(&self) -> Result<()> {
        self.0.close().await
    }
}
