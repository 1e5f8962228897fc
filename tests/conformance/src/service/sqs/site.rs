//! One service, as every AWS program finds it, and names there that nobody else uses.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use anyhow::Result;
use aws_sdk_sqs::Client;
use relayhouse_core::QueueName;
use relayhouse_sqs::Sqs;

/// Is one service, found by the variables that every AWS program reads.
///
/// A clone makes names of the same run.
#[derive(Clone, Debug)]
pub struct Site {
    run: String,
    next: Arc<AtomicU64>,
}

impl Site {
    /// Begins a run, whose queues have names of their own.
    ///
    /// # Errors
    ///
    /// Returns the operating system's error if it has no randomness to give.
    pub fn new() -> Result<Self> {
        let random = relayhouse_time::context()?.random.next_u64();
        Ok(Self {
            run: format!("relayhouse-{random:016x}"),
            next: Arc::default(),
        })
    }

    /// Names a queue that is not there yet.
    ///
    /// # Errors
    ///
    /// Returns an error if the name is none for a queue.
    pub fn queue_name(&self, is_fifo: bool) -> relayhouse_core::Result<QueueName> {
        let suffix = if is_fifo { ".fifo" } else { "" };
        QueueName::new(format!("{}-{}{suffix}", self.run, self.number()))
    }

    /// Returns a number that this run has not used.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Makes a client of the SDK for this service.
    ///
    /// # Errors
    ///
    /// Returns an error if the environment names no region.
    pub async fn client(&self) -> Result<Client> {
        let provider = Sqs::builder(relayhouse_time::context()?).build()?;
        Ok(provider.client().await?.clone())
    }

    /// Deletes all queues of this run, so that a service that goes on is left as it was.
    ///
    /// # Errors
    ///
    /// Returns what the service says.
    pub async fn clean(&self) -> Result<()> {
        let client = self.client().await?;
        let list = client.list_queues().queue_name_prefix(&self.run);
        let mut urls = list.max_results(1000).into_paginator().items().send();
        while let Some(url) = urls.next().await {
            client.delete_queue().queue_url(url?).send().await?;
        }
        Ok(())
    }
}
