//! What has a path: queues, topics and subscriptions.

use serde::{Deserialize, Serialize};

use super::{
    Common, Intake, Path, Time,
    draft::Draft,
    queue::{Queue, Role},
    topic::Topic,
};

/// Names an entity; no other ever has the same, whatever its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct EntityId(pub(crate) u64);

/// A queue, a topic or a subscription.
#[derive(Debug)]
pub(super) enum Entity {
    /// A subscription is a queue that a topic fills.
    Queue(Box<Queue>),
    Topic(Box<Topic>),
}

/// When things last happened to an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamps {
    /// When the entity was made.
    pub created: Time,
    /// When a setting of it was changed.
    pub updated: Time,
    /// When somebody last sent to it or received from it.
    pub accessed: Time,
}

impl Entity {
    pub(super) const fn path(&self) -> &Path {
        match self {
            Self::Queue(queue) => &queue.path,
            Self::Topic(topic) => &topic.path,
        }
    }

    pub(super) const fn common(&self) -> &Common {
        match self {
            Self::Queue(queue) => &queue.common,
            Self::Topic(topic) => &topic.common,
        }
    }

    /// Returns what can be set for sends; nobody sends to a subscription.
    pub(super) const fn intake(&self) -> Option<&Intake> {
        match self {
            Self::Queue(queue) => match &queue.role {
                Role::Queue { intake, .. } => Some(intake),
                Role::Subscription(_) => None,
            },
            Self::Topic(topic) => Some(&topic.intake),
        }
    }

    /// Returns the topic of a subscription, and its name there.
    pub(super) fn place(&self) -> Option<(EntityId, &str)> {
        let Self::Queue(queue) = self else {
            return None;
        };
        let Role::Subscription(subscription) = &queue.role else {
            return None;
        };
        let (_, name) = queue.path.as_subscription()?;
        Some((subscription.topic, name))
    }

    pub(super) const fn stamps_mut(&mut self) -> &mut Stamps {
        match self {
            Self::Queue(queue) => &mut queue.stamps,
            Self::Topic(topic) => &mut topic.stamps,
        }
    }

    pub(super) fn next_due(&self) -> Option<Time> {
        match self {
            Self::Queue(queue) => queue.next_due(),
            Self::Topic(topic) => topic.next_due(),
        }
    }

    /// Returns a number that no other message of this entity gets.
    pub(super) const fn next_sequence(&mut self) -> u64 {
        match self {
            Self::Queue(queue) => queue.next_sequence(),
            Self::Topic(topic) => topic.next_sequence(),
        }
    }

    /// Notes the id of a message, and says whether it was not there lately.
    pub(super) fn is_new(&mut self, draft: &Draft, now: Time) -> bool {
        match self {
            Self::Queue(queue) => queue.is_new(draft, now),
            Self::Topic(topic) => topic.is_new(draft, now),
        }
    }

    /// Keeps a message until it is due.
    pub(super) fn schedule(&mut self, draft: Draft, sequence: u64, at: Time) {
        match self {
            Self::Queue(queue) => queue.schedule(draft, sequence, at),
            Self::Topic(topic) => topic.schedule(draft, sequence, at),
        }
    }
}
