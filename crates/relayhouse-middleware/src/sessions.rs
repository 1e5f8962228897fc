//! Sessions of another port, each received through a wrapper.

use std::{
    fmt::{self, Debug},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use relayhouse_core::{
    Capabilities, Delivery, Extending, Instant, Receipt, Result, SessionId, Settling, Source,
    port::{ReceiveRequest, Receiver, SessionReceiver, Sessions, Settings},
};

/// Accepts sessions through another port, and puts a wrapper around the receiver of each.
///
/// Messages go through the wrapper; the session itself, its lease and its state stay with the other
/// port. [`DeadLetterReceiver::sessions`](crate::dead_letter::DeadLetterReceiver::sessions) makes
/// one, and so do its neighbours.
///
/// # Cancellation
///
/// Dropping an accept costs what it costs the other port: it may leave a session held until its
/// lease ends.
///
/// # Example
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// use relayhouse_core::port::{Provider, ReceiverOptions, Sessions};
/// use relayhouse_memory::Memory;
/// use relayhouse_middleware::{WrappedSessions, dead_letter::EnvelopeReceiver};
///
/// let context = relayhouse_time::context()?;
/// let memory = Memory::builder(context).requires_sessions(true).build()?;
/// let dead = memory.sessions(&"dead".parse()?, ReceiverOptions::default()).await?;
/// let capabilities = dead.capabilities().clone();
/// let dead = WrappedSessions::new(dead, capabilities, EnvelopeReceiver::new);
/// assert_eq!(dead.source().to_string(), "dead");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct WrappedSessions {
    inner: Arc<dyn Sessions>,
    capabilities: Capabilities,
    wrap: Box<Wrap>,
}

type Wrap = dyn Fn(Arc<dyn SessionReceiver>) -> Arc<dyn SessionReceiver> + Send + Sync;

impl WrappedSessions {
    /// Puts itself around `inner`, and `wrap` around the receivers of its sessions, which then have
    /// these `capabilities`.
    #[must_use]
    pub fn new<R: Receiver + 'static>(
        inner: Arc<dyn Sessions>,
        capabilities: Capabilities,
        wrap: impl Fn(Arc<dyn Receiver>) -> R + Send + Sync + 'static,
    ) -> Self {
        let wrap = move |session: Arc<dyn SessionReceiver>| {
            let receiver = wrap(Arc::<dyn SessionReceiver>::clone(&session));
            Arc::new(Wrapped { session, receiver }) as Arc<dyn SessionReceiver>
        };
        Self {
            inner,
            capabilities,
            wrap: Box::new(wrap),
        }
    }
}

impl Debug for WrappedSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            inner,
            capabilities,
            wrap: _,
        } = self;
        f.debug_struct("WrappedSessions")
            .field("inner", inner)
            .field("capabilities", capabilities)
            .finish_non_exhaustive()
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Sessions for WrappedSessions {
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
        let accepted = self.inner.accept(session, wait).await?;
        Ok(accepted.map(&self.wrap))
    }

    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}

/// Is a session that is received through a wrapper of its receiver.
#[derive(Debug)]
struct Wrapped<R> {
    session: Arc<dyn SessionReceiver>,
    receiver: R,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<R: Receiver> Receiver for Wrapped<R> {
    fn source(&self) -> &Source {
        self.receiver.source()
    }

    fn capabilities(&self) -> &Capabilities {
        self.receiver.capabilities()
    }

    async fn settings(&self) -> Result<Settings> {
        self.receiver.settings().await
    }

    async fn receive(&self, request: ReceiveRequest, into: &mut Vec<Delivery>) -> Result<()> {
        self.receiver.receive(request, into).await
    }

    async fn settle(&self, batch: &mut [Settling]) -> Result<()> {
        self.receiver.settle(batch).await
    }

    async fn extend(&self, batch: &mut [Extending], by: Duration) -> Result<()> {
        self.receiver.extend(batch, by).await
    }

    async fn lost(&self, into: &mut Vec<Receipt>) {
        self.receiver.lost(into).await;
    }

    async fn close(&self) -> Result<()> {
        self.receiver.close().await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<R: Receiver> SessionReceiver for Wrapped<R> {
    fn session(&self) -> &SessionId {
        self.session.session()
    }

    fn until(&self) -> Instant {
        self.session.until()
    }

    async fn renew(&self) -> Result<Instant> {
        self.session.renew().await
    }

    async fn state(&self) -> Result<Option<Bytes>> {
        self.session.state().await
    }

    async fn set_state(&self, state: Option<Bytes>) -> Result<()> {
        self.session.set_state(state).await
    }
}
