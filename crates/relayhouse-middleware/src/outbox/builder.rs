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
    /// would use up, and the error of the local queue if its settings cannot be read.
    pub async fn start(self, context: &Context) -> Result<Outbox> {
        let settings = self.stored.settings().await?;
        if let Some(max) = settings.attempts_max {
            let source = self.stored.source();
            let text =
                format!("{source} dead-letters after {max} attempts, which an outage would use up");
            return Err(Error::new(ErrorKind::ConfigInvalid, text));
        }
        Ok(Outbox::start(self, context))
    }
}
