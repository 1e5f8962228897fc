//! The messages of one subqueue, by state and by order. It knows when a message may be handed
//! out, and what is due; what becomes of a message is for its queue to say.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::watch;
use uuid::Uuid;

use super::{
    Lock, Message, State, Time,
    journal::Dirty,
    sessions::{End, Sessions},
    transaction::TransactionId,
};

/// The messages of a subqueue.
#[derive(Debug)]
pub(super) struct Shelf {
    entries: BTreeMap<u64, Entry>,
    /// What may be handed out now; with sessions, each of them knows its own.
    ready: BTreeSet<u64>,
    sessions: Option<Sessions>,
    /// Which message a lock is of.
    locks: BTreeMap<Uuid, u64>,
    due: BTreeSet<(Time, Due)>,
    counts: Counts,
    bytes: u64,
    /// The messages that have changed.
    pub(super) dirty: Dirty<u64>,
    /// Rings when there may be something new; it ends with the shelf.
    bell: watch::Sender<()>,
}

/// A message and what is being done with it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) message: Message,
    pub(super) state: State,
    pub(super) hold: Option<Hold>,
}

/// The lock of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hold {
    pub(super) lock: Lock,
    /// The transaction that is to settle the message.
    pub(super) transaction: Option<TransactionId>,
}

/// How many messages there are in each state; those that are locked are among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) active: usize,
    pub(super) deferred: usize,
    pub(super) scheduled: usize,
}

impl Counts {
    pub(super) const fn total(self) -> usize {
        self.active + self.deferred + self.scheduled
    }
}

/// What happens at a time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Enqueue(u64),
    Unlock(u64),
    EndSession(Arc<str>),
    Expire(u64),
}

/// What has happened by itself, for the queue to deal with.
#[derive(Debug)]
pub(super) enum Event {
    /// The time of a scheduled message has come.
    Arrived(Message),
    /// A message was not taken in time.
    Expired(Message),
    /// A message came back, and the delivery was counted.
    Returned(u64),
}

/// Whether a message that comes back was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    Counted,
    Uncounted,
}

impl Shelf {
    pub(super) fn new(has_sessions: bool) -> Self {
        Self {
            entries: BTreeMap::new(),
            ready: BTreeSet::new(),
            sessions: has_sessions.then(Sessions::default),
            locks: BTreeMap::new(),
            due: BTreeSet::new(),
            counts: Counts::default(),
            bytes: 0,
            dirty: Dirty::default(),
            bell: watch::Sender::new(()),
        }
    }

    pub(super) const fn counts(&self) -> Counts {
        self.counts
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes + self.sessions.as_ref().map_or(0, Sessions::bytes)
    }

    pub(super) fn sessions(&self) -> Option<&Sessions> {
        self.sessions.as_ref()
    }

    pub(super) fn sessions_mut(&mut self) -> Option<&mut Sessions> {
        self.sessions.as_mut()
    }

    pub(super) fn get(&self, sequence: u64) -> Option<&Entry> {
        self.entries.get(&sequence)
    }

    /// Returns the messages from a number on, in order.
    pub(super) fn from(&self, sequence: u64) -> impl Iterator<Item = &Entry> {
        self.entries.range(sequence..).map(|(_, entry)| entry)
    }

    /// Returns what tells of the next ring.
    pub(super) fn listen(&self) -> watch::Receiver<()> {
        self.bell.subscribe()
    }

    pub(super) fn has_listener(&self) -> bool {
        self.bell.receiver_count() != 0
    }

    /// Lets whoever waits look again.
    pub(super) fn ring(&self) {
        self.bell.send_replace(());
    }

    /// Puts a message where its number says, which no other has had.
    pub(super) fn insert(&mut self, message: Message, state: State) {
        let sequence = message.sequence;
        self.bytes += u64::from(message.bytes);
        *self.count(state) += 1;
        if let Some((sessions, id)) = session_of(&mut self.sessions, &message) {
            sessions.add(id, sequence);
        }
        let entry = Entry {
            message,
            state,
            hold: None,
        };
        self.entries.insert(sequence, entry);
        self.dirty.note(|| sequence);
        self.enter(sequence);
    }

