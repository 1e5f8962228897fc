//! The layer that makes the service, and what it counts.

use std::sync::Arc;

use relayhouse_core::port::KeyProvider;
use tower_layer::Layer;

use super::{Encryption, EncryptionBuilder, PlainText, shared::Shared};
use crate::sync::atomic::Ordering;

/// Puts [`Encryption`] around a service. Clones, and what they make, share keys and nonces.
#[derive(Clone, Debug)]
pub struct EncryptionLayer {
    shared: Arc<Shared>,
}

/// Tells what an [`EncryptionLayer`] lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncryptionGauges {
    /// True if plain text is accepted.
    pub accepts_plain_text: bool,
    /// How many messages in plain text were accepted.
    pub plain_text_accepted: u64,
}

impl EncryptionLayer {
    /// Starts a layer with the keys of `keys`.
    #[must_use]
    pub fn builder(keys: Arc<dyn KeyProvider>) -> EncryptionBuilder {
        EncryptionBuilder::new(keys)
    }

    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Returns what is let through, and how much was.
    #[must_use]
    pub fn gauges(&self) -> EncryptionGauges {
        EncryptionGauges {
            accepts_plain_text: self.shared.config.plain_text != PlainText::Reject,
            plain_text_accepted: self.shared.plain_text_accepted.load(Ordering::Relaxed),
        }
    }
}

impl<S> Layer<S> for EncryptionLayer {
    type Service = Encryption<S>;

    fn layer(&self, inner: S) -> Encryption<S> {
        Encryption::new(inner, Arc::clone(&self.shared))
    }
}
