//! What is in an entity, and what became of it.

use super::{
    Model, Path, Result, Stamps, Subqueue, Time,
    entity::Entity,
    queue::{Queue, Role},
    topic::Topic,
};

/// What an entity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntityKind {
    /// A queue.
    Queue,
    /// A topic.
    Topic,
    /// A subscription.
    Subscription,
}

/// How many messages an entity has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those that may be received, whether or not they are locked.
    pub active: usize,
    /// Those that are received by their numbers alone.
    pub deferred: usize,
    /// Those that are due later.
    pub scheduled: usize,
    /// Those that died.
    pub dead_letter: usize,
    /// Those that could not be transferred.
    pub transfer_dead_letter: usize,
}

/// What can be said about an entity at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// What it is.
    pub kind: EntityKind,
    /// Its path, as it was written when it was made.
    pub path: Path,
    /// When things last happened to it.
    pub stamps: Stamps,
    /// How many messages it has.
    pub counts: Counts,
    /// How many bytes they take.
    pub bytes: u64,
    /// How many subscriptions a topic has.
    pub subscription_count: usize,
}

impl Counts {
    /// Returns how many messages there are altogether.
    #[must_use]
    pub const fn total(&self) -> usize {
        self.active + self.deferred + self.scheduled + self.dead_letter + self.transfer_dead_letter
    }
}

impl Model {
    /// Returns what can be said about an entity now.
    ///
    /// # Errors
    ///
    /// There is no such entity.
    pub fn summary(&mut self, now: Time, path: &Path) -> Result<Summary> {
        self.act(now, |model| {
            let entity = model.entity(path)?;
            let bytes = model.bytes_of(entity);
            Ok(match entity {
                Entity::Queue(queue) => queue.summary(bytes),
                Entity::Topic(topic) => topic.summary(bytes),
            })
        })
    }
}

impl Queue {
    fn summary(&self, bytes: u64) -> Summary {
        let main = self.shelf(Subqueue::Main).counts();
        Summary {
            kind: match &self.role {
                Role::Queue { .. } => EntityKind::Queue,
                Role::Subscription(_) => EntityKind::Subscription,
            },
            path: self.path.clone(),
            stamps: self.stamps,
            counts: Counts {
                active: main.active,
                deferred: main.deferred,
                scheduled: main.scheduled,
                dead_letter: self.shelf(Subqueue::DeadLetter).counts().total(),
                transfer_dead_letter: self.shelf(Subqueue::TransferDeadLetter).counts().total(),
            },
            bytes,
            subscription_count: 0,
        }
    }
}

impl Topic {
    fn summary(&self, bytes: u64) -> Summary {
        Summary {
            kind: EntityKind::Topic,
            path: self.path.clone(),
            stamps: self.stamps,
            counts: Counts {
                scheduled: self.shelf.counts().scheduled,
                ..Counts::default()
            },
            bytes,
            subscription_count: self.subscriptions.len(),
        }
    }
}
