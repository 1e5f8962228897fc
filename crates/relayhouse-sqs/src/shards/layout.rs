//! The queues of one logical queue: found, made, and counted, so that their number stays.

use futures_util::future::{join_all, try_join_all};
use relayhouse_core::{Error, ErrorKind, Operation, QueueName, Result, port::QueueConfig};

use super::Shards;
use crate::{admin::create_one_queue, cost::Call, link::Link, queue::Queue};

/// The tag of the first queue that says how many there are.
const TAG: &str = "relayhouse-shards";

/// Finds all queues of `shards`, which together are `name`.
pub(crate) async fn find(
    link: &Link,
    name: &QueueName,
    shards: &Shards,
    operation: Operation,
) -> Result<Vec<Queue>> {
    let parts = shards.names()?;
    let finds = parts.iter().map(|part| async move {
        let found = Queue::find(link, part, operation).await;
        found.map_err(|error| match error.kind() {
            ErrorKind::QueueNotFound => missing(name, part, operation),
            _ => error,
        })
    });
    try_join_all(finds).await
}

/// Finds the queues of `shards` that there are; none of them is an error.
pub(crate) async fn find_some(
    link: &Link,
    shards: &Shards,
    operation: Operation,
) -> Result<Vec<Queue>> {
    let names = shards.names()?;
    let finds = names.iter().map(|name| Queue::find(link, name, operation));
    let (mut found, mut missing) = (Vec::new(), None);
    for queue in join_all(finds).await {
        match queue {
            Ok(queue) => found.push(queue),
            Err(error) if error.kind() == ErrorKind::QueueNotFound => missing = Some(error),
            Err(error) => return Err(error),
        }
    }
    match missing {
        Some(error) if found.is_empty() => Err(error),
        _ => Ok(found),
    }
}

/// Finds all queues of `shards`, and checks that there were no more and no fewer.
///
/// Another number than the one recorded is refused. Where none is recorded, or the caller may not
/// read it, a queue with the next number is refused if it has messages.
pub(crate) async fn open(link: &Link, name: &QueueName, shards: &Shards) -> Result<Vec<Queue>> {
    let queues = find(link, name, shards, Operation::Open).await?;
    let recorded = match queues.first() {
        Some(first) => recorded(link, first, Operation::Open).await?,
        None => None,
    };
    match recorded {
        Some(count) if count == shards.count() => {}
        Some(count) => return Err(other_count(name, shards, count, Operation::Open)),
        None => check_next(link, name, shards, Operation::Open).await?,
    }
    Ok(queues)
}

/// Creates all queues of `shards`, and records how many they are. Another number than before is
/// refused while a queue of either number has messages.
pub(crate) async fn create(
    link: &Link,
    name: &QueueName,
    shards: &Shards,
    config: &QueueConfig,
) -> Result<()> {
    let recorded = match Queue::find(link, &shards.name(0)?, Operation::Admin).await {
        Ok(first) => recorded(link, &first, Operation::Admin).await?,
        Err(error) if error.kind() == ErrorKind::QueueNotFound => None,
        Err(error) => return Err(error),
    };
    match recorded {
        Some(count) if count == shards.count() => {}
        Some(count) => check_empty(link, name, shards, count).await?,
        None => check_next(link, name, shards, Operation::Admin).await?,
    }
    for name in shards.names()? {
        Box::pin(create_one_queue(link, &name, config)).await?;
    }
    if recorded != Some(shards.count()) {
        record(link, shards).await?;
    }
    Ok(())
}

/// Refuses another number of queues than `before` while one of them has messages.
async fn check_empty(link: &Link, name: &QueueName, shards: &Shards, before: u32) -> Result<()> {
    for number in 0..before.max(shards.count()) {
        if 0 < messages(link, shards, number, Operation::Admin).await? {
            return Err(other_count(name, shards, before, Operation::Admin));
        }
    }
    Ok(())
}

