//! Sessions: accepts one, works on it for a quantum, gives it back.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use relayhouse_core::{
    Error, Event, Instant, Operation, Result,
    port::{Receiver, SessionReceiver, Sessions},
};
use tokio::task::JoinHandle;
use tracing::debug;

use super::{
    control::Phase,
    mode::Mode,
    running::spawn_keeper,
    shared::Shared,
    worker::{Quantum, Worker},
};
use crate::{
    lease::Keeper,
    sync::{deadline, lock},
};

/// The wait after an accept failed.
const FAILURE_WAIT: Duration = Duration::from_secs(1);

/// Accepts sessions one after the other and works on each.
pub(crate) struct SessionWorker<M> {
    pub(crate) seat: usize,
    pub(crate) shared: Arc<Shared>,
    pub(crate) sessions: Arc<dyn Sessions>,
    /// Behind a lock because a service need not be shareable, and this is shared across awaits.
    pub(crate) mode: Mutex<M>,
}

/// Ends the keeper of a session when the work on it ends, also by a panic.
struct Kept(JoinHandle<()>);

impl Drop for Kept {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl<M: Mode> SessionWorker<M> {
    /// Works until the consumer is over.
    pub(crate) async fn run(self) {
        loop {
            match self.phase_changed_from(Phase::Paused).await {
                Phase::Running => {}
                _ => return,
            }
            let began = self.shared.context.clock.now();
            let accepted = self.accept().await;
            self.report_accept(began, &accepted);
            match accepted {
                Ok(Some(session)) => self.work_on(session).await,
                Ok(None) => {}
                Err(error) => self.accept_failed(error).await,
            }
        }
    }

    /// Waits while the phase is `phase`, and returns the one that follows.
    async fn phase_changed_from(&self, phase: Phase) -> Phase {
        let control = &self.shared.control;
        poll_fn(|context| {
            control.register(self.seat, context);
            let now = control.phase();
            if now == phase {
                Poll::Pending
            } else {
                Poll::Ready(now)
            }
        })
        .await
    }

    /// Accepts a session. In a drain an accept that can be dropped is; another is finished, and
    /// what it brings is given back.
    async fn accept(&self) -> Result<Option<Arc<dyn SessionReceiver>>> {
        let config = &self.shared.config;
        let capabilities = self.sessions.capabilities();
        let wait_max = capabilities.receive_wait_max.unwrap_or(Duration::MAX);
        let wait = config.receive_wait.min(wait_max);
        let timeout = wait + config.timeouts.receive_beyond_wait;
        let can_drop = capabilities.receive_drop.is_supported();
        let accept = deadline(
            &*self.shared.context.clock,
            timeout,
            self.sessions.accept(None, wait),
        );
        tokio::select! {
            biased;
            result = accept => result.unwrap_or(Ok(None)),
            () = self.must_drop(can_drop) => {
                let now = self.shared.context.clock.now();
                self.shared.receives_dropped(now, u64::from(!can_drop));
                Ok(None)
            }
        }
    }

    fn report_accept(&self, began: Instant, accepted: &Result<Option<Arc<dyn SessionReceiver>>>) {
        let now = self.shared.context.clock.now();
        let source = &self.shared.source;
        self.shared.observe_one(now, || Event::SessionAccepted {
            source,
            took: now.since(began),
            result: accepted.as_ref().map(Option::is_some),
        });
    }

    /// Ends when an accept in flight is to be dropped.
    async fn must_drop(&self, can_drop: bool) {
        let last = if can_drop {
            Phase::Draining
        } else {
            Phase::Ending
        };
        poll_fn(|context| {
            self.shared.control.register(self.seat, context);
            if last <= self.shared.control.phase() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    async fn accept_failed(&self, error: Error) {
        let error = error.at(Operation::Session, &self.shared.source);
        if error.is_permanent() {
            self.shared.control.fail(error);
            self.must_drop(true).await;
            return;
        }
        debug!(%error, "a session was not accepted");
        let clock = &self.shared.context.clock;
        tokio::select! {
            biased;
            () = clock.sleep_until(clock.now() + FAILURE_WAIT) => {}
            () = self.must_drop(true) => {}
        }
    }

    async fn work_on(&self, session: Arc<dyn SessionReceiver>) {
        let shared = &self.shared;
        let receiver: Arc<dyn Receiver> = Arc::clone(&session) as _;
        let (keeper, leases) =
            Keeper::of_session(Arc::clone(&session), &shared.context, &shared.config);
        let mut keeper = Kept(spawn_keeper(shared, keeper));
        let now = shared.context.clock.now();
        let quantum = Quantum {
            until: now + shared.config.session_age_max,
            messages_left: u64::from(shared.config.session_messages_max.get()),
        };
        let mode = lock(&self.mode).clone();
        Worker::new(self.seat, Arc::clone(shared), receiver, leases, mode, 1)
            .of_session(quantum)
            .run()
            .await;
        keeper.0.abort();
        // The keeper was cancelled: how it ended says nothing.
        let _ = (&mut keeper.0).await;
        self.give_back(&*session).await;
        let ended = shared.context.clock.now();
        shared.observe_one(ended, || Event::SessionEnded {
            source: &shared.source,
            held: ended.since(now),
        });
    }

    async fn give_back(&self, session: &dyn SessionReceiver) {
        let timeout = self.shared.config.timeouts.settle;
        let close = deadline(&*self.shared.context.clock, timeout, session.close());
        if let Some(Err(error)) = close.await {
            debug!(source = %self.shared.source, %error, "a session was not given back");
        }
    }
}
