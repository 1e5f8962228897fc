//! What a target gives the suite: providers, queues, and a hold on time.

use std::{fmt::Debug, sync::Arc, time::Duration};

use async_trait::async_trait;
use relayhouse_core::{
    Capabilities, Clock, Message, QueueName, Result, SubscriptionName,
    port::{Provider, QueueConfig, Timeouts},
};

/// Gives the suite what it needs of one target.
///
/// A harness stands for one target with one set of capabilities; each case opens its own provider
/// and its own queues, so that cases may run in any order, and at the same time.
#[async_trait]
pub trait Harness: Debug + Send + Sync {
    /// Returns the name of the target, such as `memory`.
    fn name(&self) -> &str;

    /// Opens a provider for one case, which may close it.
    async fn provider(&self) -> Result<Arc<dyn Provider>>;

    /// Returns what the queues of this target can do, of all that `provider` can.
    fn capabilities(&self, provider: &dyn Provider) -> Capabilities {
        provider.capabilities().clone()
    }

    /// Makes a queue as `config` says, under a name that no other case uses.
    async fn queue(&self, provider: &dyn Provider, config: &QueueConfig) -> Result<QueueName>;

    /// Makes a topic with `subscriptions`, under a name that no other case uses.
    async fn topic(
        &self,
        provider: &dyn Provider,
        subscriptions: &[SubscriptionName],
        config: &QueueConfig,
    ) -> Result<QueueName>;

    /// Names a queue that does not exist, and that the target does not create on first use; `None`
    /// if it has no such name.
    fn missing(&self) -> Option<QueueName>;

    /// Adds to `config` what every queue of this target must be set to.
    fn fit(&self, config: QueueConfig) -> QueueConfig {
        config
    }

    /// Adds to `message` what every message of this target must have, such as an ordering key.
    fn dress(&self, message: Message) -> Message {
        message
    }

    /// Returns true if a queue can be bounded in messages and bytes when it is made.
    fn is_bounded(&self) -> bool;

    /// Returns true if the target's stats tell bytes.
    fn tells_bytes(&self) -> bool {
        true
    }

    /// Returns true if the target's stats tell the age of the oldest message.
    fn tells_age(&self) -> bool {
        true
    }

    /// Returns the clock that the providers were built with.
    fn clock(&self) -> Arc<dyn Clock>;

    /// Lets `time` pass: at once where the clock can be moved, else by waiting.
    async fn pass(&self, time: Duration);

    /// Returns by how much the target may be late, or early.
    fn tolerance(&self) -> Duration;

    /// Returns the hold on the wall-clock time, if the target's clock has one.
    fn wall_clock(&self) -> Option<&dyn WallClock>;

    /// Counts what is open, if the target can.
    fn gauges(&self) -> Option<Gauges>;

    /// Returns what only a target behind a network has; `None` in process.
    fn network(&self) -> Option<&dyn Network>;
}

/// Moves the wall-clock time of a harness, and nothing else.
pub trait WallClock: Debug + Send + Sync {
    /// Puts the wall-clock time `by` ahead of where it was when the harness was made.
    fn set_ahead(&self, by: Duration);

    /// Puts the wall-clock time `by` behind where it was when the harness was made.
    fn set_behind(&self, by: Duration);
}

/// Counts what a target has open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Spawned work that was not joined.
    pub spawned: u64,
    /// Open connections.
    pub sockets: u64,
    /// Timers that are set.
    pub timers: u64,
    /// Leases that somebody holds.
    pub leases: u64,
}

/// Gives the suite what it needs of a target behind a network.
#[async_trait]
pub trait Network: Debug + Send + Sync {
    /// Returns the deadlines that the providers of this harness were built with.
    fn timeouts(&self) -> Timeouts;

    /// Returns the most connections that one provider of this harness may have.
    fn connections_max(&self) -> u64;

    /// Returns how many connections were made, and how many are open.
    fn connections(&self) -> Connections;

    /// Lets the server accept connections and requests, and answer none.
    async fn silence(&self);

    /// Breaks all connections, and refuses new ones.
    async fn cut(&self);

    /// Ends what `silence` or `cut` began.
    async fn restore(&self);

    /// Tries to open a provider over a connection that must not be trusted, and to send there.
    async fn provider_over(&self, peer: Untrusted) -> Result<Arc<dyn Provider>>;
}

/// Counts connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// Connections made since the harness was.
    pub made: u64,
    /// Connections that are open.
    pub open: u64,
}

/// Names a peer that must not be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untrusted {
    /// Its certificate is signed by itself.
    SelfSigned,
    /// Its certificate is for another host.
    WrongHost,
    /// It speaks plain text, and is not this machine.
    PlainText,
}