/// Refuses fewer queues than there seem to have been: the next one has messages.
async fn check_next(
    link: &Link,
    name: &QueueName,
    shards: &Shards,
    operation: Operation,
) -> Result<()> {
    let next = messages(link, shards, shards.count(), operation).await?;
    if 0 < next {
        let text = format!(
            "it has {} queues, and {} has {next} messages, as if there were more",
            shards.count(),
            shards.text(shards.count())
        );
        return Err(conflict(name, operation, text));
    }
    Ok(())
}

/// Counts the messages of the queue with `number`: none, if it is not there or not ours to see.
async fn messages(link: &Link, shards: &Shards, number: u32, operation: Operation) -> Result<u64> {
    let name = shards.name(number)?;
    let counted = async {
        let queue = Queue::find(link, &name, operation).await?;
        let attributes = queue.attributes(link, operation).await?;
        Ok(attributes.messages())
    };
    match counted.await {
        Err::<u64, Error>(error) if is_out_of_sight(&error) => Ok(0),
        counted => counted,
    }
}

fn is_out_of_sight(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::QueueNotFound | ErrorKind::Unauthorized
    )
}

/// Reads how many queues there are; `None` where it is not recorded, or not ours to read.
async fn recorded(link: &Link, first: &Queue, operation: Operation) -> Result<Option<u32>> {
    let request = link.client().await?.list_queue_tags();
    let request = request.queue_url(&*first.url);
    let answer = link
        .call(Call::Other, operation, Box::pin(request.send()))
        .await;
    match answer {
        Ok(answer) => {
            let tags = answer.tags.unwrap_or_default();
            Ok(tags.get(TAG).and_then(|count| count.parse().ok()))
        }
        Err(error) if error.kind() == ErrorKind::Unauthorized => Ok(None),
        Err(error) => Err(first.at(error, operation)),
    }
}

/// Returns the name of all queues together, if `queue` is the first of several.
pub(crate) async fn listed_with(link: &Link, queue: &Queue) -> Result<Option<QueueName>> {
    let name = queue.name.as_str();
    let (base, after) = match name.strip_suffix(".fifo") {
        Some(base) => (base, ".fifo"),
        None => (name, ""),
    };
    let Some(before) = base.strip_suffix('0') else {
        return Ok(None);
    };
    let recorded = match recorded(link, queue, Operation::Admin).await {
        // It was deleted since it was listed.
        Err(error) if is_out_of_sight(&error) => None,
        recorded => recorded?,
    };
    let last = recorded.and_then(|count| count.checked_sub(1));
    let name = last.map(|last| QueueName::new(format!("{before}0..{last}{after}")));
    name.transpose()
}

async fn record(link: &Link, shards: &Shards) -> Result<()> {
    let first = Queue::find(link, &shards.name(0)?, Operation::Admin).await?;
    let request = link.client().await?.tag_queue();
    let request = request.queue_url(&*first.url);
    let request = request.tags(TAG, shards.count().to_string());
    let answer = link
        .call(Call::Other, Operation::Admin, Box::pin(request.send()))
        .await;
    answer
        .map(drop)
        .map_err(|error| first.at(error, Operation::Admin))
}

fn missing(name: &QueueName, part: &QueueName, operation: Operation) -> Error {
    let text = format!("its queue {part} does not exist");
    Error::new(ErrorKind::QueueNotFound, text)
        .operation(operation)
        .queue(name)
}

fn other_count(name: &QueueName, shards: &Shards, before: u32, operation: Operation) -> Error {
    let text = format!(
        "it was made of {before} queues, not of {}: drain it, then create it anew",
        shards.count()
    );
    conflict(name, operation, text)
}

fn conflict(name: &QueueName, operation: Operation, text: String) -> Error {
    Error::new(ErrorKind::QueueConflict, text)
        .operation(operation)
        .queue(name)
}
