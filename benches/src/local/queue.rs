//! A queue of the adapter for files.

use std::{num::NonZeroU64, path::Path, sync::Arc};

use anyhow::Result;
use relayhouse_core::{
    Context,
    port::{Provider, ReceiverOptions},
};
use relayhouse_local::Local;

use crate::{
    ours::{PortConsumer, PortProducer, Ports},
    subject::{Consume, Subject},
};

/// Is the queue `bench` in a directory, at its ports.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) ports: Ports,
    provider: Arc<dyn Provider>,
}

impl Queue {
    /// Opens it, with bounds that no workload reaches.
    pub(super) async fn open(directory: &Path, context: &Context) -> Result<Self> {
        Self::open_with(directory, context, ReceiverOptions::default()).await
    }

    pub(super) async fn open_with(
        directory: &Path,
        context: &Context,
        options: ReceiverOptions,
    ) -> Result<Self> {
        let local = Local::builder(context.clone(), directory)
            .messages_max(NonZeroU64::MAX)
            .bytes_max(NonZeroU64::MAX)
            .build()?;
        let provider: Arc<dyn Provider> = Arc::new(local);
        Ok(Self {
            ports: Ports::of(Arc::clone(&provider), context, options).await?,
            provider,
        })
    }

    pub(super) fn producer(&self) -> PortProducer {
        self.ports.producer()
    }

    pub(super) fn consumer(&self) -> PortConsumer {
        self.ports.consumer()
    }

    pub(super) async fn close(self) -> Result<()> {
        Ok(self.provider.close().await?)
    }
}

/// Receives and acks `count` messages, `batch` at a time.
pub(super) async fn take(consumer: &mut PortConsumer, count: usize, batch: usize) -> Result<()> {
    let mut taken = 0;
    while taken < count {
        taken += consumer.take(batch.min(count - taken), |_| ()).await?;
    }
    Ok(())
}
