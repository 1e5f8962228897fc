//! Administers queues: lists, creates, deletes, purges, counts and redrives.

mod create;
mod one_by_one;
mod peek;
mod purge;
mod redrive;

use std::{num::NonZeroU32, sync::Arc};

use async_trait::async_trait;
use relayhouse_core::{
    Delivery, Entity, Operation, QueueName, Result, Source,
    port::{Admin, Page, QueueConfig, Redrive, Settings, Stats},
};

use crate::{
    config::Peek, convert::Dead, cost::Call, error, link::Link, location::name_of_queue_url,
    queue::Queue, settings,
};

/// The most queues on one page of a list.
const PAGE_MAX: i32 = 1000;

/// Administers the queues of one provider.
#[derive(Debug)]
pub(crate) struct SqsAdmin {
    link: Arc<Link>,
}

impl SqsAdmin {
    pub(crate) const fn new(link: Arc<Link>) -> Self {
        Self { link }
    }

    /// Finds the queue of `source`, which may be the dead-letter queue of another.
    async fn find(&self, source: &Source) -> Result<Queue> {
        Ok(self.find_with(source).await?.0)
    }

    /// Finds the queue of `source`, and whose dead letters it holds.
    async fn find_with(&self, source: &Source) -> Result<(Queue, Option<Dead>)> {
        self.link.check_open(Operation::Admin)?;
        let queue = self.live(&source.entity).await?;
        if !source.dead_letter {
            return Ok((queue, None));
        }
        let found = queue.dead_letters(&self.link, Operation::Admin).await?;
        let (letters, dead) = found.ok_or_else(|| error::not_found(source, Operation::Admin))?;
        Ok((letters, Some(dead)))
    }

    async fn live(&self, entity: &Entity) -> Result<Queue> {
        let name = queue_of(entity)?;
        Queue::find(&self.link, name, Operation::Admin).await
    }
}

fn queue_of(entity: &Entity) -> Result<&QueueName> {
    match entity {
        Entity::Queue(name) => Ok(name),
        Entity::Subscription { topic, .. } => Err(error::no_topics(topic)),
    }
}

#[async_trait]
impl Admin for SqsAdmin {
    async fn list(&self, after: Option<&str>) -> Result<Page> {
        self.link.check_open(Operation::Admin)?;
        let request = self.link.client().await?.list_queues();
        let request = request
            .max_results(PAGE_MAX)
            .set_next_token(after.map(str::to_owned));
        let answer = self
            .link
            .call(Call::Other, Operation::Admin, request.send())
            .await?;
        let urls = answer.queue_urls.iter().flatten();
        let names = urls.filter_map(|url| name_of_queue_url(url));
        Ok(Page {
            entities: names.map(Entity::Queue).collect(),
            next: answer.next_token,
        })
    }

    async fn create(&self, entity: &Entity, config: &QueueConfig) -> Result<()> {
        self.link.check_open(Operation::Admin)?;
        Box::pin(create::create(&self.link, queue_of(entity)?, config)).await
    }

    async fn delete(&self, entity: &Entity) -> Result<()> {
        self.link.check_open(Operation::Admin)?;
        let queue = self.live(entity).await?;
        Box::pin(create::delete(&self.link, &queue)).await
    }

    async fn purge(&self, source: &Source) -> Result<u64> {
        let queue = self.find(source).await?;
        Box::pin(purge::purge(&self.link, &queue)).await
    }

    async fn stats(&self, source: &Source) -> Result<Stats> {
        let queue = self.find(source).await?;
        let attributes = queue.attributes(&self.link, Operation::Admin).await?;
        let mut dead = 0;
        if let Some(policy) = &attributes.redrive {
            let letters = Queue::find_arn(&self.link, &policy.arn, Operation::Admin).await?;
            let letters = letters.attributes(&self.link, Operation::Admin).await?;
            dead = letters.ready + letters.leased + letters.delayed;
        }
        Ok(Stats {
            ready: attributes.ready,
            leased: attributes.leased,
            delayed: attributes.delayed,
            dead,
            // SQS tells neither.
            bytes: None,
            oldest_age: None,
            is_approximate: true,
        })
    }

    async fn peek(&self, source: &Source, from: u64, max: NonZeroU32) -> Result<Vec<Delivery>> {
        if self.link.config.peek == Peek::Refuse {
            let what = "there is no peek: with peek=receive it would count as a delivery";
            return Err(error::unsupported(source, Operation::Admin, what));
        }
        let (queue, dead) = self.find_with(source).await?;
        Box::pin(peek::peek(&self.link, &queue, dead, from, max)).await
    }

    async fn redrive(&self, source: &Source, redrive: &Redrive) -> Result<u64> {
        let queue = self.find(&source.live()).await?;
        let letters = queue.dead_letters(&self.link, Operation::Admin).await?;
        let (letters, _) = letters.ok_or_else(|| error::not_found(source, Operation::Admin))?;
        let redriven = redrive::redrive(&self.link, &queue, &letters, redrive.max);
        Box::pin(redriven).await
    }

    async fn cancel(&self, queue: &QueueName, _sequence: u64) -> Result<()> {
        let what = "a message that is held back cannot be cancelled";
        Err(error::unsupported(queue, Operation::Admin, what))
    }

    async fn settings(&self, source: &Source) -> Result<Settings> {
        let queue = self.find(source).await?;
        let attributes = queue.attributes(&self.link, Operation::Admin).await?;
        Ok(settings::of(&attributes, &queue, source))
    }
}
