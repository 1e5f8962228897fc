//! A provider around another one, whose senders and administration a test makes its own of.

use std::{
    fmt::{self, Debug},
    sync::Arc,
};

use async_trait::async_trait;
use relayhouse::{
    Capabilities, QueueName, Result, Source,
    port::{Admin, Provider, Receiver, ReceiverOptions, Sender, Sessions, Transactional},
};

type AroundSender = Box<dyn Fn(Arc<dyn Sender>) -> Arc<dyn Sender> + Send + Sync>;
type AroundAdmin = Box<dyn Fn(Arc<dyn Admin>) -> Option<Arc<dyn Admin>> + Send + Sync>;

/// Is a provider that does what another one does, but for what is put around its ports.
pub(crate) struct Wrapped {
    inner: Arc<dyn Provider>,
    scheme: &'static str,
    sender: AroundSender,
    admin: AroundAdmin,
}

impl Wrapped {
    pub(crate) fn new(inner: Arc<dyn Provider>, scheme: &'static str) -> Self {
        Self {
            inner,
            scheme,
            sender: Box::new(|sender| sender),
            admin: Box::new(Some),
        }
    }

    /// Makes senders of what `around` makes of them.
    pub(crate) fn sender(
        mut self,
        around: impl Fn(Arc<dyn Sender>) -> Arc<dyn Sender> + Send + Sync + 'static,
    ) -> Self {
        self.sender = Box::new(around);
        self
    }

    /// Makes the administration what `around` makes of it: none, perhaps.
    pub(crate) fn admin(
        mut self,
        around: impl Fn(Arc<dyn Admin>) -> Option<Arc<dyn Admin>> + Send + Sync + 'static,
    ) -> Self {
        self.admin = Box::new(around);
        self
    }
}

impl Debug for Wrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wrapped")
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Provider for Wrapped {
    fn scheme(&self) -> &'static str {
        self.scheme
    }

    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    async fn sender(&self, queue: &QueueName) -> Result<Arc<dyn Sender>> {
        Ok((self.sender)(self.inner.sender(queue).await?))
    }

    async fn receiver(
        &self,
        source: &Source,
        options: ReceiverOptions,
    ) -> Result<Arc<dyn Receiver>> {
        self.inner.receiver(source, options).await
    }

    async fn sessions(
        &self,
        source: &Source,
        options: ReceiverOptions,
    ) -> Result<Arc<dyn Sessions>> {
        self.inner.sessions(source, options).await
    }

    fn admin(&self) -> Option<Arc<dyn Admin>> {
        (self.admin)(self.inner.admin()?)
    }

    fn transactional(&self) -> Option<Arc<dyn Transactional>> {
        self.inner.transactional()
    }

    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}
