//! Takes messages one receive at a time, for what SQS cannot do at once.

use std::time::Duration;

use aws_sdk_sqs::types::MessageSystemAttributeName as System;
use relayhouse_core::{Operation, Result};

use crate::{
    capability::BATCH_MAX,
    convert::{Dead, Reading, read},
    cost::Call,
    link::Link,
    queue::Queue,
};

/// How long a receive looks: at all of SQS's machines, not at some of them.
const LOOK: Duration = Duration::from_secs(1);

/// The lease of what is taken, in seconds.
const LEASE_SECONDS: i32 = 60;

/// Takes up to `max` messages of `queue`, at most ten: none if there are none.
pub(super) async fn take(
    link: &Link,
    queue: &Queue,
    max: u64,
    dead: Option<Dead>,
) -> Result<Vec<Reading>> {
    let max = max.min(BATCH_MAX as u64);
    let request = link.client().await?.receive_message();
    let request = request
        .queue_url(&*queue.url)
        .max_number_of_messages(i32::try_from(max).unwrap_or(1))
        .wait_time_seconds(1)
        .visibility_timeout(LEASE_SECONDS)
        .message_system_attribute_names(System::All)
        .message_attribute_names("All");
    let limit = LOOK + link.config.receive_beyond_wait;
    let answer = link
        .bounded(
            Call::Receive,
            Operation::Admin,
            limit,
            Box::pin(request.send()),
        )
        .await
        .map_err(|error| queue.at(error, Operation::Admin))?;
    let messages = answer.messages.unwrap_or_default();
    link.meter.received(messages.len() as u64);
    let readings = messages.into_iter();
    let readings = readings.filter_map(|message| read(message, dead, link.rules()));
    Ok(readings.collect())
}
