//! What has changed and is to outlast the process, told to whoever keeps it.
//!
//! Locks, transactions and who waits for what are not among it: they end with the process.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use tokio::sync::watch;

use super::{
    Message, Model, State, Subqueue, Time,
    definition::Definition,
    entity::{Entity, EntityId},
    queue::{Queue, Role},
    shelf::Shelf,
    topic::Topic,
};

/// One thing that is to be kept, or no longer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    /// The entity is this from now on.
    Define(EntityId, Box<Definition>),
    /// The entity is gone, with all that was in it.
    Delete(EntityId),
    /// What changes with each use of the entity.
    Note(EntityId, Note),
    /// The message is there, in place of what it was before.
    Put(EntityId, Subqueue, Box<Message>, State),
    /// The message of a number is gone.
    Remove(EntityId, Subqueue, u64),
    /// What is kept with a session, if it is there still.
    Session(EntityId, Arc<str>, Option<SessionState>),
    /// The id of a message was seen, which gets a number of its own.
    Remember(EntityId, u64, Arc<str>, Time),
    /// The ids with numbers below one are forgotten.
    Forget(EntityId, u64),
}

/// What changes with each use of an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    /// The last number given to a message.
    pub(crate) sequence: u64,
    pub(crate) accessed: Time,
}

/// What is kept with a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SessionState {
    pub(crate) state: Option<Bytes>,
    pub(crate) updated: Time,
}

/// What has changed up to a call.
#[derive(Debug)]
pub(crate) struct Changes {
    /// The number of the call.
    pub(crate) upto: u64,
    pub(crate) all: Vec<Change>,
}

/// Which entities have changed since that was last taken.
#[derive(Debug, Default)]
pub(super) struct Journal {
    entities: BTreeSet<EntityId>,
    /// The number of the last call that has changed something.
    last: watch::Sender<u64>,
    /// The last of them that nobody may be told of until it is kept.
    owed: u64,
}

impl Journal {
    /// Takes down that a call has changed an entity, which may be gone.
    ///
    /// Who last used it when is kept some time, but nobody waits for that.
    pub(super) fn note(&mut self, id: EntityId, entity: Option<&Entity>) {
        self.entities.insert(id);
        self.last.send_modify(|last| *last += 1);
        if entity.is_none_or(Entity::owes) {
            self.owed = *self.last.borrow();
        }
    }
}

/// The keys of what has changed since they were last taken, where somebody keeps it.
#[derive(Debug)]
pub(super) struct Dirty<K>(Option<BTreeSet<K>>);

impl<K> Default for Dirty<K> {
    fn default() -> Self {
        Self(None)
    }
}

impl<K: Ord> Dirty<K> {
    /// Begins to take keys down.
    pub(super) fn begin(&mut self) {
        self.0.get_or_insert_default();
    }

    pub(super) fn note(&mut self, key: impl FnOnce() -> K) {
        if let Some(keys) = &mut self.0 {
            keys.insert(key());
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(BTreeSet::is_empty)
    }

    pub(super) fn take(&mut self) -> BTreeSet<K> {
        self.0.as_mut().map(std::mem::take).unwrap_or_default()
    }
}

impl Model {
    /// Begins to take down what changes, for [`take_changes`](Self::take_changes), and returns
    /// what tells the number of the last call that has changed something.
    pub(super) fn begin_journal(&mut self) -> watch::Receiver<u64> {
        for entity in self.entities.values_mut() {
            entity.begin_journal();
        }
        let journal = self.journal.get_or_insert_default();
        journal.last.subscribe()
    }

    /// Returns what has changed since the last time, where that is taken down.
    pub(crate) fn take_changes(&mut self) -> Changes {
        let mut changes = Changes {
            upto: 0,
            all: Vec::new(),
        };
        let Some(journal) = &mut self.journal else {
            return changes;
        };
        changes.upto = *journal.last.borrow();
        while let Some(id) = journal.entities.pop_first() {
            match self.entities.get_mut(&id) {
                Some(entity) => entity.tell(id, &mut changes.all),
                None => changes.all.push(Change::Delete(id)),
            }
        }
        changes
    }

    /// Returns the number of the last call whose changes must be kept before anybody hears of
    /// them.
    pub(crate) fn owed(&self) -> u64 {
        self.journal.as_ref().map_or(0, |journal| journal.owed)
    }
}

impl Entity {
    pub(super) fn begin_journal(&mut self) {
        match self {
            Self::Queue(queue) => {
                for subqueue in Subqueue::ALL {
                    queue.shelf_mut(subqueue).begin_journal();
                }
            }
            Self::Topic(topic) => topic.shelf.begin_journal(),
        }
    }

    /// Says whether there is something to be kept before anybody hears of it.
    fn owes(&self) -> bool {
        match self {
            Self::Queue(queue) => {
                let owes = |subqueue| queue.shelf(subqueue).owes();
                let owes_ids = match &queue.role {
                    Role::Queue { dedup, .. } => dedup.owes(),
                    Role::Subscription(_) => false,
                };
                queue.is_redefined || owes_ids || Subqueue::ALL.into_iter().any(owes)
            }
            Self::Topic(topic) => topic.is_redefined || topic.shelf.owes() || topic.dedup.owes(),
        }
    }

    fn tell(&mut self, id: EntityId, changes: &mut Vec<Change>) {
        match self {
            Self::Queue(queue) => queue.tell(id, changes),
            Self::Topic(topic) => topic.tell(id, changes),
        }
    }
}

impl Queue {
    fn tell(&mut self, id: EntityId, changes: &mut Vec<Change>) {
        if std::mem::take(&mut self.is_redefined) {
            changes.push(Change::Define(id, Box::new(self.definition())));
        }
        let note = Note {
            sequence: self.sequence,
            accessed: self.stamps.accessed,
        };
        changes.push(Change::Note(id, note));
        for subqueue in Subqueue::ALL {
            self.shelf_mut(subqueue).tell(id, subqueue, changes);
        }
        if let Role::Queue { dedup, .. } = &mut self.role {
            dedup.tell(id, changes);
        }
    }
}

impl Topic {
    fn tell(&mut self, id: EntityId, changes: &mut Vec<Change>) {
        if std::mem::take(&mut self.is_redefined) {
            changes.push(Change::Define(id, Box::new(self.definition())));
        }
        let note = Note {
            sequence: self.sequence,
            accessed: self.stamps.accessed,
        };
        changes.push(Change::Note(id, note));
        self.shelf.tell(id, Subqueue::Main, changes);
        self.dedup.tell(id, changes);
    }
}

impl Shelf {
    fn begin_journal(&mut self) {
        self.dirty.begin();
        if let Some(sessions) = self.sessions_mut() {
            sessions.dirty.begin();
        }
    }

    fn owes(&self) -> bool {
        let of_sessions = self.sessions().is_some_and(|all| !all.dirty.is_empty());
        !self.dirty.is_empty() || of_sessions
    }

    fn tell(&mut self, id: EntityId, subqueue: Subqueue, changes: &mut Vec<Change>) {
        for sequence in self.dirty.take() {
            changes.push(match self.get(sequence) {
                Some(entry) => {
                    let message = Box::new(entry.message.clone());
                    Change::Put(id, subqueue, message, entry.state)
                }
                None => Change::Remove(id, subqueue, sequence),
            });
        }
        if let Some(sessions) = self.sessions_mut() {
            for session in sessions.dirty.take() {
                let state = sessions.kept(&session);
                changes.push(Change::Session(id, session, state));
            }
        }
    }
}
