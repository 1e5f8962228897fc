//! What a timeout asks of a request: how long its lease lasts, and what being late means.

use relayhouse_core::{Delivery, ErrorKind, Instant, Lease, Message};

use crate::request::Request;

/// Is a request whose call can be late.
pub trait Timed: Request {
    /// Shows how long the request may be worked on.
    type Hold: Hold;

    /// What a call is that was cut off: a send may have happened, a handler may run again.
    const LATE: ErrorKind;

    /// Returns what shows how long the request may be worked on.
    fn hold(&self) -> Self::Hold;
}

/// Shows until when something may be worked on. The answer may change with time.
pub trait Hold {
    /// Returns the end, [`Instant::NEVER`] if there is none.
    fn until(&self) -> Instant;
}

impl Hold for () {
    fn until(&self) -> Instant {
        Instant::NEVER
    }
}

impl Hold for Lease {
    fn until(&self) -> Instant {
        self.until()
    }
}

impl Hold for Vec<Lease> {
    fn until(&self) -> Instant {
        let ends = self.iter().map(Lease::until);
        ends.min().unwrap_or(Instant::NEVER)
    }
}

impl Timed for Message {
    type Hold = ();
    const LATE: ErrorKind = ErrorKind::OutcomeUnknown;

    fn hold(&self) {}
}

impl Timed for Delivery {
    type Hold = Lease;
    const LATE: ErrorKind = ErrorKind::Timeout;

    fn hold(&self) -> Lease {
        self.lease.clone()
    }
}

impl Timed for Vec<Delivery> {
    type Hold = Vec<Lease>;
    const LATE: ErrorKind = ErrorKind::Timeout;

    fn hold(&self) -> Vec<Lease> {
        self.iter().map(Timed::hold).collect()
    }
}
