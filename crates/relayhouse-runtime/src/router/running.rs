//! A router that runs: one drain for all its consumers.

use std::time::Duration;

use futures_util::future::{join_all, select_all};
use relayhouse_core::{Result, Source};

use crate::consumer::{Consumer, Remote, Report, Running};

/// Is a router that runs.
///
/// Dropped without [`shutdown`](Self::shutdown), it stops at once: handlers are dropped, and what
/// they had comes again when its lease ends.
#[derive(Debug)]
pub struct RunningRouter {
    consumers: Vec<Running>,
}

impl RunningRouter {
    pub(super) async fn start(consumers: Vec<Consumer>) -> Result<Self> {
        let mut running = Vec::with_capacity(consumers.len());
        for consumer in consumers {
            running.push(consumer.start().await?);
        }
        Ok(Self { consumers: running })
    }

    /// Stops receiving from all queues. What was received still runs.
    pub fn pause(&self) {
        self.consumers.iter().for_each(Running::pause);
    }

    /// Receives again after a [`pause`](Self::pause).
    pub fn resume(&self) {
        self.consumers.iter().for_each(Running::resume);
    }

    /// Returns a remote of each consumer, in the order in which their sources were added.
    #[must_use]
    pub fn remotes(&self) -> Vec<Remote> {
        self.consumers.iter().map(Running::remote).collect()
    }

    /// Returns what was done so far with each source, in the order in which they were added.
    #[must_use]
    pub fn reports(&self) -> Vec<(Source, Report)> {
        let report = |running: &Running| (running.source().clone(), running.report());
        self.consumers.iter().map(report).collect()
    }

    /// Ends when one of the consumers cannot go on; [`shutdown`](Self::shutdown) then returns why.
    ///
    /// Dropping the future is free of consequence.
    pub async fn failed(&self) {
        let failed = self.consumers.iter().map(|it| Box::pin(it.failed()));
        let failed: Vec<_> = failed.collect();
        if failed.is_empty() {
            return;
        }
        select_all(failed).await;
    }

    /// Drains all consumers at the same time, as [`Running::shutdown`] does, for at most `limit`,
    /// and returns what was done with each source.
    ///
    /// Dropping the future stops all at once.
    ///
    /// # Errors
    ///
    /// Returns what made the first consumer stop by itself, if one did; all are drained then too.
    pub async fn shutdown(self, limit: Duration) -> Result<Vec<(Source, Report)>> {
        let drains = self.consumers.into_iter().map(|running| async move {
            let source = running.source().clone();
            running.shutdown(limit).await.map(|report| (source, report))
        });
        join_all(drains).await.into_iter().collect()
    }
}
