//! What a workload needs of a queue: producers and consumers, of the limit, of a peer or of ours.

use std::{fmt::Debug, sync::Arc};

use anyhow::Result;
use relayhouse_core::Context;

use crate::compare::Contender;

/// Is a queue under measurement.
pub trait Subject: Debug + Sized + Send + Sync + 'static {
    /// The name of its lines in the tables.
    const NAME: &'static str;

    /// Sends to the queue.
    type Producer: Produce;
    /// Receives from the queue.
    type Consumer: Consume;

    /// Makes an empty queue.
    fn open(context: &Context) -> impl Future<Output = Result<Self>> + Send;

    /// Makes one more producer.
    fn producer(&self) -> Self::Producer;

    /// Makes one more consumer.
    fn consumer(&self) -> Self::Consumer;
}

/// Sends to a queue.
pub trait Produce: Send + 'static {
    /// Builds `count` messages, each with a copy of `body`, and sends them in one call.
    fn send(&mut self, body: &[u8], count: usize) -> impl Future<Output = Result<()>> + Send;
}

/// Receives from a queue.
pub trait Consume: Send + 'static {
    /// Receives up to `max` messages in one call, waits for the first, shows each body to
    /// `seen`, and acks all of them in one call. Returns how many there were.
    fn take<F: FnMut(&[u8]) + Send>(
        &mut self,
        max: usize,
        seen: F,
    ) -> impl Future<Output = Result<usize>> + Send;
}

/// Is what every measurement runs in.
#[derive(Debug)]
pub struct World {
    /// The runtime that all tasks run on.
    pub runtime: tokio::runtime::Runtime,
    /// The context that queues of ours are built with.
    pub context: Context,
    /// The one queue to measure, if not all of them.
    pub queue: Option<String>,
}

impl World {
    /// Starts a runtime with one thread for each core.
    ///
    /// # Errors
    ///
    /// Returns the operating system's error if threads or randomness cannot be had.
    pub fn new() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_time()
            .build()?;
        let context = relayhouse_time::context()?;
        Ok(Self {
            runtime,
            context,
            queue: None,
        })
    }

    /// Leaves out the contenders that were not asked for.
    #[must_use]
    pub fn wanted<'a>(&self, mut contenders: Vec<Contender<'a>>) -> Vec<Contender<'a>> {
        let wanted = self.queue.as_deref();
        contenders.retain(|it| wanted.is_none_or(|queue| it.name() == queue));
        contenders
    }

    /// Opens a queue of the kind `S`.
    ///
    /// # Errors
    ///
    /// Returns why it cannot be opened.
    pub fn open<S: Subject>(&self) -> Result<Arc<S>> {
        Ok(Arc::new(self.runtime.block_on(S::open(&self.context))?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        limit::Limit,
        ours::{Buffered, Ports, Sent},
        peer::{Flume, Omniqueue},
    };

    /// Sends and receives by `batch`, and checks that everything comes once and in order.
    async fn check<S: Subject>(batch: usize) {
        let context = relayhouse_time::context().unwrap();
        let queue = S::open(&context).await.unwrap();
        let (mut producer, mut consumer) = (queue.producer(), queue.consumer());
        for index in 0..10_u8 {
            producer.send(&[index], batch).await.unwrap();
        }
        let mut bodies = Vec::new();
        while bodies.len() < 10 * batch {
            let count = bodies.len();
            let taken = consumer.take(batch, |body| bodies.extend_from_slice(body));
            let taken = taken.await.unwrap();
            assert_eq!(bodies.len(), count + taken);
        }
        let sent = (0..10_u8).flat_map(|index| vec![index; batch]);
        assert_eq!(bodies, sent.collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn every_subject_delivers_each_message_once_and_in_order() {
        for batch in [1, 7] {
            check::<Limit>(batch).await;
            check::<Flume>(batch).await;
            check::<Omniqueue>(batch).await;
            check::<Ports>(batch).await;
            check::<Buffered>(batch).await;
            check::<Sent>(batch).await;
        }
    }
}
