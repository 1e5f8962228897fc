//! The producer: sends messages, batched naturally, each with its own answer.

mod answer;
mod builder;
mod call;
mod lane;
mod outlet;
mod room;
mod service;
mod task;
mod turn;

use std::{
    fmt::{self, Debug},
    future::Future,
    pin::Pin,
    sync::Arc,
};

use relayhouse_core::{IntoMessage, Message, Result, Sent};
use tokio::sync::OwnedSemaphorePermit;

pub(crate) use self::call::{Mark, TRACEPARENT, report};
use self::outlet::Outlet;
pub use self::{builder::ProducerBuilder, service::SendFuture};

/// Sends messages to one queue or topic.
///
/// The first send leaves at once. What is sent while calls are in flight goes with the next one,
/// packed by count and bytes, and each send gets its own answer. A clone shares everything.
///
/// ```
/// # use std::sync::Arc;
/// # use relayhouse_core::{Context, Result, port::Sender};
/// use relayhouse_runtime::Producer;
///
/// # async fn example(sender: Arc<dyn Sender>, context: Context) -> Result<()> {
/// let producer = Producer::builder(sender, context).build()?;
/// let sent = producer.send("hello").await?;
/// println!("sequence number {:?}", sent.sequence);
/// producer.close().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Producer {
    outlet: Arc<Outlet>,
    /// Counts the producers that share the outlet; the last one ends its task.
    _handle: Arc<outlet::Handle>,
    /// Room in the buffer that [`Service::poll_ready`](tower_service::Service) reserved.
    reserved: Reserved,
}

/// Holds what `poll_ready` reserved for this instance; a clone starts without.
#[derive(Default)]
struct Reserved {
    permit: Option<OwnedSemaphorePermit>,
    waiting: Option<Reserve>,
}

type Reserve = Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit>> + Send + Sync>>;

impl Clone for Reserved {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Debug for Reserved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reserved({})", self.permit.is_some())
    }
}

impl Producer {
    fn new(outlet: Outlet) -> Self {
        let outlet = Arc::new(outlet);
        let handle = Arc::new(outlet::Handle::new(Arc::clone(&outlet)));
        Self {
            outlet,
            _handle: handle,
            reserved: Reserved::default(),
        }
    }

    /// Sends one message, and returns when the provider has taken it.
    ///
    /// Dropped before the message left, the message is withdrawn and never sent; after that it is
    /// sent and nobody hears the answer.
    ///
    /// # Errors
    ///
    /// Returns why the message was not sent, or
    /// [`ErrorKind::OutcomeUnknown`](relayhouse_core::ErrorKind::OutcomeUnknown) if nobody can
    /// say whether it was.
    pub async fn send(&self, message: impl IntoMessage) -> Result<Sent> {
        let message = message.into_message()?;
        self.send_with(message, None).await
    }

    /// Sends one message, with the room in the buffer that was reserved for it.
    async fn send_with(
        &self,
        message: Message,
        reserved: Option<OwnedSemaphorePermit>,
    ) -> Result<Sent> {
        self.outlet.send(message, reserved).await
    }

    /// Sends messages in their order, and returns one answer for each, in the same order.
    ///
    /// Dropped, it withdraws what has not left.
    pub async fn send_all(&self, messages: impl IntoIterator<Item = Message>) -> Vec<Result<Sent>> {
        self.outlet.send_all(messages).await
    }

    /// Returns true if the queue drops a message whose dedup id it knows.
    pub(crate) async fn deduplicates(&self) -> Result<bool> {
        self.outlet.deduplicates().await
    }

    /// Waits until everything that was handed over is answered, and ends the sender's task. A
    /// later send fails with [`ErrorKind::Closed`](relayhouse_core::ErrorKind::Closed); a second
    /// call does nothing.
    ///
    /// Dropping the future leaves the rest to the next call.
    ///
    /// # Errors
    ///
    /// Returns the provider's error.
    pub async fn close(&self) -> Result<()> {
        self.outlet.close().await
    }
}
