//! What a fault looks like to whoever called, by what was asked for.

use relayhouse_core::{Delivery, ErrorKind, Message};

/// Is a request to which faults can happen.
pub trait Faulty: Clone {
    /// What a call is that was never made.
    const FAILED: ErrorKind;

    /// What a call is whose answer was lost.
    const LOST: ErrorKind;
}

impl Faulty for Message {
    const FAILED: ErrorKind = ErrorKind::ConnectionFailed;
    const LOST: ErrorKind = ErrorKind::OutcomeUnknown;
}

impl Faulty for Delivery {
    const FAILED: ErrorKind = ErrorKind::Handler;
    const LOST: ErrorKind = ErrorKind::Handler;
}

impl Faulty for Vec<Delivery> {
    const FAILED: ErrorKind = ErrorKind::Handler;
    const LOST: ErrorKind = ErrorKind::Handler;
}
