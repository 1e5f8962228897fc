//! The layer that makes the service.

use std::{num::NonZeroU32, sync::Arc};

use tower_layer::Layer;

use super::{Backpressure, BackpressureConfig, Load};
use crate::permits::{Amount, Permits};

/// Puts [`Backpressure`] around a service. All services that it makes share the bounds.
#[derive(Clone, Debug)]
pub struct BackpressureLayer {
    permits: Arc<Permits>,
    config: Arc<BackpressureConfig>,
}

impl BackpressureLayer {
    /// Makes the layer as `config` says.
    #[must_use]
    pub fn new(config: BackpressureConfig) -> Self {
        let permits = Permits::new(Amount {
            messages: config.messages_max.get().into(),
            bytes: config.bytes_max.get(),
        });
        Self {
            permits,
            config: Arc::new(config),
        }
    }

    /// Changes how many messages may be in flight. Calls beyond that may end.
    pub fn set_messages_max(&self, messages: NonZeroU32) {
        self.permits.set_messages_max(messages.get().into());
    }

    /// Returns what is in flight now, and how many wait.
    #[must_use]
    pub fn load(&self) -> Load {
        Load::of(&self.permits)
    }
}

impl Default for BackpressureLayer {
    fn default() -> Self {
        Self::new(BackpressureConfig::default())
    }
}

impl<S> Layer<S> for BackpressureLayer {
    type Service = Backpressure<S>;

    fn layer(&self, inner: S) -> Backpressure<S> {
        Backpressure::new(inner, Arc::clone(&self.permits), Arc::clone(&self.config))
    }
}
