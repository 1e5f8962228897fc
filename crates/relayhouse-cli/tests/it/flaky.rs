//! A provider that sends some bodies badly, as its server would have it.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use relayhouse::{
    Capabilities, Error, ErrorKind, Outcome, QueueName, Result, Sending, Source,
    port::{Admin, Provider, Receiver, ReceiverOptions, Sender, Sessions, Transactional},
};

/// Sends what a body asks for: `"down"` fails for good, `"lost"` is of unknown outcome, `"busy"`
/// is throttled the first time; everything else is sent.
#[derive(Debug)]
pub(crate) struct Flaky {
    inner: Arc<dyn Provider>,
    throttled: Arc<Mutex<BTreeSet<String>>>,
}

impl Flaky {
    pub(crate) fn new(inner: Arc<dyn Provider>) -> Self {
        let throttled = Arc::default();
        Self { inner, throttled }
    }
}

#[async_trait]
impl Provider for Flaky {
    fn scheme(&self) -> &'static str {
        "flaky"
    }

    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    async fn sender(&self, queue: &QueueName) -> Result<Arc<dyn Sender>> {
        let inner = self.inner.sender(queue).await?;
        let throttled = Arc::clone(&self.throttled);
        Ok(Arc::new(FlakySender { inner, throttled }))
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
        None
    }

    fn transactional(&self) -> Option<Arc<dyn Transactional>> {
        self.inner.transactional()
    }

    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}

#[derive(Debug)]
struct FlakySender {
    inner: Arc<dyn Sender>,
    throttled: Arc<Mutex<BTreeSet<String>>>,
}

impl FlakySender {
    fn refusal(&self, body: &[u8]) -> Option<Error> {
        let text = std::str::from_utf8(body).ok()?;
        let is_new = || self.throttled.lock().unwrap().insert(text.to_owned());
        let (kind, what) = match text {
            "\"down\"" => (ErrorKind::Corrupt, "the server is down"),
            "\"lost\"" => (ErrorKind::OutcomeUnknown, "the connection broke"),
            "\"busy\"" if is_new() => (ErrorKind::Throttled, "not so fast"),
            _ => return None,
        };
        Some(Error::new(kind, what))
    }
}

#[async_trait]
impl Sender for FlakySender {
    fn queue(&self) -> &QueueName {
        self.inner.queue()
    }

    fn capabilities(&self) -> &Capabilities {
        self.inner.capabilities()
    }

    async fn send(&self, batch: &mut [Sending]) -> Result<()> {
        for item in batch {
            match self.refusal(&item.message.body) {
                Some(error) => item.outcome = Outcome::Failed(error),
                None => self.inner.send(std::slice::from_mut(item)).await?,
            }
        }
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        self.inner.close().await
    }
}
