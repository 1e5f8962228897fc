//! The builder of the layer.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use relayhouse_core::{
    Context, Event, Result,
    port::{DedupStore, KeyProvider},
};

use super::{EncryptionConfig, EncryptionLayer, PlainText, Suite, ring::Ring, shared::Shared};
use crate::idempotency::MemoryDedup;

/// Builds an [`EncryptionLayer`].
#[derive(Clone, Debug)]
pub struct EncryptionBuilder {
    keys: Arc<dyn KeyProvider>,
    config: EncryptionConfig,
    nonces: Option<Arc<dyn DedupStore>>,
}

impl EncryptionBuilder {
    pub(super) fn new(keys: Arc<dyn KeyProvider>) -> Self {
        Self {
            keys,
            config: EncryptionConfig::default(),
            nonces: None,
        }
    }

    /// Sets all options at once.
    #[must_use]
    pub fn config(mut self, config: EncryptionConfig) -> Self {
        self.config = config;
        self
    }

    /// Sets how messages are encrypted.
    #[must_use]
    pub const fn suite(mut self, suite: Suite) -> Self {
        self.config.suite = suite;
        self
    }

    /// Sets what becomes of plain text.
    #[must_use]
    pub const fn plain_text(mut self, plain_text: PlainText) -> Self {
        self.config.plain_text = plain_text;
        self
    }

    /// Sets what both ends agree that the messages are for, such as the queue.
    #[must_use]
    pub fn purpose(mut self, purpose: impl Into<String>) -> Self {
        self.config.purpose = purpose.into();
        self
    }

    /// Binds the header `name` also where it is absent, beside those that are so bound already.
    #[must_use]
    pub fn bound(mut self, name: impl Into<String>) -> Self {
        self.config.bound.push(name.into());
        self
    }

    /// Lets others change the header `name` on the way, beside those that they may change already.
    #[must_use]
    pub fn unbound(mut self, name: impl Into<String>) -> Self {
        self.config.unbound.push(name.into());
        self
    }

    /// Refuses messages that are older than `window`, and those that were seen before.
    #[must_use]
    pub const fn replay_window(mut self, window: Duration) -> Self {
        self.config.replay_window = Some(window);
        self
    }

    /// Sets by how much the clocks of both ends may disagree.
    #[must_use]
    pub const fn skew(mut self, skew: Duration) -> Self {
        self.config.skew = skew;
        self
    }

    /// Notes nonces in `store`, which consumers of one queue can share, in place of memory. With
    /// no replay window set, it is one of 5 minutes.
    #[must_use]
    pub fn nonces(mut self, store: Arc<dyn DedupStore>) -> Self {
        self.nonces = Some(store);
        self
    }

    /// Sets the age at which keys are read again.
    #[must_use]
    pub const fn refresh(mut self, refresh: Duration) -> Self {
        self.config.refresh = refresh;
        self
    }

    /// Reads the keys, and makes the layer.
    ///
    /// # Errors
    ///
    /// Returns the error of the provider of keys.
    pub async fn build(self, context: &Context) -> Result<EncryptionLayer> {
        let Self {
            keys,
            mut config,
            nonces,
        } = self;
        if nonces.is_some() {
            config
                .replay_window
                .get_or_insert(EncryptionConfig::REPLAY_WINDOW);
        }
        let ring = Ring::open(keys, config.refresh, context).await?;
        let keys_max = usize::try_from(config.nonces_max.get()).ok();
        let keys_max = keys_max
            .and_then(NonZeroUsize::new)
            .unwrap_or(NonZeroUsize::MAX);
        let store = config
            .replay_window
            .map(|_| nonces.unwrap_or_else(|| Arc::new(MemoryDedup::new(keys_max, context))));
        let is_lax = config.plain_text != PlainText::Reject;
        if let Some(observer) = context.observer.as_ref().filter(|_| is_lax) {
            observer.observe(context.clock.now(), &[Event::PlainTextAllowed]);
        }
        let shared = Shared::new(config, ring, store, context.clone());
        Ok(EncryptionLayer::new(Arc::new(shared)))
    }
}
