//! The consumers of the demonstration: the one that dies and the one that takes over are alike.

use std::{num::NonZeroU32, time::Duration};

use relayhouse::{
    Error, Queue,
    runtime::{FailurePolicy, Running},
};

use super::handler::{Shop, handle};

pub(crate) const ATTEMPTS_MAX: NonZeroU32 = match NonZeroU32::new(5) {
    Some(max) => max,
    None => NonZeroU32::MIN,
};
/// Short, so that what a dead consumer held comes back while one watches.
const LEASE: Duration = Duration::from_secs(1);
/// How many messages a consumer may hold that wait for a handler.
const PREFETCH_MAX: u32 = 32;

/// Starts a consumer of `queue`.
pub(crate) async fn start(queue: &Queue, concurrency: u32, shop: Shop) -> Result<Running, Error> {
    let policy = FailurePolicy {
        attempts_max: Some(ATTEMPTS_MAX),
        delay_first: Duration::from_millis(40),
        delay_max: Duration::from_millis(400),
        ..FailurePolicy::default()
    };
    let consumer = queue
        .consumer()
        .concurrency(concurrency)
        .prefetch_max(PREFETCH_MAX)
        .lease(LEASE)
        .failure(policy)
        .state(shop)
        .handler(handle);
    consumer.start().await
}
