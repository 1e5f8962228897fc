//! Administers queues and subscriptions: by the management API over HTTP, and what that lacks by
//! messages.

mod api;
mod description;
mod duration;
mod empty;
mod list;
mod management;
mod redrive;
mod xml;

use std::num::{NonZeroU32, NonZeroU64};

use async_trait::async_trait;
use relayhouse_core::{
    Delivery, Entity, QueueName, Result, Source,
    port::{Admin, Page, QueueConfig, Redrive, Settings, Stats},
};

pub(crate) use self::api::Api;
use self::description::Described;
pub use self::{
    description::{EntityProperties, EntityStatus},
    management::Management,
};
use crate::provider::ServiceBus;

/// Administers the entities of one namespace.
#[derive(Debug)]
pub(crate) struct ServiceBusAdmin {
    servicebus: ServiceBus,
}

impl ServiceBusAdmin {
    pub(crate) const fn new(servicebus: ServiceBus) -> Self {
        Self { servicebus }
    }

    fn management(&self) -> Management {
        self.servicebus.management()
    }

    async fn describe(&self, source: &Source) -> Result<Described> {
        let described = self.management().read(&source.entity).await;
        described.map_err(|error| error.queue(source))
    }
}

#[async_trait]
impl Admin for ServiceBusAdmin {
    async fn list(&self, after: Option<&str>) -> Result<Page> {
        list::page(&self.management(), after).await
    }

    async fn create(&self, entity: &Entity, config: &QueueConfig) -> Result<()> {
        let properties = EntityProperties::of_config(entity, config)?;
        self.management().ensure(entity, &properties).await
    }

    async fn delete(&self, entity: &Entity) -> Result<()> {
        self.management().delete(entity).await
    }

    async fn purge(&self, source: &Source) -> Result<u64> {
        let requires_sessions = match source.dead_letter {
            true => false,
            false => self.describe(source).await?.properties.requires_session == Some(true),
        };
        empty::run(&self.servicebus, source, requires_sessions).await
    }

    /// The broker counts what is leased among what is ready.
    async fn stats(&self, source: &Source) -> Result<Stats> {
        let Described { counts, bytes, .. } = self.describe(source).await?;
        let is_all_bytes = counts.dead == 0 && counts.transfer_dead == 0;
        let (ready, delayed) = match source.dead_letter {
            true => (counts.dead, 0),
            false => (counts.active, counts.scheduled),
        };
        Ok(Stats {
            ready,
            leased: None,
            delayed,
            dead: if source.dead_letter { 0 } else { counts.dead },
            bytes: bytes.filter(|_| is_all_bytes),
            oldest_age: None,
            is_approximate: true,
            cost: None,
        })
    }

    async fn peek(&self, source: &Source, from: u64, max: NonZeroU32) -> Result<Vec<Delivery>> {
        self.servicebus.peek(source, from, max).await
    }

    async fn redrive(&self, source: &Source, redrive: &Redrive) -> Result<u64> {
        let properties = self.describe(source).await?.properties;
        let detects_duplicates = properties.requires_duplicate_detection == Some(true);
        redrive::run(&self.servicebus, source, redrive, detects_duplicates).await
    }

    async fn cancel(&self, queue: &QueueName, sequence: u64) -> Result<()> {
        self.servicebus.cancel_scheduled(queue, sequence).await
    }

    async fn settings(&self, source: &Source) -> Result<Settings> {
        let properties = self.describe(source).await?.properties;
        let has_sessions = !source.dead_letter && properties.requires_session == Some(true);
        let kilobytes = properties.message_kilobytes_max.and_then(NonZeroU64::new);
        Ok(Settings {
            lease: properties.lock_duration,
            attempts_max: properties.attempts_max.filter(|_| !source.dead_letter),
            dead_letter: (!source.dead_letter).then(|| source.dead_letters()),
            // Without sessions a message that was released comes again behind others.
            is_ordered: Some(has_sessions),
            dead_letter_is_ordered: Some(false),
            requires_sessions: Some(has_sessions),
            message_bytes_max: kilobytes.map(|it| it.saturating_mul(KILOBYTE)),
            retention: properties.default_ttl.filter(|_| !source.dead_letter),
        })
    }
}

const KILOBYTE: NonZeroU64 = NonZeroU64::new(1024).unwrap();
