//! Administration of a namespace.

use std::{num::NonZeroU32, sync::Arc};

use async_trait::async_trait;
use relayhouse_core::{
    Capabilities, Delivery, Entity, Operation, QueueName, Result, Source, Support, Text,
    port::{Admin, Page, QueueConfig, Redrive, Settings, Stats},
};

use crate::{
    config::Config,
    engine::{Lane, Queue},
    error,
    namespace::{Namespace, Target},
    receiver,
};

/// The most names in one page of a list.
const PAGE_LEN: usize = 100;

/// The most deliveries that one peek shows.
const PEEK_MAX: u32 = 1000;

/// Administers the queues of one namespace.
#[derive(Debug)]
pub(crate) struct MemoryAdmin {
    namespace: Arc<Namespace>,
    config: Arc<Config>,
    capabilities: Arc<Capabilities>,
}

impl MemoryAdmin {
    pub(crate) fn new(
        namespace: Arc<Namespace>,
        config: Arc<Config>,
        capabilities: Arc<Capabilities>,
    ) -> Self {
        Self {
            namespace,
            config,
            capabilities,
        }
    }

    /// Fails if the profile's provider cannot do it.
    fn require(&self, support: Support, source: impl Into<Text>, what: &'static str) -> Result<()> {
        if support.is_supported() {
            return Ok(());
        }
        Err(error::unsupported(source, Operation::Admin, what))
    }

    fn find(&self, source: &Source) -> Result<(Arc<Queue>, Lane)> {
        self.namespace.check_open(Operation::Admin)?;
        let queue = self.namespace.find(&source.entity, Operation::Admin)?;
        Ok((queue, Lane::of(source.dead_letter)))
    }
}

#[async_trait]
impl Admin for MemoryAdmin {
    async fn list(&self, after: Option<&str>) -> Result<Page> {
        self.namespace.check_open(Operation::Admin)?;
        let entities = self.namespace.entities().into_iter();
        let mut named: Vec<(String, Entity)> = entities
            .map(|entity| (entity.to_string(), entity))
            .filter(|(name, _)| after.is_none_or(|after| after < name.as_str()))
            .collect();
        named.sort_unstable();
        let has_more = PAGE_LEN < named.len();
        named.truncate(PAGE_LEN);
        let next = named.last().map(|(name, _)| name.clone());
        Ok(Page {
            next: next.filter(|_| has_more),
            entities: named.into_iter().map(|(_, entity)| entity).collect(),
        })
    }

    async fn create(&self, entity: &Entity, config: &QueueConfig) -> Result<()> {
        self.namespace.check_open(Operation::Admin)?;
        if matches!(entity, Entity::Subscription { .. }) {
            let topics = self.capabilities.topics;
            self.require(topics, entity.to_string(), "there are no topics")?;
        }
        let is_zero = |value: Option<std::time::Duration>| value.is_some_and(|v| v.is_zero());
        if is_zero(config.lease) || is_zero(config.dedup_window) || is_zero(config.ttl) {
            return Err(error::invalid(
                "a lease, dedup window or time to live must not be zero",
            ));
        }
        let created = self
            .namespace
            .create(entity, &self.config, config, true)
            .map(|_| ());
        created.map_err(|error| error.operation(Operation::Admin))
    }

    async fn delete(&self, entity: &Entity) -> Result<()> {
        self.namespace.check_open(Operation::Admin)?;
        for queue in self.namespace.remove(entity)? {
            queue.delete();
        }
        Ok(())
    }

    async fn purge(&self, source: &Source) -> Result<u64> {
        self.require(self.capabilities.purge, source, "it cannot be purged")?;
        let (queue, lane) = self.find(source)?;
        Ok(queue.purge(lane))
    }

    async fn stats(&self, source: &Source) -> Result<Stats> {
        let (queue, lane) = self.find(source)?;
        Ok(queue.stats(lane))
    }

    async fn peek(&self, source: &Source, from: u64, max: NonZeroU32) -> Result<Vec<Delivery>> {
        self.require(self.capabilities.peek, source, "it cannot be peeked")?;
        let (queue, lane) = self.find(source)?;
        let max = NonZeroU32::new(PEEK_MAX).map_or(max, |limit| max.min(limit));
        Ok(queue.peek(lane, from, max))
    }

    async fn redrive(&self, source: &Source, redrive: &Redrive) -> Result<u64> {
        let redrives = self.capabilities.redrive;
        self.require(redrives, source, "its dead letters cannot be sent back")?;
        let (queue, _) = self.find(source)?;
        let max = redrive.max.map_or(u64::MAX, |max| u64::from(max.get()));
        Ok(queue.redrive(max))
    }

    async fn cancel(&self, queue: &QueueName, sequence: u64) -> Result<()> {
        let cancels = self.capabilities.schedule_cancel;
        self.require(cancels, queue, "a scheduled message cannot be cancelled")?;
        self.namespace.check_open(Operation::Admin)?;
        let is_done = match self.namespace.target(queue, Operation::Admin)? {
            Target::Queue(queue) => queue.cancel(sequence),
            Target::Topic(topic) => topic.cancel(sequence),
        };
        if is_done {
            return Ok(());
        }
        Err(error::message_not_found(queue, sequence))
    }

    async fn settings(&self, source: &Source) -> Result<Settings> {
        let (queue, _) = self.find(source)?;
        let (capabilities, lease) = (&self.capabilities, queue.settings.lease);
        Ok(receiver::settings_of(&queue, source, capabilities, lease))
    }
}
