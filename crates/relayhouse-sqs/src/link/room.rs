//! The room for calls under way: some of it is never given to calls that wait.

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::config::Config;

/// The part of the room that is kept for calls that do not wait.
const KEPT: usize = 4;

/// Shares out the calls that may be under way at a time.
#[derive(Debug)]
pub(super) struct Room {
    calls: Semaphore,
    polls: Semaphore,
}

impl Room {
    pub(super) fn new(config: &Config) -> Self {
        let calls = calls_max(config);
        Self {
            calls: Semaphore::new(calls),
            polls: Semaphore::new(polls_max(calls)),
        }
    }

    /// Waits for the turn of a call. Nobody closes the room, so that one comes in the end.
    pub(super) async fn call(&self) -> Option<SemaphorePermit<'_>> {
        self.calls.acquire().await.ok()
    }

    /// Waits for the turn of a poll that waits, which takes that of a call besides.
    pub(super) async fn poll(&self) -> Option<SemaphorePermit<'_>> {
        self.polls.acquire().await.ok()
    }
}

/// A call whose connection is being made takes another one that gets free before, and the new one
/// stays: there are at most twice as many connections as calls.
fn calls_max(config: &Config) -> usize {
    let max = usize::try_from(config.connections_max.get() / 2).unwrap_or(usize::MAX);
    max.clamp(1, Semaphore::MAX_PERMITS)
}

/// Polls last for many seconds, and whoever sends or settles cannot wait for their end.
fn polls_max(calls: usize) -> usize {
    calls - calls.div_ceil(KEPT)
}
