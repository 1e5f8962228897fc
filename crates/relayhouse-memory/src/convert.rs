//! From a message that is to be sent to one that a queue can hold.

use relayhouse_core::{
    Capabilities, Message, Operation, Outcome, Random, Result, Sending, Text, Timestamp,
};

use crate::{engine::Settings, error, namespace::Namespace};

/// Checks every pending item of a batch and gives it an id; an item that breaks a rule fails.
pub(crate) fn prepare(
    namespace: &Namespace,
    capabilities: &Capabilities,
    settings: &Settings,
    batch: &mut [Sending],
) {
    let is_plain = batch.iter().all(|item| item.message.is_plain());
    let wall = if is_plain {
        Timestamp::default()
    } else {
        namespace.context.clock.wall()
    };
    let bytes_max = settings.bytes_max;
    for item in batch.iter_mut().filter(|item| item.outcome.is_pending()) {
        let message = &mut item.message;
        if message.id.is_none() {
            message.id = Some(namespace.ids.next_id());
        }
        let size = message.size();
        match check(message, capabilities, settings, wall) {
            Ok(()) if bytes_max < size => item.fail(error::too_large(size, bytes_max)),
            Ok(()) => promote(message),
            Err(error) => item.fail(error.operation(Operation::Send)),
        }
    }
}

fn check(
    message: &mut Message,
    capabilities: &Capabilities,
    settings: &Settings,
    wall: Timestamp,
) -> Result<()> {
    message.check(capabilities, wall)?;
    if message.is_plain() && !settings.requires_sessions && !settings.behaviour.is_fifo {
        return Ok(());
    }
    if message.details().dedup_id.is_some() && !capabilities.dedup.is_supported() {
        return Err(error::no_dedup());
    }
    if settings.behaviour.is_fifo {
        return check_fifo(message);
    }
    if settings.requires_sessions && message.details().ordering_key.is_none() {
        return Err(error::needs_key(
            "message has no ordering key, which names its session",
        ));
    }
    Ok(())
}

/// A FIFO queue of SQS wants a group and a dedup id: the message's id is one.
fn check_fifo(message: &mut Message) -> Result<()> {
    if message.details().ordering_key.is_none() {
        return Err(error::needs_key(
            "message has no ordering key, which names its group",
        ));
    }
    if message.details().dedup_id.is_none() {
        let id = message.id.as_ref().map(ToString::to_string);
        message.details_mut().dedup_id = id.map(Text::from);
    }
    Ok(())
}

/// Makes the body one that is cloned without an allocation, which would else happen under the
/// lock: a body made from a `Vec` becomes a shared one with its first clone.
fn promote(message: &Message) {
    if message.body.is_unique() {
        drop(message.body.clone());
    }
}

/// Fails a `share` of the pending items of a batch of more than one.
pub(crate) fn throttle<'a, T: 'a>(
    share: f64,
    random: &dyn Random,
    operation: Operation,
    outcomes: impl ExactSizeIterator<Item = &'a mut Outcome<T>>,
) {
    if share <= 0.0 || outcomes.len() < 2 {
        return;
    }
    for outcome in outcomes.filter(|outcome| outcome.is_pending()) {
        if random.chance(share) {
            *outcome = Outcome::Failed(error::throttled(operation));
        }
    }
}
