//! `relayhouse create`: creates a queue or subscription.

use std::num::NonZeroU64;

use relayhouse::{Registry, port::QueueConfig};

use crate::{
    args::Create,
    console::Console,
    exit::{Code, Failure},
};

pub(crate) async fn run(
    args: Create,
    registry: &Registry,
    console: Console,
) -> Result<Code, Failure> {
    let queue = registry.open(&args.url).await?;
    let source = queue.source();
    if source.dead_letter {
        let text = format!("{source} comes with {}; create that", source.entity);
        return Err(Failure::new(Code::Usage, text));
    }
    queue
        .admin()?
        .create(&source.entity, &config(&args))
        .await?;
    console.note(&format!("{source} is there"));
    queue.close().await?;
    Ok(Code::Done)
}

fn config(args: &Create) -> QueueConfig {
    QueueConfig {
        lease: args.lease,
        attempts_max: args.attempts,
        requires_sessions: args.sessions,
        dedup_window: args.dedup_window,
        ttl: args.ttl,
        dead_letter_expired: args.dead_letter_expired,
        messages_max: args.messages_max,
        bytes_max: args
            .bytes_max
            .and_then(|bytes| NonZeroU64::new(bytes as u64)),
    }
}
