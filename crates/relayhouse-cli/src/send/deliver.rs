//! Sending one message, and trying again what fails for a while.

use std::time::Duration;

use relayhouse::{Clock, Error, ErrorKind, Message, Result, Sent, runtime::Producer};

const TRIES_MAX: u32 = 5;
const TRY_AGAIN_FIRST: Duration = Duration::from_millis(100);

/// Says whether others of the ordering key may be sent before a message has arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behind {
    /// They may: trying again would bring it behind them.
    Sent,
    /// They wait.
    Waiting,
}

/// Sends `message`, and tries again what fails for a while, where that breaks nothing.
pub(crate) async fn deliver(
    producer: &Producer,
    clock: &dyn Clock,
    message: Message,
    behind: Behind,
) -> Result<Sent> {
    let mut pause = TRY_AGAIN_FIRST;
    for _ in 1..TRIES_MAX {
        match producer.send(message.clone()).await {
            Err(error) if may_try_again(&error, &message, behind) => {
                clock.sleep_until(clock.now() + pause).await;
                pause *= 2;
            }
            answer => return answer,
        }
    }
    producer.send(message).await
}

/// Returns true if trying again can help, cannot bring the message twice, and cannot bring it
/// behind those of its ordering key that were sent after it.
fn may_try_again(error: &Error, message: &Message, behind: Behind) -> bool {
    let details = message.details();
    let is_safe = error.kind() != ErrorKind::OutcomeUnknown || details.dedup_id.is_some();
    let keeps_order = details.ordering_key.is_none() || behind == Behind::Waiting;
    error.is_temporary() && is_safe && keeps_order
}

/// Returns true if another message may well be taken.
pub(crate) fn is_of_the_message(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::MessageInvalid | ErrorKind::MessageTooLarge | ErrorKind::Unsupported
    )
}
