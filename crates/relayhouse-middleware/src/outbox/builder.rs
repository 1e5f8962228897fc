//! The builder of an outbox.

use std::sync::Arc;

use relayhouse_core::{
    Context, Error, ErrorKind, Result,
    port::{Receiver, Sender},
};

use super::{Outbox, OutboxConfig};

/// Builds an [`Outbox`].
#[derive(Clone, Debug)]
pub struct OutboxBuilder {
    pub(super) store: Arc<dyn Sender>,
    pub(super) stored: Arc<dyn Receiver>,
    pub(super) broker: Arc<dyn Sender>,
    pub(super) config: OutboxConfig,
}

impl OutboxBuilder {
    pub(super) fn new(
        store: Arc<dyn Sender>,
        stored: Arc<dyn Receiver>,
        broker: Arc<dyn Sender>,
    ) -> Self {
        Self {
            store,
            stored,
            broker,
            config: OutboxConfig::default(),
        }
    }

    /// Sets all options at once.
    #[must_use]
    pub fn config(mut self, config: OutboxConfig) -> Self {
        self.config = config;
        self
    }

    /// Checks the local queue, and starts forwarding: first what an earlier run has left. It needs
    /// a tokio runtime.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`] if the local queue limits attempts, which a long outage
    /// would use up, or if its leases are no longer than a send may take; and the error of the local
    /// queue if its settings cannot be read.
    pub async fn start(self, context: &Context) -> Result<Outbox> {
        let settings = self.stored.settings().await?;
        let source = self.stored.source();
        if let Some(max) = settings.attempts_max {
            return Err(invalid(format!(
                "{source} dead-letters after {max} attempts, which an outage would use up"
            )));
        }
        let timeout = self.config.send_timeout;
        if let Some(lease) = settings.lease.filter(|lease| *lease <= timeout) {
            return Err(invalid(format!(
                "{source} leases for {lease:?}, and a send may take {timeout:?}"
            )));
        }
        Ok(Outbox::start(self, context))
    }
}

fn invalid(text: String) -> Error {
    Error::new(ErrorKind::ConfigInvalid, text)
}
