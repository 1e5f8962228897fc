//! Receives: what is handed out, and to whom.

use std::collections::BTreeSet;

use super::{
    Address, Delivery, Error, ErrorKind, Lock, Model, Result, SessionKey, State, Subqueue, Time,
    draft::Effects, queue::Queue, shelf::Shelf,
};

/// What becomes of a message as it is handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// It is locked until it is settled, or the lock ends.
    PeekLock,
    /// It is deleted.
    ReceiveAndDelete,
}

/// What a receiver is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Receiver {
    /// For messages, whatever they are in.
    Plain,
    /// For the messages of one session.
    Session,
}

/// What somebody wants to receive.
#[derive(Clone, Copy, Debug)]
pub struct Receive<'a> {
    /// How many messages at most.
    pub max: usize,
    /// What becomes of them.
    pub mode: Mode,
    /// The session that is held, where there are sessions.
    pub session: Option<&'a SessionKey>,
}

impl Model {
    /// Checks whether a receiver may attach.
    ///
    /// # Errors
    ///
    /// There is no such entity, it gives no messages now, or it requires the other kind of
    /// receiver.
    pub fn open_receiver(
        &mut self,
        now: Time,
        address: &Address,
        receiver: Receiver,
    ) -> Result<()> {
        self.act(now, |model| {
            let queue = model.queue(&address.path)?;
            check_open(queue, address)?;
            let has_sessions = queue.shelf(address.subqueue).sessions().is_some();
            match (has_sessions, receiver) {
                (true, Receiver::Session) | (false, Receiver::Plain) => Ok(()),
                (true, Receiver::Plain) => Err(needs_session(address)),
                (false, Receiver::Session) => Err(has_no_sessions(address)),
            }
        })
    }

    /// Hands out what there is, up to a number of messages, and perhaps none.
    ///
    /// # Errors
    ///
    /// As for [`open_receiver`](Self::open_receiver); and the session must be held.
    pub fn receive(
        &mut self,
        now: Time,
        address: &Address,
        receive: Receive<'_>,
    ) -> Result<Vec<Delivery>> {
        self.act(now, |model| {
            let (queue, effects) = model.queue_mut(&address.path)?;
            check_open(queue, address)?;
            let shelf = queue.shelf(address.subqueue);
            check_session(address, shelf, receive.session)?;
            let session = receive.session.map(|key| &*key.id);
            let mut deliveries = Vec::new();
            while deliveries.len() < receive.max {
                let Some(sequence) = queue.shelf(address.subqueue).first(session) else {
                    break;
                };
                deliveries.extend(queue.hand_out(address, sequence, receive, now, effects));
            }
            queue.stamps.accessed = now;
            Ok(deliveries)
        })
    }

    /// Hands out deferred messages by their numbers, all or none.
    ///
    /// # Errors
    ///
    /// As for [`receive`](Self::receive); and each number must be that of a message that is
    /// deferred, and not locked.
    pub fn receive_deferred(
        &mut self,
        now: Time,
        address: &Address,
        sequences: &[u64],
        receive: Receive<'_>,
    ) -> Result<Vec<Delivery>> {
        self.act(now, |model| {
            let (queue, effects) = model.queue_mut(&address.path)?;
            check_open(queue, address)?;
            let shelf = queue.shelf(address.subqueue);
            check_session(address, shelf, receive.session)?;
            let mut seen = BTreeSet::new();
            for sequence in sequences {
                let is_there = is_deferred(shelf, *sequence, receive.session);
                if !is_there || !seen.insert(*sequence) {
                    let message = format!("No message is deferred in '{address}' as {sequence}.");
                    return Err(Error::new(ErrorKind::MessageNotFound, message));
                }
            }
            queue.stamps.accessed = now;
            let hand_out =
                |sequence: &u64| queue.hand_out(address, *sequence, receive, now, effects);
            Ok(sequences.iter().filter_map(hand_out).collect())
        })
    }
}

impl Queue {
    /// Locks or deletes a message, and returns it.
    fn hand_out(
        &mut self,
        address: &Address,
        sequence: u64,
        receive: Receive<'_>,
        now: Time,
        effects: &mut Effects,
    ) -> Option<Delivery> {
        let until = match receive.session {
            Some(key) => self.session_until(address.subqueue, key)?,
            None => now.after(self.outlet.lock_duration),
        };
        let shelf = self.shelf_mut(address.subqueue);
        let entry = shelf.get(sequence)?;
        let state = entry.state;
        if receive.mode == Mode::ReceiveAndDelete {
            let message = shelf.remove(sequence)?;
            return Some(Delivery {
                message,
                state,
                lock: None,
            });
        }
        let message = entry.message.clone();
        let lock = Lock {
            token: effects.random.uuid(),
            until,
        };
        shelf.hold(sequence, lock);
        Some(Delivery {
            message,
            state,
            lock: Some(lock),
        })
    }

    fn session_until(&self, subqueue: Subqueue, key: &SessionKey) -> Option<Time> {
        let lock = self.shelf(subqueue).sessions()?.lock(&key.id)?;
        Some(lock.until)
    }
}

/// Checks that messages may be received from a queue now.
pub(super) fn check_open(queue: &Queue, address: &Address) -> Result<()> {
    if !queue.common.status.takes_receives() {
        let message = format!(
            "The messaging entity '{}' gives no messages now: it is disabled.",
            address.path
        );
        return Err(Error::new(ErrorKind::EntityDisabled, message));
    }
    let forwards = queue.outlet.forward_to.is_some() && address.subqueue == Subqueue::Main;
    if forwards {
        let message = format!(
            "'{}' forwards its messages: they are received from where they go.",
            address.path
        );
        return Err(Error::new(ErrorKind::NotAllowed, message));
    }
    Ok(())
}

/// Checks that a session is held, where there are sessions.
pub(super) fn check_session(
    address: &Address,
    shelf: &Shelf,
    key: Option<&SessionKey>,
) -> Result<()> {
    match (shelf.sessions(), key) {
        (None, None) => Ok(()),
        (None, Some(_)) => Err(has_no_sessions(address)),
        (Some(_), None) => Err(needs_session(address)),
        (Some(sessions), Some(key)) => {
            let is_held = sessions
                .lock(&key.id)
                .is_some_and(|it| it.token == key.token);
            is_held.then_some(()).ok_or_else(|| {
                let message = format!("The lock of the session {:?} is over.", &*key.id);
                Error::new(ErrorKind::SessionLockLost, message)
            })
        }
    }
}

fn is_deferred(shelf: &Shelf, sequence: u64, session: Option<&SessionKey>) -> bool {
    shelf.get(sequence).is_some_and(|entry| {
        let is_of_session = session
            .is_none_or(|key| entry.message.contents.session_id.as_deref() == Some(&*key.id));
        entry.state == State::Deferred && entry.hold.is_none() && is_of_session
    })
}

fn needs_session(address: &Address) -> Error {
    let message = format!("'{address}' requires sessions: a receiver must accept one.");
    Error::new(ErrorKind::NotAllowed, message)
}

fn has_no_sessions(address: &Address) -> Error {
    let message = format!("'{address}' has no sessions.");
    Error::new(ErrorKind::NotAllowed, message)
}
