//! The consumer that runs the commands.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use relayhouse::{
    Delivery, Error, Queue,
    runtime::{FailurePolicy, Running},
};

use crate::{
    args::Work,
    exec::{Groups, Handler, LEASE_TOTAL_MAX, Results, Shell, Shown},
    lease::with_lease,
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
    let policy = policy(attempts_max, args.retry_delay);
    let receive_wait = if args.until_empty {
        RECEIVE_WAIT_UNTIL_EMPTY
    } else {
        RECEIVE_WAIT
    };
    let start = async |lease| {
        let handler = handler.clone();
        let consumer = queue
            .consumer()
            .concurrency(args.concurrency)
            .receive_wait(receive_wait)
            .lease_total_max(LEASE_TOTAL_MAX)
            .drain_deadline(args.drain)
            .failure(policy.clone());
        let consumer = match lease {
            Some(lease) => consumer.lease(lease),
            None => consumer,
        };
        let handle = move |delivery: Delivery| handler.clone().handle(delivery);
        consumer.handler(handle).start().await
    };
    with_lease(args.lease, start).await
}

/// Without a delay at first there is none later, which every queue can do.
fn policy(attempts_max: NonZeroU32, delay_first: Duration) -> FailurePolicy {
    let usual = FailurePolicy::default();
    FailurePolicy {
        attempts_max: Some(attempts_max),
        delay_first,
        delay_max: match delay_first.is_zero() {
            true => Duration::ZERO,
            false => usual.delay_max,
        },
        ..usual
    }
}
