//! Which adapter a URL means.

use std::{
    collections::BTreeMap,
    fmt::{self, Debug},
    future::Future,
    pin::Pin,
    sync::Arc,
};

use relayhouse_core::{
    Address, Context, Error, ErrorKind, Observer, Operation, Result, Source, port::Provider,
};

use crate::queue::Queue;

/// The schemes that this build leaves out; the feature that brings one has its name.
const LEFT_OUT: &[&str] = &[
    #[cfg(not(feature = "local"))]
    "local",
    #[cfg(not(feature = "memory"))]
    "memory",
    #[cfg(not(feature = "servicebus"))]
    "servicebus",
    #[cfg(not(feature = "sqs-client"))]
    "sqs",
];

type Opening = Pin<Box<dyn Future<Output = Result<Opened>> + Send>>;
type Opener = dyn Fn(Address, Context) -> Opening + Send + Sync;
type Observers = dyn Fn(&'static str) -> Arc<dyn Observer> + Send + Sync;

/// Opens queues by URL: a value that knows adapters by their schemes.
///
/// What is opened by one registry, or by clones of it, may share connections and files, which are
/// closed with the last queue that uses them. The embedded queue lives in its registry:
/// `memory://orders` opened twice by one registry is the same queue, and by two registries two
/// queues.
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
///
/// A scheme is opened by whatever [`with`](Self::with) says. So `sqs:` URLs, which are opened with
/// what AWS's environment says, can be opened with a client of one's own:
///
/// ```
/// # #[cfg(feature = "sqs-client")]
/// # mod program {
/// use std::sync::Arc;
///
/// use aws_sdk_sqs::Client;
/// use relayhouse::{Opened, Registry, Result, sqs::Sqs};
///
/// /// Opens `sqs:` URLs with `client`: its credentials, region, endpoint and connections.
/// fn registry(client: Client) -> Result<Registry> {
///     Ok(Registry::new()?.with("sqs", move |address, context| {
///         let client = client.clone();
///         async move {
///             let source = Sqs::source_of(&address)?;
///             let provider = Arc::new(Sqs::open_with(&address, context, client)?);
///             Ok(Opened { provider, source })
///         }
///     }))
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct Registry {
    openers: BTreeMap<&'static str, Arc<Opener>>,
    context: Context,
    observers: Option<Arc<Observers>>,
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
        #[cfg(feature = "servicebus")]
        let registry = crate::azure::register(registry);
        #[cfg(feature = "sqs-client")]
        let registry = crate::amazon::register(registry);
        registry
    }

    /// Knows no adapter yet.
    #[must_use]
    pub const fn empty(context: Context) -> Self {
        Self {
            openers: BTreeMap::new(),
            context,
            observers: None,
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

    /// Lets `observers` make the observer of what is opened, by the scheme of its URL, instead of the
    /// one of the context.
    #[must_use]
    pub fn observed<F>(mut self, observers: F) -> Self
    where
        F: Fn(&'static str) -> Arc<dyn Observer> + Send + Sync + 'static,
    {
        self.observers = Some(Arc::new(observers));
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
        let Some((scheme, opener)) = self.openers.get_key_value(address.scheme()) else {
            return Err(self.unknown(address.scheme()));
        };
        let context = match &self.observers {
            Some(observers) => self.context.clone().observer(observers(scheme)),
            None => self.context.clone(),
        };
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
        let way_out = way_out(scheme, LEFT_OUT);
        Error::new(
            ErrorKind::ConfigInvalid,
            format!("scheme {scheme} of the queue URL is not known, {known}{way_out}"),
        )
    }
}

/// Says which feature brings `scheme`, if it is one of `left_out`.
fn way_out(scheme: &str, left_out: &[&str]) -> String {
    if left_out.contains(&scheme) {
        return format!("; this build leaves it out, the feature `{scheme}` brings it");
    }
    String::new()
}

impl Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            openers,
            context: _,
            observers: _,
        } = self;
        write!(f, "Registry({:?})", openers.keys())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_that_was_left_out_names_its_feature() {
        let expected = "; this build leaves it out, the feature `sqs` brings it";
        assert_eq!(way_out("sqs", &["memory", "sqs"]), expected);
        assert_eq!(way_out("amqp", &["memory", "sqs"]), "");
        let registry = Registry::with_context(relayhouse_time::context().unwrap());
        for scheme in registry.schemes() {
            assert_eq!(way_out(scheme, LEFT_OUT), "");
        }
    }
}
