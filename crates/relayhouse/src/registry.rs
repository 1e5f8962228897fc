//! Which adapter a URL means.

use std::{
    collections::BTreeMap,
    fmt::{self, Debug},
    future::Future,
    pin::Pin,
    sync::Arc,
};

use relayhouse_core::{
    Address, Context, Error, ErrorKind, Operation, Result, Source, port::Provider,
};

use crate::queue::Queue;

type Opening = Pin<Box<dyn Future<Output = Result<Opened>> + Send>>;
type Opener = dyn Fn(Address, Context) -> Opening + Send + Sync;

/// Opens queues by URL: a value that knows adapters by their schemes.
///
/// What is opened by one registry, or by clones of it, may share connections. The embedded queue
/// lives in its registry: `memory://orders` opened twice by one registry is the same queue, and
/// by two registries two queues.
///
/// ```
/// use relayhouse::{Registry, Settlement};
///
/// # #[tokio::main]
/// # async fn main() -> relayhouse::Result<()> {
/// let registry = Registry::new()?;
/// let orders = registry.open("memory://orders").await?;
/// let failed = registry.open("memory://orders/$deadletterqueue").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Registry {
    openers: BTreeMap<&'static str, Arc<Opener>>,
    context: Context,
}

/// Is what an adapter opens for an address.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The provider.
    pub provider: Arc<dyn Provider>,
    /// The queue, subscription or dead-letter queue that the address names.
    pub source: Source,
}

/// Opens the queue at `url`, by a registry of its own with the default adapters.
///
/// # Errors
///
/// Returns what [`Registry::new`] and [`Registry::open`] return.
pub async fn open(url: &str) -> Result<Queue> {
    Registry::new()?.open(url).await
}

impl Registry {
    /// Knows the adapters that this build has, with tokio's clock and randomness from the
    /// operating system.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Unexpected`] if the operating system has no randomness to give.
    pub fn new() -> Result<Self> {
        let context = relayhouse_time::context().map_err(|error| {
            Error::new(ErrorKind::Unexpected, "the system gives no randomness")
                .operation(Operation::Open)
                .with_source(error)
        })?;
        Ok(Self::with_context(context))
    }

    /// Knows the adapters that this build has; `context` gives clock, randomness and observer.
    #[must_use]
    pub fn with_context(context: Context) -> Self {
        let registry = Self::empty(context);
        #[cfg(feature = "local")]
        let registry = crate::durable::register(registry);
        #[cfg(feature = "memory")]
        let registry = crate::embedded::register(registry);
        registry
    }

    /// Knows no adapter yet.
    #[must_use]
    pub const fn empty(context: Context) -> Self {
        Self {
            openers: BTreeMap::new(),
            context,
        }
    }

    /// Lets `opener` open the URLs of `scheme`, instead of what did before.
    #[must_use]
    pub fn with<F, Fut>(mut self, scheme: &'static str, opener: F) -> Self
    where
        F: Fn(Address, Context) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Opened>> + Send + 'static,
    {
        let opener = move |address, context| -> Opening { Box::pin(opener(address, context)) };
        self.openers.insert(scheme, Arc::new(opener));
        self
    }

    /// Opens the queue at `url`, such as `memory://orders?lease=30s`.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`] for a URL that cannot be read, an unknown scheme,
    /// with the known ones, or a wrong option, and what the adapter returns.
    pub async fn open(&self, url: &str) -> Result<Queue> {
        let address: Address = url.parse()?;
        let Some(opener) = self.openers.get(address.scheme()) else {
            return Err(self.unknown(address.scheme()));
        };
        let context = self.context.clone();
        let Opened { provider, source } = opener(address, context.clone()).await?;
        Queue::new(provider, source, context)
    }

    /// Returns the schemes it knows, sorted.
    pub fn schemes(&self) -> impl Iterator<Item = &'static str> {
        self.openers.keys().copied()
    }

    fn unknown(&self, scheme: &str) -> Error {
        let known: Vec<_> = self.schemes().collect();
        let known = match known.as_slice() {
            [] => "no scheme is".to_owned(),
            known => format!("known are: {}", known.join(", ")),
        };
        Error::new(
            ErrorKind::ConfigInvalid,
            format!("scheme {scheme} of the queue URL is not known, {known}"),
        )
    }
}

impl Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            openers,
            context: _,
        } = self;
        write!(f, "Registry({:?})", openers.keys())
    }
}
