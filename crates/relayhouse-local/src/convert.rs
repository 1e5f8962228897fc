//! From a message that is to be sent to one that a queue can hold.

use relayhouse_core::{
    Capabilities, Context, Message, MessageIds, Operation, Result, Sending, Timestamp,
};

use crate::{error, store::Settings};

/// Checks every pending item of a batch and gives it an id; an item that breaks a rule fails.
pub(crate) fn prepare(
    context: &Context,
    ids: &MessageIds,
    capabilities: &Capabilities,
    settings: &Settings,
    batch: &mut [Sending],
) {
    let is_plain = batch.iter().all(|item| item.message.is_plain());
    let wall = if is_plain {
        Timestamp::default()
    } else {
        context.clock.wall()
    };
    let bytes_max = settings.bytes_max;
    for item in batch.iter_mut().filter(|item| item.outcome.is_pending()) {
        let message = &mut item.message;
        if message.id.is_none() {
            message.id = Some(ids.next_id());
        }
        let size = message.size();
        match check(message, capabilities, settings, wall) {
            Ok(()) if bytes_max < size => item.fail(error::too_large(size, bytes_max)),
            Ok(()) => {}
            Err(error) => item.fail(error.operation(Operation::Send)),
        }
    }
}

fn check(
    message: &Message,
    capabilities: &Capabilities,
    settings: &Settings,
    wall: Timestamp,
) -> Result<()> {
    message.check(capabilities, wall)?;
    if settings.requires_sessions && message.details().ordering_key.is_none() {
        return Err(error::needs_key());
    }
    Ok(())
}
