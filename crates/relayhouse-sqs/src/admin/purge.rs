//! Removes what nobody has leased.

use relayhouse_core::{Operation, Result};

use super::one_by_one::take;
use crate::{batch, cost::Call, link::Link, queue::Queue};

/// Purges `queue`, and returns how many messages there were.
///
/// SQS's own purge takes leased messages too, so while there are some the rest is taken and deleted
/// receive by receive; delayed messages then stay.
pub(super) async fn purge(link: &Link, queue: &Queue) -> Result<u64> {
    let attributes = queue.attributes(link, Operation::Admin).await?;
    if 0 < attributes.leased {
        return delete_each(link, queue).await;
    }
    let request = link.client().await?.purge_queue();
    let request = request.queue_url(&*queue.url);
    let answer = link
        .call(Call::Other, Operation::Admin, Box::pin(request.send()))
        .await;
    answer.map_err(|error| queue.at(error, Operation::Admin))?;
    Ok(attributes.ready + attributes.delayed)
}

async fn delete_each(link: &Link, queue: &Queue) -> Result<u64> {
    let mut count = 0;
    loop {
        let readings = take(link, queue, u64::MAX, None).await?;
        if readings.is_empty() {
            return Ok(count);
        }
        let handles: Vec<_> = readings.into_iter().map(|it| it.handle).collect();
        for answer in batch::delete(link, queue, handles, Operation::Admin).await {
            answer.map_err(|error| queue.at(error, Operation::Admin))?;
            count += 1;
        }
    }
}
