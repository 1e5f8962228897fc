//! Administration of a directory of queues.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use async_trait::async_trait;
use relayhouse_core::{
    Capabilities, Delivery, Entity, ErrorKind, Operation, QueueName, Result, Source,
    port::{Admin, Page, QueueConfig, Redrive, Settings, Stats},
};

use crate::{
    config::Config,
    error,
    file::{self, File, Which},
    namespace::{self, Namespace},
    origin,
    path::{self, Missing},
    queue::Queue,
    store::{Access, Kind, Lane, Store},
    writer::Cost,
};

/// The most names in one page of a list.
const PAGE_LEN: usize = 100;

/// The most deliveries that one peek shows.
const PEEK_MAX: u32 = 1000;

/// A purge or redrive moves this many messages in one group, so that others get their turn.
const CHUNK: u32 = 1000;

/// Administers the queues of one directory.
#[derive(Debug)]
pub(crate) struct LocalAdmin {
    namespace: Arc<Namespace>,
    config: Arc<Config>,
    capabilities: Arc<Capabilities>,
}

impl LocalAdmin {
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

    async fn find(&self, source: &Source) -> Result<Queue> {
        let queue = self
            .namespace
            .find(&source.entity, &self.config, Operation::Admin)
            .await?;
        Ok(queue.dead_letters(source.dead_letter))
    }

    async fn file(&self, name: &QueueName) -> Result<Arc<File>> {
        let file = self
            .namespace
            .file(name, &self.config, Missing::Refuse, Operation::Admin);
        let file = file.await?;
        Ok(file)
    }

    /// Returns the queue or the subscriptions in the file of `name`; none if it is gone.
    async fn entities(&self, name: &QueueName) -> Result<Vec<Entity>> {
        let run = |store: &mut dyn Store, _| match store.kind()? {
            Kind::Topic => store.subscriptions().map(Some),
            Kind::Queue | Kind::Undecided => Ok(None),
        };
        let found = match self.file(name).await {
            Ok(file) => {
                file.call(Operation::Admin, Access::Look, Cost::ONE, run)
                    .await
            }
            Err(error) => Err(error),
        };
        match found {
            Ok(Some(subscriptions)) => Ok(subscriptions
                .into_iter()
                .map(|subscription| Entity::Subscription {
                    topic: name.clone(),
                    name: subscription,
                })
                .collect()),
            Err(error) if error.kind() == ErrorKind::QueueNotFound => Ok(Vec::new()),
            Err(error) if error.kind() == ErrorKind::Closed => Err(error),
            // A file that cannot be read is listed all the same, to be seen.
            Ok(None) | Err(_) => Ok(vec![Entity::Queue(name.clone())]),
        }
    }

    /// Calls `chunk` with how many at most, until it did fewer or there were `max`.
    async fn in_chunks(
        &self,
        queue: &Queue,
        max: u64,
        chunk: fn(&mut dyn Store, Lane, u32) -> Result<u64>,
    ) -> Result<u64> {
        let (lane, mut total) = (queue.lane, 0);
        while total < max {
            let count = u32::try_from(max - total).unwrap_or(CHUNK).min(CHUNK);
            let cost = Cost {
                messages: u64::from(count),
                bytes: 0,
            };
            let run = move |store: &mut dyn Store, _| chunk(store, lane, count);
            let done = queue
                .call(Operation::Admin, Access::Flush, cost, run)
                .await?;
            total += done;
            if done < u64::from(count) {
                break;
            }
        }
        Ok(total)
    }

    async fn delete_file(&self, name: &QueueName) -> Result<()> {
        let file = self.file(name).await?;
        let place = self.namespace.place(name, Missing::Refuse)?;
        let which = Which::of(&place.path);
        let run = |store: &mut dyn Store, _| store.delete_file();
        file.call(Operation::Admin, Access::Flush, Cost::ONE, run)
            .await?;
        file.waits.deleted();
        file::remove(&place.path, &place.bell, which)
    }

    async fn delete_subscription(&self, queue: &Queue) -> Result<()> {
        let lane = queue.lane;
        let run = move |store: &mut dyn Store, _| store.delete(lane);
        queue
            .call(Operation::Admin, Access::Flush, Cost::ONE, run)
            .await?;
        queue.file.waits.lane_deleted(lane);
        Ok(())
    }
}

