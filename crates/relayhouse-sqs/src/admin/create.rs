//! Creates a queue with its dead-letter queue, and deletes both.

use std::{collections::HashMap, num::NonZeroU32, time::Duration};

use aws_sdk_sqs::types::QueueAttributeName as Name;
use relayhouse_core::{Operation, QueueName, Result, port::QueueConfig};

use crate::{
    capability::LEASE_TOTAL_MAX,
    convert::whole_seconds,
    cost::Call,
    error,
    link::{Link, at},
    location::is_fifo,
    queue::Queue,
};

/// What the name of a dead-letter queue ends with that was created here.
const DEAD: &str = "-dead";

/// The most receives that a redrive policy can ask for: nearly never.
const ATTEMPTS_MAX: u32 = 1000;

const DAY: u64 = 24 * 60 * 60;

/// The times for which SQS can keep a message.
const RETENTION: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(14 * DAY));

/// Creates the queue `name`, and beside it a dead-letter queue.
pub(crate) async fn create(link: &Link, name: &QueueName, config: &QueueConfig) -> Result<()> {
    check(name, config)?;
    let dead = dead_name(name)?;
    let mut attributes = kind(link, &dead);
    attributes.insert(
        Name::MessageRetentionPeriod,
        RETENTION.1.as_secs().to_string(),
    );
    create_one(link, &dead, attributes).await?;
    let dead = Queue::find(link, &dead, Operation::Admin).await?;
    let arn = dead.attributes(link, Operation::Admin).await?.arn;
    let arn = arn.ok_or_else(|| error::not_found(&dead.name, Operation::Admin))?;

    let attempts_max = config.attempts_max.map_or(ATTEMPTS_MAX, NonZeroU32::get);
    let policy = serde_json::json!({
        "deadLetterTargetArn": arn,
        "maxReceiveCount": attempts_max.to_string(),
    });
    let mut attributes = kind(link, name);
    attributes.insert(Name::RedrivePolicy, policy.to_string());
    if let Some(lease) = config.lease {
        let seconds = whole_seconds(lease);
        attributes.insert(Name::VisibilityTimeout, seconds.to_string());
    }
    if let Some(ttl) = config.ttl {
        let seconds = whole_seconds(ttl);
        attributes.insert(Name::MessageRetentionPeriod, seconds.to_string());
    }
    create_one(link, name, attributes).await
}

/// Deletes `queue`, and its dead-letter queue where that was created with it.
pub(crate) async fn delete(link: &Link, queue: &Queue) -> Result<()> {
    let dead = queue.dead_letters(link, Operation::Admin).await?;
    delete_one(link, queue).await?;
    match dead {
        Some((dead, _)) if dead_name(&queue.name).is_ok_and(|name| name == dead.name) => {
            delete_one(link, &dead).await
        }
        _ => Ok(()),
    }
}

fn kind(link: &Link, name: &QueueName) -> HashMap<Name, String> {
    let mut attributes = HashMap::new();
    if !is_fifo(name.as_str()) {
        return attributes;
    }
    attributes.insert(Name::FifoQueue, "true".to_owned());
    if link.config.high_throughput {
        attributes.insert(Name::DeduplicationScope, "messageGroup".to_owned());
        attributes.insert(Name::FifoThroughputLimit, "perMessageGroupId".to_owned());
    }
    attributes
}

async fn create_one(
    link: &Link,
    name: &QueueName,
    attributes: HashMap<Name, String>,
) -> Result<()> {
    let request = link.client().await?.create_queue();
    let request = request
        .queue_name(name.as_str())
        .set_attributes((!attributes.is_empty()).then_some(attributes));
    let answer = link
        .call(Call::Other, Operation::Admin, Box::pin(request.send()))
        .await;
    answer
        .map(drop)
        .map_err(|error| at(error, Operation::Admin, name.as_str()))
}

async fn delete_one(link: &Link, queue: &Queue) -> Result<()> {
    let request = link.client().await?.delete_queue();
    let request = request.queue_url(&*queue.url);
    let answer = link
        .call(Call::Other, Operation::Admin, Box::pin(request.send()))
        .await;
    answer
        .map(drop)
        .map_err(|error| queue.at(error, Operation::Admin))
}

/// Returns the name of the dead-letter queue that is created with `name`.
fn dead_name(name: &QueueName) -> Result<QueueName> {
    let text = name.as_str();
    match text.strip_suffix(".fifo") {
        Some(base) => QueueName::new(format!("{base}{DEAD}.fifo")),
        None => QueueName::new(format!("{text}{DEAD}")),
    }
}

fn check(name: &QueueName, config: &QueueConfig) -> Result<()> {
    let QueueConfig {
        lease,
        attempts_max,
        requires_sessions,
        dedup_window,
        ttl,
        dead_letter_expired,
        messages_max,
        bytes_max,
    } = config;
    let unsupported = |what| Err(error::unsupported(name, Operation::Admin, what));
    if *requires_sessions {
        return unsupported("there are no sessions");
    }
    if messages_max.is_some() || bytes_max.is_some() {
        return unsupported("a queue cannot be bounded");
    }
    if *dead_letter_expired {
        return unsupported("what expires is dropped, and cannot be dead-lettered");
    }
    let window = crate::capability::FIFO.dedup_window;
    if dedup_window.is_some() && (*dedup_window != window || !is_fifo(name.as_str())) {
        return unsupported("a dedup id is known for 5 minutes, on FIFO queues alone");
    }
    if let Some(lease) = lease.filter(|lease| LEASE_TOTAL_MAX < *lease) {
        return Err(error::too_long(Operation::Admin, lease, LEASE_TOTAL_MAX));
    }
    if attempts_max.is_some_and(|max| ATTEMPTS_MAX < max.get()) {
        return unsupported("a redrive policy allows at most 1000 receives");
    }
    match ttl {
        Some(ttl) if !(RETENTION.0..=RETENTION.1).contains(ttl) => {
            unsupported("a message is kept for 1 minute to 14 days")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_letter_queue_is_of_the_same_kind() {
        for (name, dead) in [
            ("orders", "orders-dead"),
            ("orders.fifo", "orders-dead.fifo"),
        ] {
            let name: QueueName = name.parse().unwrap();
            assert_eq!(dead_name(&name).unwrap().as_str(), dead);
        }
    }
}
