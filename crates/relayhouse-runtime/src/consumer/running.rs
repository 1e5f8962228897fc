//! A consumer that runs: pause, resume, drain.

use std::{future::Future, sync::Arc, thread::panicking, time::Duration};

use futures_util::future::join_all;
use relayhouse_core::{Clock, Error, ErrorKind, Result, Source};
use tokio::task::JoinHandle;
use tracing::debug;

use super::{control::Phase, open::Port, remote::Remote, report::Report, shared::Shared};
use crate::{lease::Keeper, sync::deadline};

/// The share of a drain that is kept for settlements: a tenth.
const FLUSH_SHARE: u32 = 10;
/// The longest time of a drain that is kept for settlements.
const FLUSH_MAX: Duration = Duration::from_secs(1);

/// Is a consumer that runs.
///
/// Dropped without [`shutdown`](Self::shutdown), it stops at once: handlers are dropped, and what
/// they had comes again when its lease ends.
#[derive(Debug)]
pub struct Running {
    pub(crate) shared: Arc<Shared>,
    pub(crate) workers: Vec<JoinHandle<()>>,
    pub(crate) keepers: Vec<JoinHandle<()>>,
    pub(crate) port: Option<Port>,
}

/// Fails the consumer if the task that holds it panics: one worker less, or leases that nobody
/// keeps, must not go unnoticed.
struct Alarm {
    shared: Arc<Shared>,
    text: &'static str,
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if panicking() {
            let error = Error::new(ErrorKind::Unexpected, self.text);
            self.shared.control.fail(error.queue(&self.shared.source));
        }
    }
}

/// Keeps leases in a task of its own.
pub(crate) fn spawn_keeper(shared: &Arc<Shared>, keeper: Keeper) -> JoinHandle<()> {
    let text = "the keeper of the consumer's leases panicked";
    spawn(shared, text, keeper.run())
}

/// Runs `work` in a task of its own, whose panic fails the consumer as `text` says.
fn spawn(
    shared: &Arc<Shared>,
    text: &'static str,
    work: impl Future<Output = ()> + Send + 'static,
) -> JoinHandle<()> {
    let shared = Arc::clone(shared);
    let alarm = Alarm { shared, text };
    tokio::spawn(async move {
        let _alarm = alarm;
        work.await;
    })
}

impl Running {
    /// Runs `worker` in a task of its own.
    pub(crate) fn spawn(&mut self, worker: impl Future<Output = ()> + Send + 'static) {
        let worker = spawn(&self.shared, "a worker of the consumer panicked", worker);
        self.workers.push(worker);
    }

    /// Stops receiving. What was received still runs.
    pub fn pause(&self) {
        self.shared.control.set_phase(Phase::Paused);
    }

    /// Receives again after a [`pause`](Self::pause).
    pub fn resume(&self) {
        self.shared.control.set_phase(Phase::Running);
    }

    /// Returns a remote of this consumer, for whoever is to pause, resume or watch it.
    #[must_use]
    pub fn remote(&self) -> Remote {
        Remote::new(Arc::clone(&self.shared))
    }

    /// Returns what the consumer receives from.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.shared.source
    }

    /// Returns what the consumer did so far.
    #[must_use]
    pub fn report(&self) -> Report {
        self.shared.counts.report()
    }

    /// Ends when the consumer cannot go on, for example because its queue was deleted;
    /// [`shutdown`](Self::shutdown) then returns why.
    ///
    /// Dropping the future is free of consequence.
    pub async fn failed(&self) {
        self.shared.control.failed.notified().await;
    }

    /// Drains: starts no receive, gives back what has not started, lets handlers end until
    /// shortly before `limit`, drops those that are left and gives their messages back, waits for
    /// settlements, and joins everything that was spawned.
    ///
    /// It ends after `limit` at the latest. Dropping the future stops the consumer at once.
    ///
    /// # Errors
    ///
    /// Returns what made the consumer stop by itself, if something did.
    pub async fn shutdown(mut self, limit: Duration) -> Result<Report> {
        let shared = Arc::clone(&self.shared);
        let control = &shared.control;
        let flush = (limit / FLUSH_SHARE).min(FLUSH_MAX);
        control.set_phase(Phase::Draining);
        let mut workers = Box::pin(join_all(std::mem::take(&mut self.workers)));
        let clock = &*shared.context.clock;
        if deadline(clock, limit.saturating_sub(flush), &mut workers)
            .await
            .is_none()
        {
            control.set_phase(Phase::Ending);
            if deadline(clock, flush, &mut workers).await.is_none() {
                control.set_phase(Phase::Over);
                workers.await;
            }
        }
        self.close(clock).await;
        match control.take_fatal() {
            Some(error) => Err(error),
            None => Ok(shared.counts.report()),
        }
    }

    async fn close(&mut self, clock: &dyn Clock) {
        for keeper in self.keepers.drain(..) {
            keeper.abort();
            // The keeper was cancelled: how it ended says nothing.
            let _ = keeper.await;
        }
        let timeout = self.shared.config.timeouts.settle;
        let closed = match self.port.take() {
            Some(Port::Receiver(receiver)) => deadline(clock, timeout, receiver.close()).await,
            Some(Port::Sessions(sessions)) => deadline(clock, timeout, sessions.close()).await,
            None => None,
        };
        if let Some(Err(error)) = closed {
            debug!(source = %self.shared.source, %error, "the receiver was not closed");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shared.control.set_phase(Phase::Over);
        self.keepers.iter().for_each(JoinHandle::abort);
    }
}
