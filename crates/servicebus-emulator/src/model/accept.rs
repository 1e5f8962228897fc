//! Sessions: who gets which, for how long, and what is kept with them.

use std::sync::Arc;

use bytes::Bytes;
use uuid::Uuid;

use super::{
    Address, Error, ErrorKind, ID_LENGTH_MAX, Lock, Model, Result, Time,
    draft::Effects,
    queue::Queue,
    receive::{check_open, check_session},
    sessions::Sessions,
    shelf::Attempt,
};

/// A session and its holder: whoever holds it later has another token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionKey {
    /// The session.
    pub id: Arc<str>,
    /// The holder.
    pub token: Uuid,
}

/// A session that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// What shows that it is held.
    pub key: SessionKey,
    /// When the lock ends.
    pub until: Time,
}

/// Which sessions are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Browse {
    /// Those that have messages.
    WithMessages,
    /// Those whose state was set after a time.
    UpdatedSince(Time),
}

impl Model {
    /// Locks a session: that of an id, or the one that has waited longest; none if no session
    /// with messages is free.
    ///
    /// # Errors
    ///
    /// There is no such entity, it gives no messages now or has no sessions, or somebody holds
    /// the session of the id.
    pub fn accept_session(
        &mut self,
        now: Time,
        address: &Address,
        id: Option<&str>,
    ) -> Result<Option<Session>> {
        self.act(now, |model| {
            let (queue, effects) = model.queue_mut(&address.path)?;
            check_open(queue, address)?;
            let sessions = sessions(queue, address)?;
            let id = match id {
                Some(id) => Some(available(sessions, id)?),
                None => sessions.next_free(),
            };
            queue.stamps.accessed = now;
            Ok(id.map(|id| {
                let token = effects.random.uuid();
                let until = queue.hold_session(address, &id, token, now);
                let key = SessionKey { id, token };
                Session { key, until }
            }))
        })
    }

    /// Renews the lock of a session, and returns when it ends now.
    ///
    /// # Errors
    ///
    /// The lock is over.
    pub fn renew_session(
        &mut self,
        now: Time,
        address: &Address,
        key: &SessionKey,
    ) -> Result<Time> {
        self.with_session(now, address, key, |queue, _| {
            queue.hold_session(address, &key.id, key.token, now)
        })
    }

    /// Gives a session back; its locked messages come back, as if they had not been handed out.
    ///
    /// # Errors
    ///
    /// The lock is over.
    pub fn close_session(&mut self, now: Time, address: &Address, key: &SessionKey) -> Result<()> {
        self.with_session(now, address, key, |queue, _| {
            let shelf = queue.shelf_mut(address.subqueue);
            shelf.end_session(&key.id, Attempt::Uncounted);
        })
    }

    /// Ends the lock of a session as if its time were over, to see what a consumer does then.
    ///
    /// # Errors
    ///
    /// The lock is over.
    pub fn break_session(&mut self, now: Time, address: &Address, key: &SessionKey) -> Result<()> {
        self.with_session(now, address, key, |queue, effects| {
            let shelf = queue.shelf_mut(address.subqueue);
            for sequence in shelf.end_session(&key.id, Attempt::Counted) {
                queue.judge(address.subqueue, sequence, now, effects);
            }
        })
    }

    /// Returns what is kept with a session, if there is something.
    ///
    /// # Errors
    ///
    /// The lock is over.
    pub fn session_state(
        &mut self,
        now: Time,
        address: &Address,
        key: &SessionKey,
    ) -> Result<Option<Bytes>> {
        self.with_session(now, address, key, |queue, _| {
            let shelf = queue.shelf(address.subqueue);
            shelf
                .sessions()
                .and_then(|sessions| sessions.state(&key.id))
        })
    }

    /// Keeps something with a session, also when its last message is gone, or no longer.
    ///
    /// # Errors
    ///
    /// The lock is over, or the state is larger than a message may be.
    pub fn set_session_state(
        &mut self,
        now: Time,
        address: &Address,
        key: &SessionKey,
        state: Option<Bytes>,
    ) -> Result<()> {
        let bytes = state.as_ref().map_or(0, Bytes::len);
        self.check_state(address, bytes)?;
        self.with_session(now, address, key, |queue, _| {
            let shelf = queue.shelf_mut(address.subqueue);
            if let Some(sessions) = shelf.sessions_mut() {
                sessions.set_state(&key.id, state, now);
            }
        })
    }

    /// Lists sessions by their ids, after some that are left out.
    ///
    /// # Errors
    ///
    /// There is no such entity, or it has no sessions.
    pub fn sessions(
        &mut self,
        now: Time,
        address: &Address,
        browse: Browse,
        skip: usize,
        top: usize,
    ) -> Result<Vec<Arc<str>>> {
        self.act(now, |model| {
            let (queue, _) = model.queue_mut(&address.path)?;
            let sessions = sessions(queue, address)?;
            let page = |ids: &mut dyn Iterator<Item = &Arc<str>>| {
                ids.skip(skip).take(top).cloned().collect()
            };
            Ok(match browse {
                Browse::WithMessages => page(&mut sessions.with_messages()),
                Browse::UpdatedSince(time) => page(&mut sessions.updated_since(time)),
            })
        })
    }

    fn with_session<T>(
        &mut self,
        now: Time,
        address: &Address,
        key: &SessionKey,
        run: impl FnOnce(&mut Queue, &mut Effects) -> T,
    ) -> Result<T> {
        self.act(now, |model| {
            let (queue, effects) = model.queue_mut(&address.path)?;
            check_session(address, queue.shelf(address.subqueue), Some(key))?;
            queue.stamps.accessed = now;
            Ok(run(queue, effects))
        })
    }

    fn check_state(&self, address: &Address, bytes: usize) -> Result<()> {
        let max = self.message_bytes_max(&address.path)?;
        if bytes <= max {
            return Ok(());
        }
        let message = format!("The state has {bytes} bytes, and {max} are possible.");
        Err(Error::new(ErrorKind::ArgumentOutOfRange, message))
    }
}

impl Queue {
    fn hold_session(&mut self, address: &Address, id: &Arc<str>, token: Uuid, now: Time) -> Time {
        let until = now.after(self.outlet.lock_duration);
        let shelf = self.shelf_mut(address.subqueue);
        shelf.hold_session(id, Lock { token, until });
        until
    }
}

fn sessions<'a>(queue: &'a Queue, address: &Address) -> Result<&'a Sessions> {
    queue.shelf(address.subqueue).sessions().ok_or_else(|| {
        let message = format!("'{address}' has no sessions.");
        Error::new(ErrorKind::NotAllowed, message)
    })
}

/// Checks that nobody holds a session, which there need not be yet.
fn available(sessions: &Sessions, id: &str) -> Result<Arc<str>> {
    let length = id.chars().count();
    if ID_LENGTH_MAX < length {
        let message =
            format!("The session id has {length} characters, and {ID_LENGTH_MAX} are possible.");
        return Err(Error::new(ErrorKind::ArgumentOutOfRange, message));
    }
    if sessions.lock(id).is_some() {
        let message = format!("The session {id:?} is held by somebody else.");
        return Err(Error::new(ErrorKind::SessionCannotBeLocked, message));
    }
    Ok(Arc::from(id))
}
