//! The layer that makes the service.

use std::{
    fmt::{self, Debug},
    marker::PhantomData,
    num::{NonZeroU32, NonZeroU64},
    sync::Arc,
    time::Duration,
};

use relayhouse_core::{Context, Error, Result};
use tower_layer::Layer;
use tower_service::Service;

use super::{Batch, BatchConfig, BatchSize, shared::Shared, size::Size, worker::Worker};
use crate::{Request, task::Task};

/// Puts [`Batch`] around a service that takes many requests of type `R` at once, and answers each
/// with a `T`.
///
/// Each service that it makes spawns a worker task of its own, for which it needs a tokio runtime.
pub struct BatchLayer<R, T> {
    config: BatchConfig,
    context: Context,
    types: PhantomData<fn(R) -> T>,
}

impl<R, T> BatchLayer<R, T> {
    /// Makes a layer by the clock of `context`, whose observer hears of each batch.
    #[must_use]
    pub fn new(context: &Context) -> Self {
        Self {
            config: BatchConfig::default(),
            context: context.clone(),
            types: PhantomData,
        }
    }

    /// Sets all options at once.
    #[must_use]
    pub fn config(mut self, config: BatchConfig) -> Self {
        self.config = config;
        self
    }

    /// Sets the most requests of a batch.
    #[must_use]
    pub const fn requests_max(mut self, requests: NonZeroU32) -> Self {
        self.config.requests_max = requests;
        self
    }

    /// Sets the most bytes of a batch.
    #[must_use]
    pub const fn bytes_max(mut self, bytes: NonZeroU64) -> Self {
        self.config.bytes_max = bytes;
        self
    }

    /// Sets how long the first request of a batch waits for others.
    #[must_use]
    pub const fn linger(mut self, linger: Duration) -> Self {
        self.config.linger = linger;
        self
    }

    /// Sets how many requests are waited for.
    #[must_use]
    pub const fn size(mut self, size: BatchSize) -> Self {
        self.config.size = size;
        self
    }

    /// Sets the most calls at a time.
    #[must_use]
    pub const fn calls_in_flight(mut self, calls: NonZeroU32) -> Self {
        self.config.calls_in_flight = calls;
        self
    }
}

impl<R, T> Clone for BatchLayer<R, T> {
    fn clone(&self) -> Self {
        Self {
            config: self.config.clone(),
            context: self.context.clone(),
            types: PhantomData,
        }
    }
}

impl<R, T> Debug for BatchLayer<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchLayer")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl<S, R, T> Layer<S> for BatchLayer<R, T>
where
    S: Service<Vec<R>, Response = Vec<Result<T>>, Error = Error> + Send + 'static,
    S::Future: Send,
    R: Request + Send + 'static,
    T: Send + 'static,
{
    type Service = Batch<R, T>;

    /// Spawns the worker, and makes the service in front of it.
    fn layer(&self, inner: S) -> Batch<R, T> {
        let size = Size::new(self.config.size, self.config.requests_max);
        let (config, context) = (self.config.clone(), self.context.clone());
        let shared = Arc::new(Shared::new(config, context, size.wanted()));
        let worker = Worker::new(Arc::clone(&shared), inner, size);
        Batch::new(shared, Task::spawn(worker))
    }
}