    pub(super) fn remove(&mut self, sequence: u64) -> Option<Message> {
        self.leave(sequence);
        let Entry { message, state, .. } = self.entries.remove(&sequence)?;
        self.dirty.note(|| sequence);
        self.bytes -= u64::from(message.bytes);
        *self.count(state) -= 1;
        if let Some((sessions, id)) = session_of(&mut self.sessions, &message) {
            sessions.remove(id, sequence);
        }
        Some(message)
    }

    /// Returns the message to be handed out next, if there is one.
    pub(super) fn first(&self, session: Option<&str>) -> Option<u64> {
        match (&self.sessions, session) {
            (Some(sessions), Some(id)) => sessions.first(id),
            (Some(_), None) => None,
            (None, _) => self.ready.first().copied(),
        }
    }

    /// Locks a message.
    pub(super) fn hold(&mut self, sequence: u64, lock: Lock) {
        self.leave(sequence);
        if let Some(entry) = self.entries.get_mut(&sequence) {
            entry.hold = Some(Hold {
                lock,
                transaction: None,
            });
        }
        self.enter(sequence);
    }

    /// Returns the number of the message that a lock is of.
    pub(super) fn locked(&self, token: Uuid) -> Option<u64> {
        self.locks.get(&token).copied()
    }

    /// Gives a locked message back.
    pub(super) fn give_back(&mut self, sequence: u64, attempt: Attempt) {
        self.leave(sequence);
        if let Some(entry) = self.entries.get_mut(&sequence) {
            entry.hold = None;
            if attempt == Attempt::Counted {
                entry.message.delivery_count = entry.message.delivery_count.saturating_add(1);
                self.dirty.note(|| sequence);
            }
        }
        self.enter(sequence);
        self.ring();
    }

    /// Gives a message back that is to be received by its number alone.
    pub(super) fn defer(&mut self, sequence: u64) {
        self.leave(sequence);
        if let Some(entry) = self.entries.get_mut(&sequence) {
            let state = entry.state;
            entry.hold = None;
            entry.state = State::Deferred;
            *self.count(state) -= 1;
            self.counts.deferred += 1;
            self.dirty.note(|| sequence);
        }
        self.enter(sequence);
    }

    /// Changes a message that may have grown by it.
    pub(super) fn change(&mut self, sequence: u64, change: impl FnOnce(&mut Message)) {
        if let Some(entry) = self.entries.get_mut(&sequence) {
            self.bytes -= u64::from(entry.message.bytes);
            change(&mut entry.message);
            self.dirty.note(|| sequence);
            self.bytes += u64::from(entry.message.bytes);
        }
    }

    /// Lets nobody but a transaction settle a message, or everybody again.
    pub(super) fn bind(&mut self, token: Uuid, transaction: Option<TransactionId>) {
        let entry = self
            .locks
            .get(&token)
            .and_then(|sequence| self.entries.get_mut(sequence));
        if let Some(hold) = entry.and_then(|entry| entry.hold.as_mut()) {
            hold.transaction = transaction;
        }
    }

    /// Locks a session until a time.
    pub(super) fn hold_session(&mut self, id: &Arc<str>, lock: Lock) {
        let Some(sessions) = &mut self.sessions else {
            return;
        };
        if let Some(old) = sessions.hold(id, lock) {
            self.due
                .remove(&(old.until, Due::EndSession(Arc::clone(id))));
        }
        self.due
            .insert((lock.until, Due::EndSession(Arc::clone(id))));
    }

