//! Creates, deletes and lists subscriptions: each is a queue that a topic may send to.

use aws_sdk_sqs::types::QueueAttributeName;
use relayhouse_core::{
    Entity, Operation, QueueName, Result,
    port::{Page, QueueConfig},
};

use super::{PAGES_MAX, Topic, policy};
use crate::{
    admin::{create_one_queue, delete_one_queue},
    arn::TopicArn,
    config::Format,
    cost::Call,
    error,
    link::{Link, at},
    queue::Queue,
    subscription,
};

/// Says in a subscription's attributes that messages come as they were published.
const RAW: &str = "RawMessageDelivery";

/// The protocol of subscriptions that are queues.
const PROTOCOL: &str = "sqs";

/// Creates the subscription `entity` of `topic`: its queue, as `config` says, and the topic, unless
/// they are there.
pub(crate) async fn create(
    link: &Link,
    topic: &QueueName,
    entity: &Entity,
    config: &QueueConfig,
) -> Result<()> {
    let name = subscription::queue_of(entity)?;
    create_one_queue(link, &name, config).await?;
    let queue = Queue::find(link, &name, Operation::Admin).await?;
    let attributes = queue.attributes(link, Operation::Admin).await?;
    let arn = attributes.arn.as_deref();
    let arn = arn.ok_or_else(|| error::not_found(&name, Operation::Admin))?;
    let topic = create_topic(link, topic).await?;
    let is_allowed = policy::allows(attributes.policy.as_deref(), &topic.arn);
    if !is_allowed.map_err(|error| queue.at(error, Operation::Admin))? {
        allow(link, &queue, policy::least(&topic.arn, arn)).await?;
    }
    subscribe(link, &topic, arn).await
}

/// Creates the topic `name`, unless it is there, or named by its ARN.
async fn create_topic(link: &Link, name: &QueueName) -> Result<Topic> {
    if let Some(topic) = Topic::find(link, name, Operation::Admin).await? {
        return Ok(topic);
    }
    let mut request = link.sns().await?.create_topic().name(name.as_str());
    if name.as_str().ends_with(".fifo") {
        request = request.attributes("FifoTopic", "true");
        if link.config.high_throughput {
            request = request.attributes("FifoThroughputScope", "MessageGroup");
        }
    }
    let answer = link.call_sns(Operation::Admin, Box::pin(request.send()));
    let answer = answer.await;
    let answer = answer.map_err(|error| at(error, Operation::Admin, name.as_str()))?;
    let arn = answer.topic_arn.as_deref();
    let arn = arn.ok_or_else(|| error::not_found(name, Operation::Admin))?;
    TopicArn::read(arn).map(Topic::of)
}

async fn allow(link: &Link, queue: &Queue, policy: String) -> Result<()> {
    let request = link.client().await?.set_queue_attributes();
    let request = request
        .queue_url(&*queue.url)
        .attributes(QueueAttributeName::Policy, policy);
    let call = link.call(Call::Other, Operation::Admin, Box::pin(request.send()));
    let answer = call.await.map(drop);
    answer.map_err(|error| queue.at(error, Operation::Admin))
}

/// Subscribes the queue `arn` to `topic`, unless it is.
async fn subscribe(link: &Link, topic: &Topic, arn: &str) -> Result<()> {
    let is_raw = link.config.format == Format::Raw;
    if let Some(known) = topic.subscription(link, arn).await? {
        return check(link, topic, known, is_raw).await;
    }
    let request = link.sns().await?.subscribe();
    let request = request
        .topic_arn(&*topic.arn)
        .protocol(PROTOCOL)
        .endpoint(arn)
        .attributes(RAW, is_raw.to_string());
    let call = link.call_sns(Operation::Admin, Box::pin(request.send()));
    let answer = call.await.map(drop);
    answer.map_err(|error| topic.at(error, Operation::Admin))
}

/// Checks that messages of a subscription come as they will be read.
async fn check(link: &Link, topic: &Topic, subscription: String, is_raw: bool) -> Result<()> {
    let request = link.sns().await?.get_subscription_attributes();
    let request = request.subscription_arn(subscription);
    let call = link.call_sns(Operation::Admin, Box::pin(request.send()));
    let answer = call.await;
    let answer = answer.map_err(|error| topic.at(error, Operation::Admin))?;
    let set = answer.attributes().and_then(|it| it.get(RAW));
    let is_set = set.is_some_and(|it| it == "true");
    if is_set == is_raw {
        return Ok(());
    }
    Err(topic.at(error::other_delivery(is_set), Operation::Admin))
}

