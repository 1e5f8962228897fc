//! The port that sends.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::{capability::Capabilities, error::Result, name::QueueName, outcome::Sending};

/// Sends messages to one queue or topic.
#[async_trait]
pub trait Sender: Debug + Send + Sync {
    /// Returns the queue or topic.
    fn queue(&self) -> &QueueName;

    /// Returns what the queue can do.
    fn capabilities(&self) -> &Capabilities;

    /// Sends every item of `batch`, and writes each answer into its item.
    ///
    /// The caller has clamped the batch to the capabilities' limits, and retries; the adapter
    /// checks each message with [`Message::check`](crate::Message::check). Calls may overlap;
    /// messages of one call arrive in its order. Dropping the future leaves unanswered items
    /// unknown.
    async fn send(&self, batch: &mut [Sending]) -> Result<()>;

    /// Ends what this sender started: sends in flight first, then connections. A second call
    /// does nothing, and a later send fails with `Closed`.
    ///
    /// Dropping the future leaves the rest to the next call.
    async fn close(&self) -> Result<()>;
}