/// Takes the name after which a page begins apart: entities are listed by file, then by name.
fn read_after(after: Option<&str>) -> Result<Option<Entity>> {
    let source = after.map(str::parse::<Source>).transpose()?;
    Ok(source.map(|source| source.entity))
}

fn is_zero(value: Option<Duration>) -> bool {
    value.is_some_and(|value| value.is_zero())
}

#[async_trait]
impl Admin for LocalAdmin {
    async fn list(&self, after: Option<&str>) -> Result<Page> {
        self.namespace.check_open(Operation::Admin)?;
        let after = read_after(after)?;
        let after = after.as_ref().map(namespace::parts);
        let mut page = Page::default();
        for name in path::queue_names(&self.namespace.directory)? {
            if after.is_some_and(|(last, _)| name < *last) {
                continue;
            }
            for entity in self.entities(&name).await? {
                if after.is_some_and(|after| namespace::parts(&entity) <= after) {
                    continue;
                }
                if page.entities.len() == PAGE_LEN {
                    page.next = page.entities.last().map(ToString::to_string);
                    return Ok(page);
                }
                page.entities.push(entity);
            }
        }
        Ok(page)
    }

    async fn create(&self, entity: &Entity, config: &QueueConfig) -> Result<()> {
        self.namespace.check_open(Operation::Admin)?;
        if is_zero(config.lease) || is_zero(config.dedup_window) || is_zero(config.ttl) {
            return Err(error::invalid(
                "a lease, dedup window or time to live must not be zero",
            ));
        }
        let created = self.namespace.create(entity, &self.config, config).await;
        created
            .map(|_| ())
            .map_err(|error| error.operation(Operation::Admin))
    }

    async fn delete(&self, entity: &Entity) -> Result<()> {
        self.namespace.check_open(Operation::Admin)?;
        let deleted = match entity {
            Entity::Queue(name) => self.delete_file(name).await,
            Entity::Subscription { .. } => {
                let queue = self
                    .namespace
                    .find(entity, &self.config, Operation::Admin)
                    .await?;
                self.delete_subscription(&queue).await
            }
        };
        deleted.map_err(|error| error.at(Operation::Admin, entity.to_string()))
    }

    async fn purge(&self, source: &Source) -> Result<u64> {
        let queue = self.find(source).await?;
        self.in_chunks(&queue, u64::MAX, |store, lane, max| store.purge(lane, max))
            .await
    }

    async fn stats(&self, source: &Source) -> Result<Stats> {
        let queue = self.find(source).await?;
        let lane = queue.lane;
        let run = move |store: &mut dyn Store, _| store.stats(lane);
        queue
            .call(Operation::Admin, Access::Look, Cost::ONE, run)
            .await
    }

    async fn peek(&self, source: &Source, from: u64, max: NonZeroU32) -> Result<Vec<Delivery>> {
        let queue = self.find(source).await?;
        let (lane, max) = (queue.lane, max.get().min(PEEK_MAX));
        let cost = Cost {
            messages: u64::from(max),
            bytes: 0,
        };
        let run = move |store: &mut dyn Store, _| store.peek(lane, from, max);
        queue.call(Operation::Admin, Access::Look, cost, run).await
    }

    async fn redrive(&self, source: &Source, redrive: &Redrive) -> Result<u64> {
        let queue = self.find(source).await?.dead_letters(false);
        let max = redrive.max.map_or(u64::MAX, |max| u64::from(max.get()));
        self.in_chunks(&queue, max, |store, lane, max| store.redrive(lane, max))
            .await
    }

    async fn cancel(&self, queue: &QueueName, sequence: u64) -> Result<()> {
        let file = self.file(queue).await?;
        let run = move |store: &mut dyn Store, _| match store.kind()? {
            Kind::Undecided => Ok(false),
            Kind::Queue | Kind::Topic => store.cancel(sequence),
        };
        let is_done = file
            .call(Operation::Admin, Access::Flush, Cost::ONE, run)
            .await?;
        match is_done {
            true => Ok(()),
            false => Err(error::message_not_found(queue, sequence)),
        }
    }

    async fn settings(&self, source: &Source) -> Result<Settings> {
        let queue = self.find(source).await?;
        let (capabilities, lease) = (&self.capabilities, queue.settings.lease);
        Ok(origin::settings_of(&queue, source, capabilities, lease))
    }
}
