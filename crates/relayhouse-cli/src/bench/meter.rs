//! Hears the calls that a run makes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use relayhouse::{Event, Instant, Observer, Settlement};
use serde::Serialize;
use tokio::sync::Notify;

/// Counts calls while they are made.
#[derive(Debug, Default)]
pub(super) struct Meter {
    calls: Mutex<Calls>,
    heard: Notify,
}

/// Counts the calls to the provider, by what they are for.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Calls {
    pub(super) send: Kind,
    pub(super) receive: Kind,
    /// Receives that brought nothing.
    pub(super) empty_receives: u64,
    pub(super) settle: Kind,
    /// Calls that extend leases.
    pub(super) extend: Kind,
    #[serde(skip)]
    pub(super) acked: u64,
    #[serde(skip)]
    pub(super) last_ack: Option<Instant>,
}

/// Counts calls of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Kind {
    pub(super) calls: u64,
    /// The messages of all these calls together.
    pub(super) messages: u64,
    /// Those of the calls that failed.
    pub(super) failed: u64,
}

impl Meter {
    /// Forgets what it heard so far.
    pub(super) fn reset(&self) {
        *self.lock() = Calls::default();
    }

    /// Ends when so many messages are acked.
    pub(super) async fn until_acked(&self, count: u64) {
        loop {
            let heard = self.heard.notified();
            tokio::pin!(heard);
            // What is heard from here on is not missed.
            heard.as_mut().enable();
            if count <= self.lock().acked {
                return;
            }
            heard.await;
        }
    }

    pub(super) fn calls(&self) -> Calls {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Meter {
    fn observe(&self, now: Instant, events: &[Event<'_>]) {
        let mut calls = self.lock();
        for event in events {
            calls.note(now, event);
        }
        drop(calls);
        self.heard.notify_waiters();
    }
}

impl Calls {
    fn note(&mut self, now: Instant, event: &Event<'_>) {
        match event {
            Event::SendCall {
                messages, error, ..
            } => self.send.count(*messages, error.is_some()),
            Event::Intake {
                received, error, ..
            } => {
                self.receive.count(*received, error.is_some());
                self.empty_receives += u64::from(*received == 0 && error.is_none());
            }
            Event::SettleCall {
                messages, error, ..
            } => self.settle.count(*messages, error.is_some()),
            Event::ExtendCall {
                messages, error, ..
            } => self.extend.count(*messages, error.is_some()),
            Event::Settled {
                settlement: Settlement::Ack,
                result: Ok(()),
                ..
            } => {
                self.acked += 1;
                self.last_ack = Some(now);
            }
            _ => {}
        }
    }
}

impl Kind {
    fn count(&mut self, messages: u32, has_failed: bool) {
        self.calls += 1;
        self.messages += u64::from(messages);
        self.failed += u64::from(has_failed);
    }
}