/// Deletes the subscription of `topic` that is `queue`, with the queue.
pub(crate) async fn delete(link: &Link, topic: &QueueName, queue: &Queue) -> Result<()> {
    let arn = queue.attributes(link, Operation::Admin).await?.arn;
    let topic = Topic::find(link, topic, Operation::Admin).await?;
    if let (Some(topic), Some(arn)) = (topic, arn)
        && let Some(known) = topic.subscription(link, &arn).await?
    {
        let request = link.sns().await?.unsubscribe().subscription_arn(known);
        let call = link.call_sns(Operation::Admin, Box::pin(request.send()));
        let answer = call.await;
        answer.map_err(|error| topic.at(error, Operation::Admin))?;
    }
    delete_one_queue(link, queue).await
}

/// Deletes the topic `name` with its subscriptions and their queues.
pub(crate) async fn delete_topic(link: &Link, name: &QueueName) -> Result<()> {
    let topic = Topic::expect(link, name).await?;
    for arn in topic.queues(link).await? {
        let queue = arn.rsplit(':').next().unwrap_or_default();
        let Some(entity) = subscription::named(&topic.name, queue) else {
            continue;
        };
        match Queue::find(link, &subscription::queue_of(&entity)?, Operation::Admin).await {
            Ok(queue) => Box::pin(delete(link, name, &queue)).await?,
            Err(error) if error.kind() == relayhouse_core::ErrorKind::QueueNotFound => {}
            Err(error) => return Err(error),
        }
    }
    let request = link.sns().await?.delete_topic().topic_arn(&*topic.arn);
    let call = link.call_sns(Operation::Admin, Box::pin(request.send()));
    let answer = call.await.map(drop);
    answer.map_err(|error| topic.at(error, Operation::Admin))
}

/// Lists subscriptions that are queues named after them, a page at a time.
pub(crate) async fn list(link: &Link, after: Option<&str>) -> Result<Page> {
    let request = link.sns().await?.list_subscriptions();
    let request = request.set_next_token(after.map(str::to_owned));
    let call = link.call_sns(Operation::Admin, Box::pin(request.send()));
    let page = call.await?;
    let entities = page.subscriptions().iter().filter_map(|it| {
        let topic = TopicArn::read(it.topic_arn()?).ok()?;
        let queue = it.endpoint().filter(|_| it.protocol() == Some(PROTOCOL))?;
        subscription::named(&topic.name, queue.rsplit(':').next()?)
    });
    Ok(Page {
        entities: entities.collect(),
        next: page.next_token,
    })
}

impl Topic {
    /// Finds the subscription whose queue is `arn`, if it is confirmed.
    async fn subscription(&self, link: &Link, arn: &str) -> Result<Option<String>> {
        let subscriptions = self.subscriptions(link).await?;
        let mut found = subscriptions.into_iter().filter(|(queue, _)| queue == arn);
        let is_confirmed = |(_, it): &(String, String)| it.starts_with("arn:");
        Ok(found
            .find(is_confirmed)
            .map(|(_, subscription)| subscription))
    }

    /// Lists the queues that are subscribed, by their ARNs.
    async fn queues(&self, link: &Link) -> Result<Vec<String>> {
        let subscriptions = self.subscriptions(link).await?.into_iter();
        Ok(subscriptions.map(|(queue, _)| queue).collect())
    }

    /// Lists the queues that are subscribed, and the subscriptions, by their ARNs.
    async fn subscriptions(&self, link: &Link) -> Result<Vec<(String, String)>> {
        let (mut found, mut next) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let request = link.sns().await?.list_subscriptions_by_topic();
            let request = request.topic_arn(&*self.arn).set_next_token(next);
            let call = link.call_sns(Operation::Admin, Box::pin(request.send()));
            let page = call.await;
            let page = page.map_err(|error| self.at(error, Operation::Admin))?;
            let queues = page.subscriptions().iter();
            let queues = queues.filter(|it| it.protocol() == Some(PROTOCOL));
            found.extend(queues.filter_map(|it| {
                Some((it.endpoint()?.to_owned(), it.subscription_arn()?.to_owned()))
            }));
            next = page.next_token;
            if next.is_none() {
                break;
            }
        }
        Ok(found)
    }
}
