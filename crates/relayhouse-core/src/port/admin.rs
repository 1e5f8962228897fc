//! The port for administration.

use std::{
    fmt::Debug,
    num::{NonZeroU32, NonZeroU64},
    time::Duration,
};

use async_trait::async_trait;

use super::Settings;
use crate::{
    delivery::Delivery,
    error::Result,
    name::{Entity, QueueName, Source},
};

/// Administers the queues of one provider.
#[async_trait]
pub trait Admin: Debug + Send + Sync {
    /// Lists queues and subscriptions by name, a page at a time; `after` is the `next` of the page
    /// before.
    async fn list(&self, after: Option<&str>) -> Result<Page>;

    /// Creates `entity` as `config` says; creating one that is there with the same configuration
    /// changes nothing, with another fails with `QueueConflict`.
    async fn create(&self, entity: &Entity, config: &QueueConfig) -> Result<()>;

    /// Deletes `entity` with all its messages, dead letters included.
    async fn delete(&self, entity: &Entity) -> Result<()>;

    /// Removes all messages of `source` that nobody has leased, and returns how many.
    async fn purge(&self, source: &Source) -> Result<u64>;

    /// Counts the messages of `source`.
    async fn stats(&self, source: &Source) -> Result<Stats>;

    /// Shows up to `max` messages of `source` without taking them, the oldest first, from the
    /// sequence number `from` on. The deliveries have no lease, and cannot be settled.
    async fn peek(&self, source: &Source, from: u64, max: NonZeroU32) -> Result<Vec<Delivery>>;

    /// Sends dead letters of `source` back to where they came from, with their id and headers and
    /// a fresh count of attempts, and returns how many.
    async fn redrive(&self, source: &Source, redrive: &Redrive) -> Result<u64>;

    /// Cancels the message with `sequence` that `queue` holds back; one that is not there, or not
    /// held back any more, fails with `MessageNotFound`.
    async fn cancel(&self, queue: &QueueName, sequence: u64) -> Result<()>;

    /// Reads the settings of `source`.
    async fn settings(&self, source: &Source) -> Result<Settings>;
}

/// Is one page of a list of queues.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The queues and subscriptions.
    pub entities: Vec<Entity>,
    /// What the next call takes, if there is more.
    pub next: Option<String>,
}

/// Says how to create a queue or subscription; `None` leaves a choice to the provider.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueConfig {
    /// The lease that a receive gives.
    pub lease: Option<Duration>,
    /// The deliveries after which the provider dead-letters a message.
    pub attempts_max: Option<NonZeroU32>,
    /// True if messages are received through sessions only.
    pub requires_sessions: bool,
    /// The window within which a dedup id is known.
    pub dedup_window: Option<Duration>,
    /// The time to live of a message that sets none.
    pub ttl: Option<Duration>,
    /// True if a message that was not delivered in time goes to the dead-letter queue.
    pub dead_letter_expired: bool,
    /// The most messages.
    pub messages_max: Option<NonZeroU64>,
    /// The most bytes.
    pub bytes_max: Option<NonZeroU64>,
}

/// Counts the messages of a source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Messages that are neither leased nor held back; those that wait behind another of their
    /// ordering key are among them.
    pub ready: u64,
    /// Messages that somebody has leased; `None` if the provider counts them among the ready ones.
    pub leased: Option<u64>,
    /// Messages that are held back, by their send or by a release.
    pub delayed: u64,
    /// Dead letters of the source.
    pub dead: u64,
    /// Bytes of all messages but the dead letters; `None` if the provider does not tell.
    pub bytes: Option<u64>,
    /// The age of the oldest message that is ready; `None` if there is none, or the provider does
    /// not tell.
    pub oldest_age: Option<Duration>,
    /// True if the counts may be off, and lag behind what was done.
    pub is_approximate: bool,
    /// What the calls were, where the provider charges for them.
    pub cost: Option<Cost>,
}

impl Stats {
    /// Returns how many messages there are that are no dead letters.
    #[must_use]
    pub fn live(&self) -> u64 {
        self.ready + self.leased.unwrap_or(0) + self.delayed
    }
}

/// Tells what the calls to a provider were that charges for them, since this process opened it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// The requests that the provider charges for.
    pub requests: u64,
    /// The messages that were sent, or those that were received, whichever are more.
    pub messages: u64,
    /// The calls that sent, received or acked at least one message.
    pub batches: u64,
    /// The messages in those calls, together.
    pub batched: u64,
    /// The receives that brought nothing.
    pub empty_receives: u64,
    /// The price of a million requests in millionths of a currency, if the user named it.
    pub price: Option<u64>,
}

impl Cost {
    /// Returns the requests for each message; zero before the first.
    #[must_use]
    pub fn requests_per_message(&self) -> f64 {
        ratio(self.requests, self.messages)
    }

    /// Returns how many messages a call had that had any; zero before the first.
    #[must_use]
    pub fn fill(&self) -> f64 {
        ratio(self.batched, self.batches)
    }

    /// Estimates what a million messages cost, in the currency of the price, if the user named it.
    #[must_use]
    pub fn per_million_messages(&self) -> Option<f64> {
        let per_million_requests = ratio(self.price?, 1_000_000);
        Some(self.requests_per_message() * per_million_requests)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "an average needs no more than 53 bits"
)]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    part as f64 / whole as f64
}

/// Says which dead letters to send back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redrive {
    /// The most to send back.
    pub max: Option<NonZeroU32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cost_is_told_for_each_message_and_for_a_million() {
        let cost = Cost {
            requests: 310,
            messages: 1_000,
            batches: 300,
            batched: 3_000,
            empty_receives: 10,
            price: Some(400_000),
        };
        assert!((cost.requests_per_message() - 0.31).abs() < 1e-9);
        assert!((cost.fill() - 10.0).abs() < 1e-9);
        assert!((cost.per_million_messages().unwrap() - 0.124).abs() < 1e-9);
        let nothing = Cost::default();
        assert!(nothing.fill().abs() < 1e-9);
        assert_eq!(nothing.per_million_messages(), None);
    }
}
