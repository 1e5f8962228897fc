//! What an entity is, whatever is in it.

use serde::{Deserialize, Serialize};

use super::{
    Path, QueueSettings, Rule, SubscriptionSettings, Time, TopicSettings,
    dedup::Dedup,
    entity::{Entity, EntityId, Stamps},
    queue::{Queue, Role},
    rule::key,
    topic::{Subscription, Topic},
};

/// What an entity is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Definition {
    pub(crate) path: Path,
    pub(crate) created: Time,
    pub(crate) updated: Time,
    pub(crate) kind: Kind,
}

/// What only a queue, a topic or a subscription is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Kind {
    Queue(QueueSettings),
    Topic(TopicSettings),
    Subscription {
        topic: EntityId,
        settings: SubscriptionSettings,
        rules: Vec<Rule>,
    },
}

impl Definition {
    pub(super) fn new(path: Path, kind: Kind, now: Time) -> Self {
        Self {
            path,
            created: now,
            updated: now,
            kind,
        }
    }
}

impl Entity {
    /// Makes an entity with nothing in it.
    pub(super) fn new(id: EntityId, definition: Definition) -> Self {
        let Definition {
            path,
            created,
            updated,
            kind,
        } = definition;
        let stamps = Stamps {
            created,
            updated,
            accessed: created,
        };
        let (common, outlet, role) = match kind {
            Kind::Topic(TopicSettings { common, intake }) => {
                return Self::Topic(Box::new(Topic::new(path, common, intake, stamps)));
            }
            Kind::Queue(QueueSettings {
                common,
                intake,
                outlet,
            }) => {
                let dedup = Dedup::default();
                (common, outlet, Role::Queue { intake, dedup })
            }
            Kind::Subscription {
                topic,
                settings,
                rules,
            } => {
                let rules = rules.into_iter().map(|rule| (key(&rule.name), rule));
                let role = Role::Subscription(Subscription {
                    topic,
                    rules: rules.collect(),
                    dead_letters_filter_errors: settings.dead_letters_filter_errors,
                });
                (settings.common, settings.outlet, role)
            }
        };
        let queue = Queue::new(id, path, common, outlet, role, stamps);
        Self::Queue(Box::new(queue))
    }
}

impl Queue {
    pub(super) fn definition(&self) -> Definition {
        let (common, outlet) = (self.common.clone(), self.outlet.clone());
        let kind = match &self.role {
            Role::Queue { intake, .. } => Kind::Queue(QueueSettings {
                common,
                intake: *intake,
                outlet,
            }),
            Role::Subscription(subscription) => Kind::Subscription {
                topic: subscription.topic,
                settings: SubscriptionSettings {
                    common,
                    outlet,
                    dead_letters_filter_errors: subscription.dead_letters_filter_errors,
                },
                rules: subscription.rules.values().cloned().collect(),
            },
        };
        Definition {
            path: self.path.clone(),
            created: self.stamps.created,
            updated: self.stamps.updated,
            kind,
        }
    }
}

impl Topic {
    pub(super) fn definition(&self) -> Definition {
        Definition {
            path: self.path.clone(),
            created: self.stamps.created,
            updated: self.stamps.updated,
            kind: Kind::Topic(TopicSettings {
                common: self.common.clone(),
                intake: self.intake,
            }),
        }
    }
}
