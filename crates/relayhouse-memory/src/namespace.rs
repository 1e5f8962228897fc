//! The names of one namespace: which are queues, which are topics, and what each is created with.

use std::{
    collections::BTreeMap,
    num::NonZeroU32,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use relayhouse_core::{
    Context, Entity, MessageIds, Operation, QueueName, Result, Source, SubscriptionName,
    port::QueueConfig,
};

use crate::{
    config::Config,
    engine::{Queue, Settings, Topic, lock},
    error,
};

/// Is one namespace of queues and topics.
#[derive(Debug)]
pub(crate) struct Namespace {
    pub(crate) context: Context,
    pub(crate) ids: MessageIds,
    pub(crate) is_closed: AtomicBool,
    names: Mutex<BTreeMap<QueueName, Entry>>,
    next_number: AtomicU64,
}

#[derive(Debug)]
enum Entry {
    Queue {
        queue: Arc<Queue>,
        /// True while a sender has opened it and nothing else has touched it: a subscription may
        /// still make it a topic.
        is_open_question: bool,
    },
    Topic(Arc<Topic>),
}

/// Is where a sender sends.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Queue(Arc<Queue>),
    Topic(Arc<Topic>),
}

impl Namespace {
    pub(crate) fn new(context: Context) -> Self {
        Self {
            ids: MessageIds::new(&*context.random),
            context,
            is_closed: AtomicBool::new(false),
            names: Mutex::default(),
            next_number: AtomicU64::new(0),
        }
    }

    /// Fails if the namespace was closed.
    pub(crate) fn check_open(&self, operation: Operation) -> Result<()> {
        if self.is_closed.load(Ordering::Acquire) {
            return Err(error::closed(operation));
        }
        Ok(())
    }

    fn new_queue(&self, settings: Settings) -> Arc<Queue> {
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        Queue::new(number, settings, &self.context, None)
    }

    /// Makes sure that `name` can be sent to.
    pub(crate) fn ensure_target(&self, name: &QueueName, config: &Config) -> Result<()> {
        let mut names = lock(&self.names);
        if names.contains_key(name) {
            return Ok(());
        }
        if !config.create {
            return Err(error::not_found(name, Operation::Open));
        }
        let source = Source::queue(name.clone());
        let queue = self.new_queue(settings(source, config, &QueueConfig::default()));
        let entry = Entry::Queue {
            queue,
            is_open_question: true,
        };
        names.insert(name.clone(), entry);
        Ok(())
    }

    /// Returns the queue or topic `name`, which is now decided to be one.
    pub(crate) fn target(&self, name: &QueueName, operation: Operation) -> Result<Target> {
        match lock(&self.names).get_mut(name) {
            None => Err(error::not_found(name, operation)),
            Some(Entry::Topic(topic)) => Ok(Target::Topic(Arc::clone(topic))),
            Some(Entry::Queue {
                queue,
                is_open_question,
            }) => {
                *is_open_question = false;
                Ok(Target::Queue(Arc::clone(queue)))
            }
        }
    }

    /// Returns the queue or subscription `entity`, created if it may be.
    pub(crate) fn open(&self, entity: &Entity, config: &Config) -> Result<Arc<Queue>> {
        match self.find(entity, Operation::Open) {
            Ok(queue) => Ok(queue),
            Err(error) if !config.create => Err(error),
            Err(_) => self.create(entity, config, &QueueConfig::default(), false),
        }
    }

    /// Returns the queue or subscription `entity`.
    pub(crate) fn find(&self, entity: &Entity, operation: Operation) -> Result<Arc<Queue>> {
        let name = match entity {
            Entity::Queue(name) | Entity::Subscription { topic: name, .. } => name,
        };
        let mut names = lock(&self.names);
        let found = match (entity, names.get_mut(name)) {
            (
                Entity::Queue(_),
                Some(Entry::Queue {
                    queue,
                    is_open_question,
                }),
            ) => {
                *is_open_question = false;
                Some(Arc::clone(queue))
            }
            (Entity::Queue(name), Some(Entry::Topic(_))) => {
                return Err(error::conflict(
                    name,
                    "it is a topic, which has no messages",
                ));
            }
            (Entity::Subscription { name, .. }, Some(Entry::Topic(topic))) => topic.find(name),
            (Entity::Subscription { .. }, Some(Entry::Queue { .. })) | (_, None) => None,
        };
        found.ok_or_else(|| error::not_found(entity.to_string(), operation))
    }

    /// Creates `entity`; one that is there fails if `must_match` and its settings are others.
    pub(crate) fn create(
        &self,
        entity: &Entity,
        config: &Config,
        wanted: &QueueConfig,
        must_match: bool,
    ) -> Result<Arc<Queue>> {
        let source = Source {
            entity: entity.clone(),
            dead_letter: false,
        };
        let settings = settings(source, config, wanted);
        match entity {
            Entity::Queue(name) => self.create_queue(name, settings, must_match),
            Entity::Subscription { topic, name } => {
                let topic = self.create_topic(topic, &settings)?;
                self.create_subscription(&topic, name, settings, must_match)
            }
        }
    }

