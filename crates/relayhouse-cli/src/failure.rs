//! What becomes of messages that a command gives back.

use std::time::Duration;

use relayhouse::runtime::FailurePolicy;

/// What is given back comes again at once, which every queue can do.
pub(crate) fn no_delay() -> FailurePolicy {
    FailurePolicy {
        delay_first: Duration::ZERO,
        delay_max: Duration::ZERO,
        ..FailurePolicy::default()
    }
}

/// Does the same, and dead-letters nothing: that is for whoever handles the messages.
pub(crate) fn never() -> FailurePolicy {
    FailurePolicy {
        attempts_max: None,
        ..no_delay()
    }
}
