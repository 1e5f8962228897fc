//! The sessions of one queue: who holds which, and which are to be had.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;

use super::{
    Lock, Time,
    journal::{Dirty, SessionState},
};

/// The sessions of a queue.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    by_id: BTreeMap<Arc<str>, Session>,
    /// The sessions that have messages and no holder: whichever waits longest comes first, so
    /// that no session starves.
    free: BTreeMap<u64, Arc<str>>,
    turn: u64,
    /// How many bytes all states take.
    bytes: u64,
    /// The sessions whose states have changed.
    pub(super) dirty: Dirty<Arc<str>>,
}

/// One session.
#[derive(Debug, Default)]
struct Session {
    /// All of its messages.
    line: BTreeSet<u64>,
    /// Those that may be handed out to the holder.
    ready: BTreeSet<u64>,
    /// Those that the holder has locked.
    held: BTreeSet<u64>,
    lock: Option<Lock>,
    state: Option<Bytes>,
    state_updated: Option<Time>,
    /// Where it stands among those that are free.
    turn: Option<u64>,
}

/// A session that was given back.
#[derive(Debug)]
pub(super) struct End {
    pub(super) lock: Lock,
    /// The messages that were locked.
    pub(super) held: Vec<u64>,
}

impl Sessions {
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn add(&mut self, id: &str, sequence: u64) {
        if let Some(session) = self.by_id.get_mut(id) {
            session.line.insert(sequence);
            self.note_cleared(id);
            return;
        }
        let mut session = Session::default();
        session.line.insert(sequence);
        self.by_id.insert(id.into(), session);
    }

    pub(super) fn remove(&mut self, id: &str, sequence: u64) {
        if let Some(session) = self.by_id.get_mut(id) {
            session.line.remove(&sequence);
        }
        self.note_cleared(id);
        self.tidy(id);
    }

    /// Says that a message is neither to be handed out nor locked.
    pub(super) fn leave(&mut self, id: &str, sequence: u64) {
        if let Some(session) = self.by_id.get_mut(id) {
            session.ready.remove(&sequence);
            session.held.remove(&sequence);
        }
        self.line_up(id);
    }

    pub(super) fn make_ready(&mut self, id: &str, sequence: u64) {
        if let Some(session) = self.by_id.get_mut(id) {
            session.ready.insert(sequence);
        }
        self.line_up(id);
    }

    pub(super) fn make_held(&mut self, id: &str, sequence: u64) {
        if let Some(session) = self.by_id.get_mut(id) {
            session.held.insert(sequence);
        }
    }

    /// Returns the message of a session to be handed out next.
    pub(super) fn first(&self, id: &str) -> Option<u64> {
        self.by_id.get(id)?.ready.first().copied()
    }

    /// Returns all messages of a session from a number on, in order.
    pub(super) fn line(&self, id: &str, from: u64) -> impl Iterator<Item = u64> {
        let session = self.by_id.get(id);
        session
            .into_iter()
            .flat_map(move |session| session.line.range(from..).copied())
    }

    /// Returns the session that has waited longest for a holder.
    pub(super) fn next_free(&self) -> Option<Arc<str>> {
        let (_, id) = self.free.first_key_value()?;
        Some(Arc::clone(id))
    }

    pub(super) fn lock(&self, id: &str) -> Option<Lock> {
        self.by_id.get(id)?.lock
    }

    /// Gives a session a holder, or its holder more time, and returns the lock that was.
    pub(super) fn hold(&mut self, id: &Arc<str>, lock: Lock) -> Option<Lock> {
        let session = self.by_id.entry(Arc::clone(id)).or_default();
        let old = session.lock.replace(lock);
        self.line_up(id);
        old
    }

    pub(super) fn end(&mut self, id: &str) -> Option<End> {
        let session = self.by_id.get_mut(id)?;
        let lock = session.lock.take()?;
        let held = session.held.iter().copied().collect();
        self.line_up(id);
        self.tidy(id);
        Some(End { lock, held })
    }

    pub(super) fn state(&self, id: &str) -> Option<Bytes> {
        self.by_id.get(id)?.state.clone()
    }

    /// Returns what is to be kept with a session, if there is something: that its state was taken
    /// away is of interest as long as it has messages.
    pub(super) fn kept(&self, id: &str) -> Option<SessionState> {
        let session = self.by_id.get(id)?;
        let is_over = session.state.is_none() && session.line.is_empty();
        let updated = session.state_updated.filter(|_| !is_over)?;
        Some(SessionState {
            state: session.state.clone(),
            updated,
        })
    }

    pub(super) fn set_state(&mut self, id: &Arc<str>, state: Option<Bytes>, now: Time) {
        let length = |state: &Option<Bytes>| state.as_ref().map_or(0, Bytes::len) as u64;
        let session = self.by_id.entry(Arc::clone(id)).or_default();
        self.bytes -= length(&session.state);
        self.bytes += length(&state);
        session.state = state;
        session.state_updated = Some(now);
        self.dirty.note(|| Arc::clone(id));
        self.tidy(id);
    }

    /// Returns the sessions that have messages.
    pub(super) fn with_messages(&self) -> impl Iterator<Item = &Arc<str>> {
        let sessions = self.by_id.iter();
        sessions
            .filter(|(_, session)| !session.line.is_empty())
            .map(|(id, _)| id)
    }

    /// Returns the sessions whose state was set after a time.
    pub(super) fn updated_since(&self, time: Time) -> impl Iterator<Item = &Arc<str>> {
        let sessions = self.by_id.iter();
        sessions
            .filter(move |(_, session)| session.state_updated.is_some_and(|it| time < it))
            .map(|(id, _)| id)
    }

    /// Puts a session behind those that are free, or takes it from among them.
    fn line_up(&mut self, id: &str) {
        let Some((id, session)) = self
            .by_id
            .get_key_value(id)
            .map(|(id, _)| Arc::clone(id))
            .and_then(|id| {
                let session = self.by_id.get_mut(&id)?;
                Some((id, session))
            })
        else {
            return;
        };
        let is_free = session.lock.is_none() && !session.ready.is_empty();
        match (is_free, session.turn) {
            (true, None) => {
                self.turn += 1;
                session.turn = Some(self.turn);
                self.free.insert(self.turn, id);
            }
            (false, Some(turn)) => {
                session.turn = None;
                self.free.remove(&turn);
            }
            _ => {}
        }
    }

    /// Takes down that a session has got messages or has lost them, if that is of interest.
    fn note_cleared(&mut self, id: &str) {
        let Some((id, session)) = self.by_id.get_key_value(id) else {
            return;
        };
        if session.state.is_none() && session.state_updated.is_some() {
            self.dirty.note(|| Arc::clone(id));
        }
    }

    /// Forgets a session of which nothing is left.
    fn tidy(&mut self, id: &str) {
        let is_over = self.by_id.get(id).is_some_and(|session| {
            session.line.is_empty() && session.lock.is_none() && session.state.is_none()
        });
        if is_over
            && let Some((id, session)) = self.by_id.remove_entry(id)
            && session.state_updated.is_some()
        {
            self.dirty.note(|| id);
        }
    }
}
