//! What the demonstration and the process of its first consumer say to each other: lines of JSON.

use std::time::Duration;

use relayhouse::{Delivery, Error, ErrorKind, Event, Instant, Receipt, Settlement};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::envelope;

/// Is the first line to the process: what it shall consume, and how.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) url: String,
    pub(crate) messages: u32,
    pub(crate) concurrency: u32,
    pub(crate) seed: u64,
}

/// Is one line of the process.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Line {
    /// The queue is open. It waits for the second line to it, whatever that is.
    Ready,
    /// That line came, when its clock stood at `at`. From now on it consumes.
    Begun { at: u64 },
    /// Something happened when its clock stood at `at`.
    Happened { at: u64, what: What },
    /// A handler hangs.
    Hanging,
    /// It cannot go on.
    Failed { text: String },
}

/// Is an event, as far as ledger and oracle ask.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    Received {
        receipt: String,
        id: String,
        attempt: u32,
        token: u64,
        until: u64,
        message: Box<RawValue>,
    },
    Started {
        receipt: String,
    },
    Handled {
        receipt: String,
        took: Duration,
        result: Result<How, Wrong>,
    },
    Settled {
        receipt: String,
        settlement: How,
        result: Result<(), Wrong>,
    },
    Extended {
        receipt: String,
        until: u64,
    },
}

/// Is a settlement.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum How {
    Ack,
    Release { delay: Duration },
    DeadLetter { reason: String, description: String },
}

/// Is an error, as far as it is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Wrong {
    LeaseLost,
    Unknown,
    Panicked,
    Failed,
}

impl What {
    /// Puts `event` into words; `None` if nobody asks for it.
    pub(crate) fn of(event: &Event<'_>) -> serde_json::Result<Option<Self>> {
        Ok(Some(match *event {
            Event::Received { delivery, .. } => Self::received(delivery)?,
            Event::Started { delivery, .. } => Self::Started {
                receipt: name(&delivery.receipt),
            },
            Event::Handled {
                delivery,
                took,
                result,
                ..
            } => Self::Handled {
                receipt: name(&delivery.receipt),
                took,
                result: result.map(How::of).map_err(Wrong::of),
            },
            Event::Settled {
                delivery,
                settlement,
                result,
                ..
            } => Self::Settled {
                receipt: name(&delivery.receipt),
                settlement: How::of(settlement),
                result: result.map_err(Wrong::of),
            },
            Event::Extended {
                receipt,
                result: Ok(until),
                ..
            } => Self::Extended {
                receipt: name(receipt),
                until: until.as_nanos(),
            },
            _ => return Ok(None),
        }))
    }

    fn received(delivery: &Delivery) -> serde_json::Result<Self> {
        Ok(Self::Received {
            receipt: name(&delivery.receipt),
            id: delivery.id.to_string(),
            attempt: delivery.attempt,
            token: delivery.lease.token(),
            until: delivery.lease.until().as_nanos(),
            message: RawValue::from_string(envelope::write(delivery)?)?,
        })
    }
}

fn name(receipt: &Receipt) -> String {
    receipt.to_string()
}

impl How {
    fn of(settlement: &Settlement) -> Self {
        match settlement {
            Settlement::Release { delay } => Self::Release { delay: *delay },
            Settlement::DeadLetter(letter) => Self::DeadLetter {
                reason: letter.reason.to_string(),
                description: letter.description.to_string(),
            },
            _ => Self::Ack,
        }
    }

    pub(crate) fn settlement(self) -> Settlement {
        match self {
            Self::Ack => Settlement::Ack,
            Self::Release { delay } => Settlement::Release { delay },
            Self::DeadLetter {
                reason,
                description,
            } => Settlement::dead_letter(reason, description),
        }
    }
}

impl Wrong {
    fn of(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::LeaseLost => Self::LeaseLost,
            ErrorKind::OutcomeUnknown => Self::Unknown,
            ErrorKind::Panicked => Self::Panicked,
            _ => Self::Failed,
        }
    }

    pub(crate) fn error(self) -> Error {
        let kind = match self {
            Self::LeaseLost => ErrorKind::LeaseLost,
            Self::Unknown => ErrorKind::OutcomeUnknown,
            Self::Panicked => ErrorKind::Panicked,
            Self::Failed => ErrorKind::Handler,
        };
        Error::new(kind, "told by the process of the first consumer")
    }
}

/// Says what the clock of one process shows when that of another shows something.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shift {
    ours: u64,
    theirs: u64,
}

impl Shift {
    /// Notes that their clock showed `theirs` at, or a little after, the time when ours showed
    /// `ours`.
    pub(crate) const fn new(ours: Instant, theirs: u64) -> Self {
        let ours = ours.as_nanos();
        Self { ours, theirs }
    }

    /// Returns what our clock showed when theirs showed `theirs`, or a little less.
    pub(crate) const fn ours(self, theirs: u64) -> Instant {
        if theirs == Instant::NEVER.as_nanos() {
            return Instant::NEVER;
        }
        let Self {
            ours,
            theirs: start,
        } = self;
        let nanos = match theirs.checked_sub(start) {
            Some(later) => ours.saturating_add(later),
            None => ours.saturating_sub(start - theirs),
        };
        Instant::from_nanos(nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_of_two_processes_are_brought_together() {
        let shift = Shift::new(Instant::from_nanos(1000), 30);
        assert_eq!(shift.ours(30), Instant::from_nanos(1000));
        assert_eq!(shift.ours(37), Instant::from_nanos(1007));
        assert_eq!(shift.ours(20), Instant::from_nanos(990));
        assert_eq!(shift.ours(u64::MAX), Instant::NEVER);
        let shift = Shift::new(Instant::from_nanos(5), 30);
        assert_eq!(shift.ours(32), Instant::from_nanos(7));
        assert_eq!(shift.ours(1), Instant::START);
    }
}
