//! The same for sessions: what is accepted puts bodies back.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use relayhouse_core::{
    Capabilities, Context, Instant, Result, SessionId, Source,
    port::{BlobStore, SessionReceiver, Sessions},
};

use super::{ClaimCheckConfig, ClaimReceiver, receiver::unlimited, shared::Shared};

/// Accepts sessions through another port, and puts the bodies of large messages back.
///
/// A session that is accepted here is a [`ClaimReceiver`] around that of the other port.
#[derive(Debug)]
pub struct ClaimSessions {
    inner: Arc<dyn Sessions>,
    capabilities: Capabilities,
    shared: Shared,
}

impl ClaimSessions {
    /// Puts itself around `inner`.
    #[must_use]
    pub fn new(
        inner: Arc<dyn Sessions>,
        store: Arc<dyn BlobStore>,
        config: ClaimCheckConfig,
        context: &Context,
    ) -> Self {
        Self {
            capabilities: unlimited(inner.capabilities()),
            inner,
            shared: Shared::new(store, config, context),
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Sessions for ClaimSessions {
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
        let session = ClaimReceiver::around(session, self.shared.clone());
        Ok(Some(Arc::new(session)))
    }

    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl SessionReceiver for ClaimReceiver<dyn SessionReceiver> {
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
