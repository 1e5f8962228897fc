//! The queue of a subscription.

use relayhouse_core::{Entity, QueueName, Result, SubscriptionName};

use crate::{arn, location};

const FIFO: &str = ".fifo";

/// Returns the queue that holds the messages of `entity`: itself, or that of a subscription.
pub(crate) fn queue_of(entity: &Entity) -> Result<QueueName> {
    match entity {
        Entity::Queue(name) => Ok(name.clone()),
        Entity::Subscription { topic, name } => of(topic, name),
    }
}

/// Returns the queue of the subscription `name` of `topic`: both names with a dash between them, of
/// the topic's kind.
fn of(topic: &QueueName, name: &SubscriptionName) -> Result<QueueName> {
    let topic = arn::name_of(topic)?;
    let queue = match topic.as_str().strip_suffix(FIFO) {
        Some(base) => format!("{base}-{name}{FIFO}"),
        None => format!("{topic}-{name}"),
    };
    location::check_name(&queue)?;
    QueueName::new(queue)
}

/// Returns the subscription of `topic` whose queue has this name, if there can be one.
#[cfg(feature = "sns")]
pub(crate) fn named(topic: &QueueName, queue: &str) -> Option<Entity> {
    let (base, queue) = match topic.as_str().strip_suffix(FIFO) {
        Some(base) => (base, queue.strip_suffix(FIFO)?),
        None => (topic.as_str(), queue),
    };
    let name = queue.strip_prefix(base)?.strip_prefix('-')?;
    Some(Entity::Subscription {
        topic: topic.clone(),
        name: SubscriptionName::new(name.to_owned()).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use relayhouse_core::Source;

    use super::*;

    fn queue(source: &str) -> Result<QueueName> {
        queue_of(&source.parse::<Source>().unwrap().entity)
    }

    #[test]
    fn queue_has_the_names_of_topic_and_subscription() {
        for (source, expected) in [
            ("orders", "orders"),
            ("events/subscriptions/audit", "events-audit"),
            ("events.fifo/subscriptions/audit", "events-audit.fifo"),
            (
                "arn:aws:sns:eu-west-1:123456789012:events/subscriptions/audit",
                "events-audit",
            ),
        ] {
            assert_eq!(queue(source).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn names_that_make_no_queue_are_refused() {
        let long = format!("{}/subscriptions/audit", "t".repeat(75));
        for (source, why) in [
            ("events/subscriptions/au.dit", "queue name"),
            ("ev.ents/subscriptions/audit", "topic name"),
            (&long, "80"),
        ] {
            let error = queue(source).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[cfg(feature = "sns")]
    #[test]
    fn subscription_is_found_by_its_queue() {
        for source in [
            "events/subscriptions/audit",
            "events.fifo/subscriptions/audit-all",
        ] {
            let entity = source.parse::<Source>().unwrap().entity;
            let Entity::Subscription { topic, .. } = &entity else {
                panic!("{source} is no subscription");
            };
            let found = named(topic, queue(source).unwrap().as_str());
            assert_eq!(found.as_ref(), Some(&entity));
            assert_eq!(named(topic, "orders"), None);
        }
    }
}
