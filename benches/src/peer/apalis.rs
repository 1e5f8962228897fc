//! apalis's worker on its memory storage: a runtime with concurrency, but neither lease nor ack.

use std::{convert::Infallible, sync::Arc, time::Duration};

use anyhow::Result;
use apalis_core::{
    backend::{TaskSink, memory::MemoryStorage},
    worker::{builder::WorkerBuilder, ext::parallelize::ParallelizeExt},
};
use tower::limit::ConcurrencyLimitLayer;

use crate::{
    clock::Mark,
    tally::{self, Tally},
};

/// Stands for apalis's worker.
#[derive(Clone, Copy, Debug)]
pub struct Apalis;

impl Apalis {
    /// The name of its lines in the tables.
    pub const NAME: &'static str = "apalis worker (no lease, no ack)";

    /// Fills a storage with `messages` copies of `body`, lets a worker of `concurrency` empty it,
    /// and returns how long that took.
    ///
    /// # Errors
    ///
    /// Returns the storage's or the worker's error.
    pub async fn drain(messages: usize, body: &[u8], concurrency: usize) -> Result<Duration> {
        let mut storage = MemoryStorage::new();
        for _ in 0..messages {
            storage.push(Arc::<[u8]>::from(body)).await?;
        }
        let tally = Arc::new(Tally::default());
        let end = tally.begin(messages);
        let start = Mark::now();
        let worker = WorkerBuilder::new("apalis")
            .backend(storage)
            .layer(ConcurrencyLimitLayer::new(concurrency))
            .parallelize(tokio::spawn)
            .build(move |_: Arc<[u8]>| {
                let tally = Arc::clone(&tally);
                async move {
                    tally.count(1);
                    Ok::<_, Infallible>(())
                }
            });
        let worker = tokio::spawn(worker.run());
        let end = tally::end(end).await;
        worker.abort();
        Ok(end?.since(start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn worker_empties_its_storage() {
        let took = Apalis::drain(1_000, b"x", 4).await.unwrap();
        assert!(!took.is_zero());
    }
}
