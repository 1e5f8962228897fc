//! A task that was spawned, is asked to end, and is joined.

use std::{
    future::Future,
    sync::{Mutex, PoisonError},
};

use tokio::{sync::watch, task::JoinHandle};

/// Is a task that any number of callers may wait for. It is asked to end when it is dropped.
#[derive(Debug)]
pub(crate) struct Task {
    open: Mutex<Option<watch::Sender<()>>>,
    handle: Mutex<Option<JoinHandle<()>>>,
    ended: watch::Receiver<()>,
}

/// Tells a task that it is asked to end.
#[derive(Clone, Debug)]
pub(crate) struct Closing(watch::Receiver<()>);

impl Closing {
    /// Ends when the task is asked to. Dropping the future loses nothing.
    pub(crate) async fn asked(&mut self) {
        // Nothing is ever sent: this waits for the other side to be dropped.
        while self.0.changed().await.is_ok() {}
    }

    /// Does `work`, unless the task is asked to end first.
    pub(crate) async fn unless<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.asked() => None,
            value = work => Some(value),
        }
    }
}

impl Task {
    /// Spawns what `work` makes.
    pub(crate) fn spawn<W>(work: impl FnOnce(Closing) -> W) -> Self
    where
        W: Future<Output = ()> + Send + 'static,
    {
        let (open, closing) = watch::channel(());
        let (end, ended) = watch::channel(());
        let work = work(Closing(closing));
        let handle = tokio::spawn(async move {
            // It is dropped with the work, also by a panic.
            let _end = end;
            work.await;
        });
        Self {
            open: Mutex::new(Some(open)),
            handle: Mutex::new(Some(handle)),
            ended,
        }
    }

    /// Asks the task to end.
    pub(crate) fn end(&self) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        *open = None;
    }

    /// Asks the task to end, and waits until it has. Dropping the future leaves the rest to the
    /// next call.
    pub(crate) async fn join(&self) {
        self.end();
        let mut ended = self.ended.clone();
        while ended.changed().await.is_ok() {}
        let handle = {
            let mut handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner);
            handle.take()
        };
        if let Some(handle) = handle {
            // It has done its work: what is left of it is gone in a moment.
            let _ = handle.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{future::join, poll};

    use super::*;

    #[tokio::test]
    async fn everybody_who_joins_waits_until_the_work_is_done() {
        let (go, mut gone) = watch::channel(());
        let task = Task::spawn(|mut closing| async move {
            closing.asked().await;
            let _ = gone.changed().await;
        });
        {
            let dropped = std::pin::pin!(task.join());
            assert!(poll!(dropped).is_pending());
        }
        let mut both = std::pin::pin!(join(task.join(), task.join()));
        assert!(poll!(both.as_mut()).is_pending());
        drop(go);
        both.await;
        task.join().await;
    }

    #[tokio::test]
    async fn a_task_that_panics_has_ended() {
        let task = Task::spawn(|_| async { panic!("on purpose") });
        task.join().await;
    }

    #[tokio::test]
    async fn work_goes_on_unless_the_task_is_asked_to_end() {
        let (told, heard) = tokio::sync::oneshot::channel();
        let task = Task::spawn(|mut closing| async move {
            let done = closing.unless(async { 7 }).await;
            let left = closing.unless(std::future::pending::<()>()).await;
            let _ = told.send((done, left));
        });
        task.join().await;
        assert!(matches!(heard.await.unwrap(), (_, None)));
    }
}
