//! A spawned task that any number of closers wait for.

use std::future::Future;

use tokio::sync::watch;

use crate::sync::{JoinHandle, Mutex, lock, spawn};

/// Holds a task until somebody has waited for its end.
#[derive(Debug)]
pub(crate) struct Task {
    /// Its sender belongs to the task, and goes with it.
    ended: watch::Receiver<()>,
    handle: Mutex<Option<JoinHandle<()>>>,
}

impl Task {
    pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) -> Self {
        let (until_end, ended) = watch::channel(());
        let task = async move {
            let _until_end = until_end;
            future.await;
        };
        Self {
            ended,
            handle: Mutex::new(Some(spawn(task))),
        }
    }

    /// Waits until the task has ended, also if it panicked. Dropping the future leaves that to the
    /// next call.
    pub(crate) async fn join(&self) {
        let mut ended = self.ended.clone();
        while ended.changed().await.is_ok() {}
        let handle = lock(&self.handle).take();
        if let Some(handle) = handle {
            // It has ended; how is told to those who used it.
            let _ = handle.await;
        }
    }

    #[cfg(test)]
    pub(crate) fn is_joined(&self) -> bool {
        lock(&self.handle).is_none()
    }
}
