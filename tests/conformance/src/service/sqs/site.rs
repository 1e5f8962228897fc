//! One service, as every AWS program finds it, and names there that nobody else uses.

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::Result;
use aws_sdk_sqs::Client;
use relayhouse_core::QueueName;
use relayhouse_sqs::Sqs;

/// The variables that say where the two services are.
const ENDPOINT_OF_SQS: &str = "AWS_ENDPOINT_URL_SQS";
const ENDPOINT_OF_SNS: &str = "AWS_ENDPOINT_URL_SNS";

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

    /// Returns true if SNS is where SQS is: its endpoint is named as well, or neither is.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "where the services are, the suite says by the variables that the SDK reads"
    )]
    pub fn has_topics(&self) -> bool {
        let is_set = |name| env::var_os(name).is_some();
        is_set(ENDPOINT_OF_SNS) || !is_set(ENDPOINT_OF_SQS)
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

    /// Makes a client of the SDK of SNS for this service.
    ///
    /// # Errors
    ///
    /// Returns an error if the environment names no region.
    pub async fn sns_client(&self) -> Result<aws_sdk_sns::Client> {
        let provider = Sqs::builder(relayhouse_time::context()?).topics(true);
        Ok(provider.build()?.sns_client().await?.clone())
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

    /// Deletes all queues and topics of this run, so that a service that goes on is left as it was.
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
        if self.has_topics() {
            self.clean_topics().await?;
        }
        Ok(())
    }

    async fn clean_topics(&self) -> Result<()> {
        let client = self.sns_client().await?;
        let mut topics = client.list_topics().into_paginator().items().send();
        while let Some(topic) = topics.next().await {
            let arn = topic?.topic_arn.unwrap_or_default();
            let name = arn.rsplit(':').next().unwrap_or_default();
            if name.starts_with(&self.run) {
                client.delete_topic().topic_arn(arn).send().await?;
            }
        }
        Ok(())
    }
}
