//! Administers queues and subscriptions: lists, creates, deletes, purges, counts and redrives.

mod create;
mod one_by_one;
mod peek;
mod purge;
mod redrive;

use std::{num::NonZeroU32, sync::Arc};

use async_trait::async_trait;
use futures_util::future::try_join_all;
use relayhouse_core::{
    Delivery, Entity, Operation, QueueName, Result, Source,
    port::{Admin, Page, QueueConfig, Redrive, Settings, Stats},
};

pub(crate) use self::create::create as create_one_queue;
#[cfg(feature = "sns")]
pub(crate) use self::create::delete as delete_one_queue;
use self::redrive::Destination;
pub(crate) use self::redrive::Plan;
pub use self::redrive::Progress;
#[cfg(feature = "sns")]
use crate::topic;
use crate::{
    config::Peek,
    convert::Dead,
    cost::Call,
    error,
    link::Link,
    queue::{Attributes, Queue, dead_letters},
    settings,
    shards::{self, Shards},
};

/// What the place in a list starts with where subscriptions are listed, which come after queues.
#[cfg(feature = "sns")]
const SUBSCRIPTIONS: &str = "sns:";

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

    /// Finds the queues of `source`, of which there is at least one, and whose dead letters they
    /// hold.
    async fn find(&self, source: &Source) -> Result<Vec<(Queue, Option<Dead>)>> {
        let live = self.live(&source.entity).await?;
        if !source.dead_letter {
            return Ok(live.into_iter().map(|queue| (queue, None)).collect());
        }
        let letters = dead_letters(&self.link, &live, Operation::Admin).await?;
        if letters.is_empty() {
            return Err(error::not_found(source, Operation::Admin));
        }
        let letters = letters.into_iter().map(|(queue, dead)| (queue, Some(dead)));
        Ok(letters.collect())
    }

    /// Finds the queues of `entity`: one, or the shards of one.
    async fn live(&self, entity: &Entity) -> Result<Vec<Queue>> {
        self.link.check_open(Operation::Admin)?;
        let name = self.queue_of(entity)?;
        match Shards::of(name.as_str())? {
            Some(shards) => shards::find(&self.link, &name, &shards, Operation::Admin).await,
            None => Ok(vec![
                Queue::find(&self.link, &name, Operation::Admin).await?,
            ]),
        }
    }

    fn queue_of(&self, entity: &Entity) -> Result<QueueName> {
        self.link.queue_of(entity, Operation::Admin)
    }

    async fn list_queues(&self, after: Option<&str>) -> Result<Page> {
        let request = self.link.client().await?.list_queues();
        let request = request
            .max_results(PAGE_MAX)
            .set_next_token(after.map(str::to_owned));
        let answer = self
            .link
            .call(Call::Other, Operation::Admin, Box::pin(request.send()))
            .await?;
        let urls = answer.queue_urls.iter().flatten();
        let queues: Vec<Queue> = urls.filter_map(|url| Queue::of_url(url)).collect();
        let together = queues
            .iter()
            .map(|queue| shards::listed_with(&self.link, queue));
        let together = try_join_all(together).await?.into_iter().flatten();
        let names = queues.iter().map(|queue| queue.name.clone());
        Ok(Page {
            entities: names.chain(together).map(Entity::Queue).collect(),
            next: answer.next_token,
        })
    }

    /// Lists subscriptions after the queues, where there are topics.
    #[cfg(feature = "sns")]
    async fn list_all(&self, after: Option<&str>) -> Result<Page> {
        let named = |token: String| format!("{SUBSCRIPTIONS}{token}");
        if let Some(token) = after.and_then(|it| it.strip_prefix(SUBSCRIPTIONS)) {
            let token = Some(token).filter(|it| !it.is_empty());
            let page = topic::list(&self.link, token).await?;
            let next = page.next.map(named);
            return Ok(Page { next, ..page });
        }
        let page = self.list_queues(after).await?;
        let first = || self.link.has_topics.then(|| named(String::new()));
        let next = page.next.or_else(first);
        Ok(Page { next, ..page })
    }

    /// Sends the dead letters of `source` back as `plan` says, and returns how many.
    pub(crate) async fn redrive_by(&self, source: &Source, plan: &Plan) -> Result<u64> {
        let live = self.live(&source.entity).await?;
        let letters = dead_letters(&self.link, &live, Operation::Admin).await?;
        if letters.is_empty() {
            return Err(error::not_found(source, Operation::Admin));
        }
        let to = Destination::new(&self.queue_of(&source.entity)?, live)?;
        Box::pin(redrive::redrive(&self.link, &to, &letters, plan)).await
    }

    /// Lists the queues whose redrive policies name `letters`.
    pub(crate) async fn sources(&self, letters: &QueueName) -> Result<Vec<QueueName>> {
        self.link.check_open(Operation::Admin)?;
        let letters = Queue::find(&self.link, letters, Operation::Admin).await?;
        redrive::sources(&self.link, &letters, PAGE_MAX).await
    }

    /// Deletes what SNS has part in: a subscription, and what is no queue but a topic. `None` if
    /// `entity` is neither.
    #[cfg(feature = "sns")]
    async fn delete_of_sns(
        &self,
        entity: &Entity,
        queues: &Result<Vec<Queue>>,
    ) -> Option<Result<()>> {
        if !self.link.has_topics {
            return None;
        }
        match (entity, queues) {
            (Entity::Subscription { topic, .. }, Ok(queues)) => {
                let queue = queues.first()?;
                Some(topic::delete(&self.link, topic, queue).await)
            }
            (Entity::Queue(name), Err(error))
                if error.kind() == relayhouse_core::ErrorKind::QueueNotFound =>
            {
                Some(topic::delete_topic(&self.link, name).await)
            }
            _ => None,
        }
    }

    async fn attributes(&self, queues: &[Queue]) -> Result<Vec<Attributes>> {
        let reads = queues.iter();
        let reads = reads.map(|queue| queue.attributes(&self.link, Operation::Admin));
        try_join_all(reads).await
    }
}