    fn create_queue(
        &self,
        name: &QueueName,
        settings: Settings,
        must_match: bool,
    ) -> Result<Arc<Queue>> {
        let mut names = lock(&self.names);
        let there = match names.get(name) {
            Some(Entry::Topic(_)) => return Err(error::conflict(name, "it is a topic")),
            Some(Entry::Queue {
                queue,
                is_open_question: false,
            }) => Some(Arc::clone(queue)),
            Some(Entry::Queue { .. }) | None => None,
        };
        if let Some(queue) = there {
            return same(queue, &settings, must_match);
        }
        let queue = self.new_queue(settings);
        let entry = Entry::Queue {
            queue: Arc::clone(&queue),
            is_open_question: false,
        };
        names.insert(name.clone(), entry);
        Ok(queue)
    }

    fn create_topic(&self, name: &QueueName, settings: &Settings) -> Result<Arc<Topic>> {
        let mut names = lock(&self.names);
        match names.get(name) {
            Some(Entry::Topic(topic)) => return Ok(Arc::clone(topic)),
            Some(Entry::Queue {
                is_open_question: false,
                ..
            }) => return Err(error::conflict(name, "it is a queue, not a topic")),
            Some(Entry::Queue { .. }) | None => {}
        }
        let topic = Topic::new(name.clone(), &self.context, settings);
        names.insert(name.clone(), Entry::Topic(Arc::clone(&topic)));
        Ok(topic)
    }

    fn create_subscription(
        &self,
        topic: &Arc<Topic>,
        name: &SubscriptionName,
        settings: Settings,
        must_match: bool,
    ) -> Result<Arc<Queue>> {
        // Under the lock of the names, so that two creators make one subscription.
        let _names = lock(&self.names);
        if let Some(queue) = topic.find(name) {
            return same(queue, &settings, must_match);
        }
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        let weak = Arc::downgrade(topic);
        let queue = Queue::new(number, settings, &self.context, Some(weak));
        topic.insert(name.clone(), Arc::clone(&queue));
        Ok(queue)
    }

    /// Takes `entity` out, and returns the queues to delete.
    pub(crate) fn remove(&self, entity: &Entity) -> Result<Vec<Arc<Queue>>> {
        let not_found = || error::not_found(entity.to_string(), Operation::Admin);
        match entity {
            Entity::Queue(name) => {
                let removed = lock(&self.names).remove(name);
                match removed.ok_or_else(not_found)? {
                    Entry::Queue { queue, .. } => Ok(vec![queue]),
                    Entry::Topic(topic) => Ok(topic.delete()),
                }
            }
            Entity::Subscription { topic, name } => {
                let topic = match lock(&self.names).get(topic) {
                    Some(Entry::Topic(topic)) => Arc::clone(topic),
                    Some(Entry::Queue { .. }) | None => return Err(not_found()),
                };
                let removed = topic.remove(name).ok_or_else(not_found)?;
                Ok(vec![removed])
            }
        }
    }

    /// Returns every queue and subscription.
    pub(crate) fn entities(&self) -> Vec<Entity> {
        let names = lock(&self.names);
        let mut entities = Vec::new();
        for (name, entry) in &*names {
            match entry {
                Entry::Queue { .. } => entities.push(Entity::Queue(name.clone())),
                Entry::Topic(topic) => {
                    entities.extend(topic.names().into_iter().map(|subscription| {
                        Entity::Subscription {
                            topic: name.clone(),
                            name: subscription,
                        }
                    }));
                }
            }
        }
        entities
    }

    /// Wakes everybody that waits anywhere.
    pub(crate) fn stir(&self) {
        let mut queues = Vec::new();
        let mut topics = Vec::new();
        for entry in lock(&self.names).values() {
            match entry {
                Entry::Queue { queue, .. } => queues.push(Arc::clone(queue)),
                Entry::Topic(topic) => {
                    queues.extend(topic.subscriptions());
                    topics.push(Arc::clone(topic));
                }
            }
        }
        for queue in queues {
            queue.stir();
        }
        for topic in topics {
            topic.stir();
        }
    }
}

fn same(queue: Arc<Queue>, settings: &Settings, must_match: bool) -> Result<Arc<Queue>> {
    if must_match && queue.settings != *settings {
        let name = settings.source.to_string();
        return Err(error::conflict(name, "it exists with other settings"));
    }
    Ok(queue)
}

/// Returns the settings of a queue: what is wanted of it, else what the namespace says, else what
/// the profile has.
fn settings(source: Source, config: &Config, wanted: &QueueConfig) -> Settings {
    let profile = config.profile;
    let mut behaviour = profile.behaviour();
    behaviour.failures = config.failures.unwrap_or(behaviour.failures);
    behaviour.duplicates = config.duplicates.unwrap_or(behaviour.duplicates);
    behaviour.reorder = config.reorder.map_or(behaviour.reorder, NonZeroU32::get);
    let or_profile = config
        .requires_sessions
        .unwrap_or(profile.requires_sessions());
    Settings {
        source,
        lease: wanted
            .lease
            .or(config.lease)
            .unwrap_or_else(|| profile.lease()),
        attempts_max: wanted
            .attempts_max
            .or(config.attempts_max)
            .or_else(|| profile.attempts_max()),
        requires_sessions: wanted.requires_sessions || or_profile,
        dedup_window: wanted
            .dedup_window
            .or(config.dedup_window)
            .unwrap_or_else(|| profile.dedup_window()),
        ttl: wanted.ttl.or(config.ttl),
        dead_letter_expired: wanted.dead_letter_expired || config.dead_letter_expired,
        messages_max: wanted.messages_max.unwrap_or(config.messages_max).get(),
        bytes_max: wanted.bytes_max.unwrap_or(config.bytes_max).get(),
        full: config.full,
        behaviour,
    }
}
