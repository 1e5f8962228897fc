//! The consumer that runs the commands.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use relayhouse::{
    Delivery, Error, Queue,
    runtime::{FailurePolicy, Running},
};

use crate::{
    args::Work,
    exec::{Groups, Handler, LEASE_TOTAL_MAX, Results, Shell, Shown},
    progress::Progress,
};

/// How long one receive waits for messages; an interrupt waits for its end.
const RECEIVE_WAIT: Duration = Duration::from_secs(5);
const RECEIVE_WAIT_UNTIL_EMPTY: Duration = Duration::from_secs(1);

/// Starts to run commands.
pub(super) async fn start(
    args: &Work,
    queue: &Queue,
    results: Results,
    groups: &Groups,
    progress: &Progress,
) -> Result<Running, Error> {
    let attempts_max = NonZeroU32::MIN.saturating_add(args.retries);
    let shell = Shell {
        command: args.exec.as_str().into(),
        shown: Shown::Details,
        timeout: args.timeout,
        clock: Arc::clone(&queue.context().clock),
        groups: groups.clone(),
    };
    let handler = Handler {
        shell: Some(shell),
        results,
        attempts_max,
        release_delay: args.release_delay,
        progress: progress.clone(),
    };
    let policy = FailurePolicy {
        attempts_max: Some(attempts_max),
        delay_first: args.retry_delay,
        ..FailurePolicy::default()
    };
    let receive_wait = if args.until_empty {
        RECEIVE_WAIT_UNTIL_EMPTY
    } else {
        RECEIVE_WAIT
    };
    let consumer = queue
        .consumer()
        .concurrency(args.concurrency)
        .receive_wait(receive_wait)
        .lease(args.lease)
        .lease_total_max(LEASE_TOTAL_MAX)
        .drain_deadline(args.drain)
        .failure(policy)
        .handler(move |delivery: Delivery| handler.clone().handle(delivery));
    consumer.start().await
}
