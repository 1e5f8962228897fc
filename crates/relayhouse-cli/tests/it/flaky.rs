//! A provider that sends some bodies badly, as its server would have it.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use relayhouse::{
    Capabilities, Error, ErrorKind, Outcome, QueueName, Result, Sending,
    port::{Provider, Sender},
};

use crate::wrapped::Wrapped;

/// Makes a provider that sends what a body asks for: `"down"` fails for good, `"lost"` is of unknown
/// outcome, `"busy"` is throttled the first time; everything else is sent. It administers nothing.
pub(crate) fn flaky(inner: Arc<dyn Provider>) -> Wrapped {
    let throttled = Arc::<Mutex<BTreeSet<String>>>::default();
    let sender = move |inner| {
        let throttled = Arc::clone(&throttled);
        Arc::new(FlakySender { inner, throttled }) as _
    };
    Wrapped::new(inner, "flaky").sender(sender).admin(|_| None)
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
