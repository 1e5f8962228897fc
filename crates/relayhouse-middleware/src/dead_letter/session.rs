//! The same for sessions: what is accepted goes through the wrappers.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use relayhouse_core::{
    Capabilities, Context, Instant, Result, SessionId, Source,
    port::{Sender, SessionReceiver, Sessions},
};

use super::{DeadLetterReceiver, EnvelopeReceiver, write::emulated};

/// Accepts sessions through another port, and sends their dead letters to a queue of their own.
///
/// A session that is accepted here is a [`DeadLetterReceiver`] around that of the other port.
#[derive(Debug)]
pub struct DeadLetterSessions {
    inner: Arc<dyn Sessions>,
    to: Arc<dyn Sender>,
    capabilities: Capabilities,
    context: Context,
}

/// Accepts the sessions of a queue of dead letters, whose deliveries get their envelopes back.
///
/// A session that is accepted here is an [`EnvelopeReceiver`] around that of the other port.
#[derive(Debug)]
pub struct EnvelopeSessions {
    inner: Arc<dyn Sessions>,
}

impl DeadLetterSessions {
    /// Puts itself around `inner`, and sends the dead letters of its sessions through `to`.
    ///
    /// Closing it leaves `to` open, since sessions in use may have dead letters still: close that
    /// when they have been given back.
    #[must_use]
    pub fn new(inner: Arc<dyn Sessions>, to: Arc<dyn Sender>, context: &Context) -> Self {
        Self {
            capabilities: emulated(inner.capabilities()),
            inner,
            to,
            context: context.clone(),
        }
    }
}

impl EnvelopeSessions {
    /// Puts itself around the sessions of the queue that dead letters are sent to.
    #[must_use]
    pub fn new(inner: Arc<dyn Sessions>) -> Self {
        Self { inner }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Sessions for DeadLetterSessions {
    fn source(&self) -> &Source {
        self.inner.source()
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn accept(
        &self,
        session: Option<&SessionId>,
        wait: Duration,
    ) -> Result<Option<Arc<dyn SessionReceiver>>> {
        let Some(session) = self.inner.accept(session, wait).await? else {
            return Ok(None);
        };
        let to = Arc::clone(&self.to);
        let session = DeadLetterReceiver::around(session, to, &self.context);
        Ok(Some(Arc::new(session)))
    }

    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Sessions for EnvelopeSessions {
    fn source(&self) -> &Source {
        self.inner.source()
    }

    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    async fn accept(
        &self,
        session: Option<&SessionId>,
        wait: Duration,
    ) -> Result<Option<Arc<dyn SessionReceiver>>> {
        let Some(session) = self.inner.accept(session, wait).await? else {
            return Ok(None);
        };
        Ok(Some(Arc::new(EnvelopeReceiver::around(session))))
    }

    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SessionReceiver for DeadLetterReceiver<dyn SessionReceiver> {
    fn session(&self) -> &SessionId {
        self.inner.session()
    }

    fn until(&self) -> Instant {
        self.inner.until()
    }

    async fn renew(&self) -> Result<Instant> {
        self.inner.renew().await
    }

    async fn state(&self) -> Result<Option<Bytes>> {
        self.inner.state().await
    }

    async fn set_state(&self, state: Option<Bytes>) -> Result<()> {
        self.inner.set_state(state).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SessionReceiver for EnvelopeReceiver<dyn SessionReceiver> {
    fn session(&self) -> &SessionId {
        self.inner.session()
    }

    fn until(&self) -> Instant {
        self.inner.until()
    }

    async fn renew(&self) -> Result<Instant> {
        self.inner.renew().await
    }

    async fn state(&self) -> Result<Option<Bytes>> {
        self.inner.state().await
    }

    async fn set_state(&self, state: Option<Bytes>) -> Result<()> {
        self.inner.set_state(state).await
    }
}
