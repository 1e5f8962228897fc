//! What a program holds of a queue: where producers and consumers come from.

use std::sync::Arc;

use relayhouse_core::{
    Context, Error, ErrorKind, Operation, Result, Source,
    port::{Admin, DedupStore, Provider},
};
use relayhouse_runtime::{Consumer, ConsumerBuilder, Output, Producer, ProducerBuilder};

use crate::refused::{self, Refused};

/// Makes producers and consumers of one queue, subscription or dead-letter queue.
///
/// A clone is the same queue: it shares the connection and the producer.
#[derive(Clone, Debug)]
pub struct Queue {
    provider: Arc<dyn Provider>,
    source: Source,
    context: Context,
    producer: Producer,
}

impl Queue {
    /// Makes a queue of what an adapter opened.
    ///
    /// `context` must be the one that the provider was built with: both go by one clock.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`] if no producer can be built.
    pub fn new(provider: Arc<dyn Provider>, source: Source, context: Context) -> Result<Self> {
        let producer = builder(&provider, &source, &context).build()?;
        Ok(Self {
            provider,
            source,
            context,
            producer,
        })
    }

    /// Returns the producer that all clones share, in the default configuration.
    ///
    /// A dead-letter queue and a subscription cannot be sent to: each send says so.
    #[must_use]
    pub fn producer(&self) -> Producer {
        self.producer.clone()
    }

    /// Starts a producer with a configuration of its own.
    pub fn producer_builder(&self) -> ProducerBuilder {
        builder(&self.provider, &self.source, &self.context)
    }

    /// Starts a consumer.
    pub fn consumer(&self) -> ConsumerBuilder {
        let provider = Arc::clone(&self.provider);
        Consumer::of(provider, self.source.clone(), self.context.clone())
    }

    /// Makes this queue an output of a consumer, which handlers send to with their answers.
    ///
    /// For a consumer of a [`sibling`](Self::sibling) sends and ack are one, where the provider has
    /// transactions; elsewhere each send is confirmed before the ack.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Unsupported`] for a dead-letter queue and for a subscription, which
    /// cannot be sent to.
    pub fn output(&self) -> Result<Output> {
        let queue = refused::target(&self.source).map_err(Refused::into_error)?;
        Ok(Output::new(queue, self.producer()).at(Arc::clone(&self.provider)))
    }

    /// Returns the queue of the dead letters of this one: itself, if it is one.
    ///
    /// # Errors
    ///
    /// Returns what [`Queue::new`] returns.
    pub fn dead_letters(&self) -> Result<Self> {
        self.sibling(self.source.dead_letters())
    }

    /// Returns another queue of the same provider.
    ///
    /// # Errors
    ///
    /// Returns what [`Queue::new`] returns.
    pub fn sibling(&self, source: impl Into<Source>) -> Result<Self> {
        let provider = Arc::clone(&self.provider);
        Self::new(provider, source.into(), self.context.clone())
    }

    /// Returns what this queue names.
    #[must_use]
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// Returns the provider.
    #[must_use]
    pub const fn provider(&self) -> &Arc<dyn Provider> {
        &self.provider
    }

    /// Returns what everything of this queue is built with.
    #[must_use]
    pub const fn context(&self) -> &Context {
        &self.context
    }

    /// Returns the port that creates, counts, shows, redrives and purges.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Unsupported`] if the provider has none.
    pub fn admin(&self) -> Result<Arc<dyn Admin>> {
        let admin = self.provider.admin();
        admin.ok_or_else(|| self.lacks(Operation::Admin, "administration"))
    }

    fn lacks(&self, operation: Operation, what: &str) -> Error {
        let rule = format!("{} has no {what}", self.provider.scheme());
        let error = Error::new(ErrorKind::Unsupported, rule);
        error.operation(operation).queue(&self.source)
    }

    /// Opens the dedup store that is kept with the messages of this queue, for the idempotency layer
    /// of `relayhouse-middleware`: what is received here is acked as one with its key.
    ///
    /// ```
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let place = tempfile::tempdir()?;
    /// let url = format!("local:{}/orders?dedup_keys_max=100000", place.path().display());
    /// let queue = relayhouse::open(&url).await?;
    /// let store = queue.dedup_store().await?;
    /// assert!(store.site().is_some());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Unsupported`] if no keys are kept there, and what opening it returns.
    pub async fn dedup_store(&self) -> Result<Arc<dyn DedupStore>> {
        let Some(transactional) = self.provider.transactional() else {
            return Err(self.lacks(Operation::Open, "dedup store"));
        };
        transactional.dedup_store(&self.source).await
    }

    /// Closes the shared producer, what it still holds sent first, and then the provider: with it
    /// go clones and siblings. A provider that the registry shares among queues that were opened
    /// apart, such as those of one directory, is closed with the last of them.
    ///
    /// Stop the consumers first. Dropping the future leaves the rest to the next call.
    ///
    /// # Errors
    ///
    /// Returns the first error; the rest is closed as well.
    pub async fn close(&self) -> Result<()> {
        let producer = self.producer.close().await;
        let provider = self.provider.close().await;
        producer.and(provider)
    }
}

fn builder(provider: &Arc<dyn Provider>, source: &Source, context: &Context) -> ProducerBuilder {
    match refused::target(source) {
        Ok(queue) => Producer::of(Arc::clone(provider), queue, context.clone()),
        Err(refused) => Producer::builder(Arc::new(refused), context.clone()),
    }
}