#[async_trait]
impl Admin for SqsAdmin {
    async fn list(&self, after: Option<&str>) -> Result<Page> {
        self.link.check_open(Operation::Admin)?;
        #[cfg(feature = "sns")]
        return Box::pin(self.list_all(after)).await;
        #[cfg(not(feature = "sns"))]
        self.list_queues(after).await
    }

    async fn create(&self, entity: &Entity, config: &QueueConfig) -> Result<()> {
        self.link.check_open(Operation::Admin)?;
        let name = self.queue_of(entity)?;
        #[cfg(feature = "sns")]
        if let Entity::Subscription { topic, .. } = entity {
            return Box::pin(topic::create(&self.link, topic, entity, config)).await;
        }
        match Shards::of(name.as_str())? {
            Some(shards) => Box::pin(shards::create(&self.link, &name, &shards, config)).await,
            None => Box::pin(create::create(&self.link, &name, config)).await,
        }
    }

    async fn delete(&self, entity: &Entity) -> Result<()> {
        self.link.check_open(Operation::Admin)?;
        #[cfg(feature = "sns")]
        if let Entity::Queue(name) = entity
            && self.link.is_topic(name)
        {
            return Box::pin(topic::delete_topic(&self.link, name)).await;
        }
        let name = self.queue_of(entity)?;
        let queues = match Shards::of(name.as_str())? {
            // A delete that broke off left some of them.
            Some(shards) => shards::find_some(&self.link, &shards, Operation::Admin).await,
            None => self.live(entity).await,
        };
        #[cfg(feature = "sns")]
        if let Some(deleted) = Box::pin(self.delete_of_sns(entity, &queues)).await {
            return deleted;
        }
        let queues = queues?;
        for queue in queues {
            Box::pin(create::delete(&self.link, &queue)).await?;
        }
        Ok(())
    }

    async fn purge(&self, source: &Source) -> Result<u64> {
        let mut count = 0;
        for (queue, _) in self.find(source).await? {
            count += Box::pin(purge::purge(&self.link, &queue)).await?;
        }
        Ok(count)
    }

    async fn stats(&self, source: &Source) -> Result<Stats> {
        let queues = self.find(source).await?.into_iter();
        let queues: Vec<Queue> = queues.map(|(queue, _)| queue).collect();
        let counts = self.attributes(&queues).await?;
        let mut arns: Vec<&str> = counts.iter().filter_map(Attributes::dead_letters).collect();
        arns.sort_unstable();
        arns.dedup();
        let letters = arns
            .into_iter()
            .map(|arn| Queue::find_arn(&self.link, arn, Operation::Admin));
        let letters = self.attributes(&try_join_all(letters).await?).await?;
        let sum = |count: fn(&Attributes) -> u64| counts.iter().map(count).sum();
        Ok(Stats {
            ready: sum(|it| it.ready),
            leased: Some(sum(|it| it.leased)),
            delayed: sum(|it| it.delayed),
            dead: letters.iter().map(Attributes::messages).sum(),
            // SQS tells neither.
            bytes: None,
            oldest_age: None,
            is_approximate: true,
            cost: Some(self.link.meter.cost().told(self.link.config.price)),
        })
    }

    async fn peek(&self, source: &Source, from: u64, max: NonZeroU32) -> Result<Vec<Delivery>> {
        if self.link.config.peek == Peek::Refuse {
            let what = "there is no peek: with peek=receive it would count as a delivery";
            return Err(error::unsupported(source, Operation::Admin, what));
        }
        let queues = self.find(source).await?;
        Box::pin(peek::peek(&self.link, &queues, from, max)).await
    }

    async fn redrive(&self, source: &Source, redrive: &Redrive) -> Result<u64> {
        let plan = Plan {
            max: redrive.max,
            ..Plan::default()
        };
        self.redrive_by(source, &plan).await
    }

    async fn cancel(&self, queue: &QueueName, _sequence: u64) -> Result<()> {
        let what = "a message that is held back cannot be cancelled";
        Err(error::unsupported(queue, Operation::Admin, what))
    }

    async fn settings(&self, source: &Source) -> Result<Settings> {
        let queues = self.find(source).await?;
        let [(queue, _), ..] = &queues[..] else {
            return Err(error::not_found(source, Operation::Admin));
        };
        let attributes = queue.attributes(&self.link, Operation::Admin).await?;
        Ok(settings::of(&attributes, queue, source))
    }
}