    /// Gives a session back with the messages of it that are locked, which are returned.
    pub(super) fn end_session(&mut self, id: &Arc<str>, attempt: Attempt) -> Vec<u64> {
        let Some(End { lock, held }) = self.sessions.as_mut().and_then(|all| all.end(id)) else {
            return Vec::new();
        };
        self.due
            .remove(&(lock.until, Due::EndSession(Arc::clone(id))));
        for sequence in &held {
            self.give_back(*sequence, attempt);
        }
        self.ring();
        held
    }

    /// Does one thing that is due by `now`, and says what it was.
    pub(super) fn step(&mut self, now: Time) -> Option<Vec<Event>> {
        let (at, _) = self.due.first()?;
        if now < *at {
            return None;
        }
        let (_, due) = self.due.pop_first()?;
        let event = match due {
            Due::Enqueue(sequence) => self.remove(sequence).map(Event::Arrived),
            Due::Expire(sequence) => self.remove(sequence).map(Event::Expired),
            Due::Unlock(sequence) => {
                self.give_back(sequence, Attempt::Counted);
                Some(Event::Returned(sequence))
            }
            Due::EndSession(id) => {
                let held = self.end_session(&id, Attempt::Counted);
                return Some(held.into_iter().map(Event::Returned).collect());
            }
        };
        Some(event.into_iter().collect())
    }

    /// Returns when [`step`](Self::step) has something to do next.
    pub(super) fn next_due(&self) -> Option<Time> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes a message out of the indexes in which its state has put it.
    fn leave(&mut self, sequence: u64) {
        let Some(entry) = self.entries.get(&sequence) else {
            return;
        };
        if let Some(due) = due_of(entry, self.sessions.is_some()) {
            self.due.remove(&due);
        }
        if let Some(hold) = entry.hold {
            self.locks.remove(&hold.lock.token);
        }
        match session_of(&mut self.sessions, &entry.message) {
            Some((sessions, id)) => sessions.leave(id, sequence),
            None => {
                self.ready.remove(&sequence);
            }
        }
    }

    /// Puts a message into the indexes of its state.
    fn enter(&mut self, sequence: u64) {
        let Some(entry) = self.entries.get(&sequence) else {
            return;
        };
        self.due.extend(due_of(entry, self.sessions.is_some()));
        if let Some(hold) = entry.hold {
            self.locks.insert(hold.lock.token, sequence);
        }
        let is_ready = entry.hold.is_none() && entry.state == State::Active;
        let is_held = entry.hold.is_some();
        match session_of(&mut self.sessions, &entry.message) {
            Some((sessions, id)) if is_ready => sessions.make_ready(id, sequence),
            Some((sessions, id)) if is_held => sessions.make_held(id, sequence),
            None if is_ready => {
                self.ready.insert(sequence);
            }
            Some(_) | None => {}
        }
        if is_ready {
            self.ring();
        }
    }

    fn count(&mut self, state: State) -> &mut usize {
        match state {
            State::Active => &mut self.counts.active,
            State::Deferred => &mut self.counts.deferred,
            State::Scheduled => &mut self.counts.scheduled,
        }
    }
}

/// Returns when something happens to a message, and what.
fn due_of(entry: &Entry, has_sessions: bool) -> Option<(Time, Due)> {
    let Entry {
        message,
        state,
        hold,
    } = entry;
    let sequence = message.sequence;
    match (hold, state) {
        // The lock of a session stands for those of its messages.
        (Some(_), _) if has_sessions => None,
        (Some(hold), _) => Some((hold.lock.until, Due::Unlock(sequence))),
        (None, State::Scheduled) => Some((message.enqueued, Due::Enqueue(sequence))),
        (None, State::Active) => Some((message.expires?, Due::Expire(sequence))),
        (None, State::Deferred) => None,
    }
}

/// Returns the session of a message, where there are sessions.
fn session_of<'a>(
    sessions: &'a mut Option<Sessions>,
    message: &'a Message,
) -> Option<(&'a mut Sessions, &'a str)> {
    Some((sessions.as_mut()?, message.contents.session_id.as_deref()?))
}
