//! What was opened on a provider, to be closed with it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use relayhouse_core::{
    Error, ErrorKind, Receipt, Result, Source,
    port::{Receiver, Sender, Sessions},
};

use crate::{
    receiver::ServiceBusReceiver,
    sender::ServiceBusSender,
    session::{ServiceBusSession, ServiceBusSessions},
};

/// Knows what was opened and is still in use.
#[derive(Debug, Default)]
pub(crate) struct Opened(Mutex<Lists>);

#[derive(Debug, Default)]
struct Lists {
    senders: Vec<Weak<ServiceBusSender>>,
    receivers: Vec<Weak<ServiceBusReceiver>>,
    sessions: Vec<Weak<ServiceBusSession>>,
    accepting: Vec<Weak<ServiceBusSessions>>,
}

impl Opened {
    fn lists(&self) -> MutexGuard<'_, Lists> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn sender(&self, sender: &Arc<ServiceBusSender>) {
        remember(&mut self.lists().senders, sender);
    }

    pub(crate) fn receiver(&self, receiver: &Arc<ServiceBusReceiver>) {
        remember(&mut self.lists().receivers, receiver);
    }

    pub(crate) fn session(&self, session: &Arc<ServiceBusSession>) {
        remember(&mut self.lists().sessions, session);
    }

    pub(crate) fn accepting(&self, sessions: &Arc<ServiceBusSessions>) {
        remember(&mut self.lists().accepting, sessions);
    }

    /// Finds who received a delivery from `source`.
    pub(crate) fn holder(&self, source: &Source, receipt: &Receipt) -> Result<Holder> {
        let lists = self.lists();
        let has = |it: &ServiceBusReceiver| it.source() == source && it.holds(receipt);
        let receivers = lists.receivers.iter().filter_map(Weak::upgrade);
        let receivers = receivers.filter(|it| has(it)).map(Holder::Receiver);
        let sessions = lists.sessions.iter().filter_map(Weak::upgrade);
        let sessions = sessions
            .filter(|it| has(it.receiver()))
            .map(Holder::Session);
        receivers.chain(sessions).next().ok_or_else(|| {
            Error::new(
                ErrorKind::LeaseLost,
                "nobody here holds the delivery: its lock or its link has ended",
            )
        })
    }

    /// Closes all of it, senders first.
    pub(crate) async fn close(&self) -> Result<()> {
        let (senders, receivers, sessions, accepting) = {
            let lists = self.lists();
            (
                living(&lists.senders),
                living(&lists.receivers),
                living(&lists.sessions),
                living(&lists.accepting),
            )
        };
        for sender in senders {
            sender.close().await?;
        }
        for sessions in accepting {
            sessions.close().await?;
        }
        for session in sessions {
            session.close().await?;
        }
        for receiver in receivers {
            receiver.close().await?;
        }
        Ok(())
    }
}

/// Is who received a delivery.
#[derive(Debug)]
pub(crate) enum Holder {
    Receiver(Arc<ServiceBusReceiver>),
    Session(Arc<ServiceBusSession>),
}

impl Holder {
    pub(crate) fn receiver(&self) -> &ServiceBusReceiver {
        match self {
            Self::Receiver(receiver) => receiver,
            Self::Session(session) => session.receiver(),
        }
    }
}

/// Adds `one`, and forgets those that are gone.
fn remember<T>(list: &mut Vec<Weak<T>>, one: &Arc<T>) {
    list.retain(|it| 0 < it.strong_count());
    list.push(Arc::downgrade(one));
}

fn living<T>(list: &[Weak<T>]) -> Vec<Arc<T>> {
    list.iter().filter_map(Weak::upgrade).collect()
}
