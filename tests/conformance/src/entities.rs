//! Queues and topics of a harness, made by the port for administration.

use std::sync::Arc;

use relayhouse_core::{
    Entity, Error, ErrorKind, QueueName, Result, SubscriptionName,
    port::{Admin, Provider, QueueConfig},
};

fn admin(provider: &dyn Provider) -> Result<Arc<dyn Admin>> {
    let none = || Error::new(ErrorKind::Unsupported, "no port for administration");
    provider.admin().ok_or_else(none)
}

/// Makes a queue.
pub(crate) async fn queue(
    provider: &dyn Provider,
    name: QueueName,
    config: &QueueConfig,
) -> Result<QueueName> {
    let entity = Entity::Queue(name.clone());
    admin(provider)?.create(&entity, config).await?;
    Ok(name)
}

/// Makes a topic with `subscriptions`.
pub(crate) async fn topic(
    provider: &dyn Provider,
    topic: QueueName,
    subscriptions: &[SubscriptionName],
    config: &QueueConfig,
) -> Result<QueueName> {
    for name in subscriptions {
        let (topic, name) = (topic.clone(), name.clone());
        let entity = Entity::Subscription { topic, name };
        admin(provider)?.create(&entity, config).await?;
    }
    Ok(topic)
}
