//! What a child tells its parent: a line for each thing that it is about to do or has done.

use std::{
    io::{Write, stdout},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result};
use relayhouse_core::{
    Clock, Delivery, Error, ErrorKind, Instant, Lease, MachineTime, Receipt, Settlement,
};
use serde::{Deserialize, Serialize};

use crate::content::{Name, fingerprint};

/// Is one line: what, by which task of the child, and when on the machine's clock.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) at: u64,
    pub(crate) task: u64,
    pub(crate) what: What,
}

/// Is what a child does. A call has one report before it begins, and one after it has ended.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum What {
    Sending {
        producer: u64,
        first: u64,
        count: u64,
    },
    Sent(Vec<Answered>),
    Receiving,
    Received(Vec<Got>),
    Settling(Vec<(Proof, How)>),
    Settled(Vec<Answered>),
    /// A call failed as a whole, or something that only reads did.
    Failed {
        call: String,
        error: Failure,
    },
    /// A call that only reads was answered.
    Read {
        call: String,
    },
    /// A point was reached at which the parent does something.
    Reached {
        step: u64,
    },
}

/// Is a receipt, as two numbers.
pub(crate) type Proof = (u64, u64);

/// Is a delivery.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Got {
    pub(crate) name: Option<Name>,
    pub(crate) proof: Proof,
    pub(crate) print: u64,
    pub(crate) attempt: u32,
    pub(crate) token: u64,
    pub(crate) until: u64,
}

/// Says how a delivery is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum How {
    Ack,
    Release { delay_ms: u64 },
}

/// Is the answer to one item.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Answered {
    Done,
    Failed(Failure),
}

/// Is an error, in words, with all its causes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) kind: String,
    pub(crate) text: String,
}

/// Writes reports to the standard output.
#[derive(Debug)]
pub(crate) struct Teller {
    clock: std::sync::Arc<dyn Clock>,
    /// Keeps lines whole.
    line: Mutex<()>,
}

impl Teller {
    pub(crate) fn new(clock: std::sync::Arc<dyn Clock>) -> Self {
        Self {
            clock,
            line: Mutex::new(()),
        }
    }

    /// Tells what happens now. What has been told outlives this process.
    pub(crate) fn tell(&self, task: u64, what: What) -> Result<()> {
        let _line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let at = self.stamp(self.clock.now());
        let mut line = serde_json::to_string(&Report { at, task, what })?;
        line.push('\n');
        let mut out = stdout().lock();
        out.write_all(line.as_bytes())
            .and_then(|()| out.flush())
            .context("nobody listens")
    }

    /// Returns an instant of this process on the clock that all processes share.
    fn stamp(&self, instant: Instant) -> u64 {
        let since = self
            .clock
            .machine()
            .map_or(Duration::ZERO, |MachineTime { since, .. }| since);
        let now = self.clock.now();
        let at = Instant::START + since;
        match instant < now {
            true => at - now.since(instant),
            false => at + instant.since(now),
        }
        .as_nanos()
    }

    pub(crate) fn got(&self, delivery: &Delivery) -> Got {
        Got {
            name: Name::of(&delivery.id),
            proof: proof(&delivery.receipt),
            print: fingerprint(&delivery.message),
            attempt: delivery.attempt,
            token: delivery.lease.token(),
            until: self.stamp(delivery.lease.until()),
        }
    }
}

/// Reads a receipt of the local adapter.
pub(crate) fn proof(receipt: &Receipt) -> Proof {
    let number = receipt
        .as_bytes()
        .map_or(0, |bytes| u128::from_be_bytes(*bytes));
    let low = u64::try_from(number & u128::from(u64::MAX)).unwrap_or_default();
    (u64::try_from(number >> 64).unwrap_or_default(), low)
}

/// Makes the receipt again.
pub(crate) fn receipt(proof: Proof) -> Receipt {
    let number = u128::from(proof.0) << 64 | u128::from(proof.1);
    Receipt::from_bytes(number.to_be_bytes())
}

impl Got {
    pub(crate) fn lease(&self) -> Lease {
        Lease::new(Instant::from_nanos(self.until), self.token)
    }
}

impl How {
    pub(crate) fn settlement(self) -> Settlement {
        match self {
            Self::Ack => Settlement::Ack,
            Self::Release { delay_ms } => Settlement::Release {
                delay: Duration::from_millis(delay_ms),
            },
        }
    }
}

impl Answered {
    pub(crate) fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Done => None,
            Self::Failed(failure) => Some(failure),
        }
    }
}

impl<T> From<relayhouse_core::Result<T>> for Answered {
    fn from(result: relayhouse_core::Result<T>) -> Self {
        match result {
            Ok(_) => Self::Done,
            Err(error) => Self::Failed(Failure::from(&error)),
        }
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        Self {
            kind: format!("{:?}", error.kind()),
            text,
        }
    }
}

impl Failure {
    pub(crate) fn is(&self, kind: ErrorKind) -> bool {
        self.kind == format!("{kind:?}")
    }

    /// Returns true if a reader learns which file it is about.
    pub(crate) fn names_file(&self) -> bool {
        [".queue", ".bell"]
            .iter()
            .any(|suffix| self.text.contains(suffix))
    }
}
