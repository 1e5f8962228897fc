//! The port that opens all others, and what it is built with.

use std::{fmt::Debug, sync::Arc, time::Duration};

use async_trait::async_trait;
use serde::Deserialize;

use super::{Admin, DedupStore, Receiver, Sender, Sessions, Site};
use crate::{
    capability::Capabilities,
    config,
    error::Result,
    name::{QueueName, Source},
    observer::{Contained, Observer},
    outcome::{Sending, Settling},
    random::Random,
    time::Clock,
};

/// Opens queues of one provider.
#[async_trait]
pub trait Provider: Debug + Send + Sync {
    /// Returns the scheme of the provider's URLs.
    fn scheme(&self) -> &'static str;

    /// Returns what the provider's queues can do at most.
    fn capabilities(&self) -> &Capabilities;

    /// Opens `queue`, or a topic of that name, to send. Where messages are received through
    /// sessions, one without an ordering key fails its item with `MessageInvalid`.
    async fn sender(&self, queue: &QueueName) -> Result<Arc<dyn Sender>>;

    /// Opens `source` to receive; fails with `Unsupported` if it is received through sessions
    /// only.
    async fn receiver(
        &self,
        source: &Source,
        options: ReceiverOptions,
    ) -> Result<Arc<dyn Receiver>>;

    /// Opens the sessions of `source`; fails with `Unsupported` where there are none.
    async fn sessions(
        &self,
        source: &Source,
        options: ReceiverOptions,
    ) -> Result<Arc<dyn Sessions>>;

    /// Returns the port for administration, if the provider has one.
    fn admin(&self) -> Option<Arc<dyn Admin>>;

    /// Returns the port for transactions, if the provider has one.
    fn transactional(&self) -> Option<Arc<dyn Transactional>>;

    /// Closes everything that was opened here, and joins what was spawned.
    ///
    /// Dropping the future leaves the rest to the next call.
    async fn close(&self) -> Result<()>;
}

/// Settles and sends as one, and completes keys as one with acks.
#[async_trait]
pub trait Transactional: Debug + Send + Sync {
    /// Settles `settle` on `source` and sends `send` to `queue`: all of it, or none.
    ///
    /// If one item cannot be done, every other fails with the same cause. Dropping the future
    /// leaves all of it unknown, but still all or none.
    async fn settle_and_send(
        &self,
        source: &Source,
        settle: &mut [Settling],
        queue: &QueueName,
        send: &mut [Sending],
    ) -> Result<()>;

    /// Returns where the messages of `source` are kept, if keys can be kept there with them;
    /// without I/O.
    ///
    /// Receivers of `source`, and transactions on it, then take a [`Settlement::Forward`] with
    /// marks of stores at that site and without messages: the message is acked and each key
    /// completed as one. What cannot be one fails as a whole: with `LeaseLost` if the lease of the
    /// message has ended or another has a key, with `Full` if the store has no room.
    ///
    /// [`Settlement::Forward`]: crate::Settlement::Forward
    fn site(&self, source: &Source) -> Option<Site>;

    /// Opens the dedup store at the site of `source`; fails with `Unsupported` if it has none.
    async fn dedup_store(&self, source: &Source) -> Result<Arc<dyn DedupStore>>;
}

/// Holds what everything is built with: the clock, the randomness, and who listens.
#[derive(Clone, Debug)]
pub struct Context {
    /// The clock that everybody reads and waits by.
    pub clock: Arc<dyn Clock>,
    /// The source of chance.
    pub random: Arc<dyn Random>,
    /// Who hears what happened.
    pub observer: Option<Arc<dyn Observer>>,
}

impl Context {
    /// Makes a context without an observer.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self {
            clock,
            random,
            observer: None,
        }
    }

    /// Sets who hears what happened. A panic of `observer` is caught.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(Arc::new(Contained(observer)));
        self
    }
}

/// Says how to receive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReceiverOptions {
    /// The lease to ask for; `None` takes what the queue sets, or 5 minutes where it sets none.
    pub lease: Option<Duration>,
}

/// Bounds how long each call to a provider may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    /// For a connection; 30 s.
    #[serde(deserialize_with = "config::duration")]
    pub connect: Duration,
    /// For a send; 10 s.
    #[serde(deserialize_with = "config::duration")]
    pub send: Duration,
    /// For a settle or an extend; 10 s.
    #[serde(deserialize_with = "config::duration")]
    pub settle: Duration,
    /// For administration; 30 s.
    #[serde(deserialize_with = "config::duration")]
    pub admin: Duration,
    /// For a receive, beyond the wait it asks for; 5 s.
    #[serde(deserialize_with = "config::duration")]
    pub receive_beyond_wait: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            send: Duration::from_secs(10),
            settle: Duration::from_secs(10),
            admin: Duration::from_secs(30),
            receive_beyond_wait: Duration::from_secs(5),
        }
    }
}
