//! What a metric is: its name, its unit, its kind, and what tells its series apart.

use relayhouse_core::{ErrorKind, Operation};

/// Describes one metric. All of them are in [`Metric::ALL`](super::Metric::ALL).
#[non_exhaustive]
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// The name, as OpenTelemetry writes names.
    pub name: &'static str,
    /// What it counts or measures, and in which parts it is kept.
    pub unit: Unit,
    /// Whether it counts, shows a level, or a distribution.
    pub kind: Kind,
    /// What it is kept for: each queue, each named thing, or the process.
    pub scope: Scope,
    /// What all its series are about, if that is one operation: `messaging.operation.name`.
    pub operation: Option<&'static str>,
    /// What tells its series apart within the scope, if anything does.
    pub label: Option<Label>,
    /// What it says, in a sentence.
    pub about: &'static str,
}

/// Says how a metric behaves.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// It is a distribution over buckets, each up to a bound that belongs to it, and one beyond.
    /// Bounds are in the parts of the unit.
    Histogram(&'static [u64]),
}

/// Names a unit. Values are kept in whole parts of it.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds, kept in nanoseconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// A share between 0 and 1, kept in millionths.
    Share,
    /// The currency of a price, kept in millionths of a millionth.
    Currency,
    /// Things of this name.
    Count(&'static str),
}

/// Says what a metric is kept for.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The whole process.
    Process,
    /// Each queue, topic, subscription and dead-letter queue.
    Queue,
    /// Each breaker and each limit, by its name.
    Named,
    /// Each endpoint that connections lead to.
    Endpoint,
}

/// Names what tells series of one metric apart: a closed set of values.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Label {
    /// How it failed, if it failed: `error.type`.
    Error,
    /// What a call was for, and how it failed, roughly.
    OperationError,
    /// What a call was for: `messaging.operation.name`.
    Operation,
    /// How a handler failed, if it failed, roughly.
    HandlerError,
    /// How a delivery was settled: `relayhouse.settlement`.
    Settlement,
    /// Where a message of a queue is: `relayhouse.state`.
    State,
}

/// The errors, by the name that `error.type` has. The first is none, the last any other.
const ERRORS: &[(Option<ErrorKind>, &str)] = &[
    (None, ""),
    (Some(ErrorKind::ConfigInvalid), "config_invalid"),
    (Some(ErrorKind::Unsupported), "unsupported"),
    (Some(ErrorKind::QueueNotFound), "queue_not_found"),
    (Some(ErrorKind::QueueConflict), "queue_conflict"),
    (Some(ErrorKind::Unauthorized), "unauthorized"),
    (Some(ErrorKind::MessageInvalid), "message_invalid"),
    (Some(ErrorKind::MessageTooLarge), "message_too_large"),
    (Some(ErrorKind::MessageNotFound), "message_not_found"),
    (Some(ErrorKind::LeaseLost), "lease_lost"),
    (Some(ErrorKind::SessionBusy), "session_busy"),
    (Some(ErrorKind::Full), "full"),
    (Some(ErrorKind::Throttled), "throttled"),
    (Some(ErrorKind::Timeout), "timeout"),
    (Some(ErrorKind::ConnectionFailed), "connection_failed"),
    (Some(ErrorKind::Unavailable), "unavailable"),
    (Some(ErrorKind::OutcomeUnknown), "outcome_unknown"),
    (Some(ErrorKind::Closed), "closed"),
    (Some(ErrorKind::Codec), "codec"),
    (Some(ErrorKind::Handler), "handler"),
    (Some(ErrorKind::Panicked), "panicked"),
    (Some(ErrorKind::Corrupt), "corrupt"),
    (Some(ErrorKind::BlobNotFound), "blob_not_found"),
    (Some(ErrorKind::KeyNotFound), "key_not_found"),
    (Some(ErrorKind::Forged), "forged"),
    (Some(ErrorKind::Replayed), "replayed"),
    (Some(ErrorKind::NotEncrypted), "not_encrypted"),
    (None, OTHER),
];

/// What `error.type` is where there is no name for it, by the conventions.
const OTHER: &str = "_OTHER";

/// The errors of calls that are told apart where each costs a histogram.
const CALL_ERRORS: &[&str] = &[
    "",
    "connection_failed",
    "lease_lost",
    "outcome_unknown",
    "throttled",
    "timeout",
    OTHER,
];

/// The errors of handlers that are told apart where each costs a histogram.
const HANDLER_ERRORS: &[&str] = &["", "codec", "handler", "panicked", "timeout", OTHER];

/// The attribute that has the name of an operation.
const OPERATION_NAME: &str = "messaging.operation.name";

/// The operations that are told apart, by their names.
const OPERATIONS: &[(Operation, &str)] = &[
    (Operation::Send, "send"),
    (Operation::Receive, "receive"),
    (Operation::Settle, "settle"),
    (Operation::Extend, "extend"),
    (Operation::Session, "accept"),
    (Operation::Admin, "admin"),
];

/// What the state of a breaker is as a level: the higher, the less its service is called.
pub(super) mod breaker {
    pub(in super::super) const CLOSED: u64 = 0;
    pub(in super::super) const HALF_OPEN: u64 = 1;
    pub(in super::super) const OPEN: u64 = 2;
}

/// The ends of deliveries, by their names.
const SETTLEMENTS: &[&str] = &["ack", "release", "dead_letter", "other"];

/// The states of messages, by their names.
const STATES: &[&str] = &["ready", "leased", "delayed", "dead"];

/// Returns the name of `kind`, as `error.type` has it.
pub(crate) fn error_name(kind: ErrorKind) -> &'static str {
    ERRORS[error_index(kind)].1
}

/// Returns which series of [`Label::Error`] `kind` belongs to.
pub(crate) fn error_index(kind: ErrorKind) -> usize {
    let known = ERRORS.iter().position(|(known, _)| *known == Some(kind));
    known.unwrap_or(ERRORS.len() - 1)
}

/// Returns which series of [`Label::Operation`] `operation` belongs to: what is none of them is
/// administration.
pub(crate) fn operation_index(operation: Operation) -> usize {
    let known = OPERATIONS.iter().position(|(known, _)| *known == operation);
    known.unwrap_or(OPERATIONS.len() - 1)
}

/// Returns the type of `operation`, of those that the conventions have; an extension has none.
const fn type_of(operation: Operation) -> &'static str {
    match operation {
        Operation::Send => "send",
        Operation::Receive => "receive",
        Operation::Settle => "settle",
        _ => "",
    }
}

/// Returns which series of [`Label::OperationError`] a call belongs to.
pub(crate) fn call_index(operation: Operation, error: Option<ErrorKind>) -> usize {
    operation_index(operation) * CALL_ERRORS.len() + rough(CALL_ERRORS, error)
}

/// Returns which series of [`Label::HandlerError`] a handler belongs to.
pub(crate) fn handler_index(error: Option<ErrorKind>) -> usize {
    rough(HANDLER_ERRORS, error)
}

fn rough(names: &[&str], error: Option<ErrorKind>) -> usize {
    let Some(kind) = error else {
        return 0;
    };
    let name = error_name(kind);
    let known = names.iter().position(|known| *known == name);
    known.unwrap_or(names.len() - 1)
}

impl Unit {
    /// Returns the unit as UCUM writes it.
    #[must_use]
    pub const fn ucum(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Bytes => "By",
            Self::Share => "1",
            Self::Currency => "{currency}",
            Self::Count(name) => name,
        }
    }

    /// Returns `parts` in the unit itself.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "what is shown needs no 53 bits")]
    pub fn of(self, parts: i128) -> f64 {
        parts as f64 / self.parts()
    }

    /// Returns how many parts the unit has.
    const fn parts(self) -> f64 {
        match self {
            Self::Seconds => 1e9,
            Self::Bytes | Self::Count(_) => 1.0,
            Self::Share => 1e6,
            Self::Currency => 1e12,
        }
    }
}

impl Label {
    /// Returns how many series it tells apart.
    #[must_use]
    pub const fn count(self) -> usize {
        match self {
            Self::Error => ERRORS.len(),
            Self::OperationError => OPERATIONS.len() * CALL_ERRORS.len(),
            Self::Operation => OPERATIONS.len(),
            Self::HandlerError => HANDLER_ERRORS.len(),
            Self::Settlement => SETTLEMENTS.len(),
            Self::State => STATES.len(),
        }
    }

    /// Returns the keys of its attributes.
    #[must_use]
    pub const fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Error | Self::HandlerError => &["error.type"],
            Self::OperationError => &[OPERATION_NAME, "messaging.operation.type", "error.type"],
            Self::Operation => &[OPERATION_NAME],
            Self::Settlement => &["relayhouse.settlement"],
            Self::State => &["relayhouse.state"],
        }
    }

    /// Returns the attributes of the series `index`; an attribute without a value is left out.
    #[must_use]
    pub fn attributes(self, index: usize) -> Vec<(&'static str, &'static str)> {
        let values = match self {
            Self::Error => vec![ERRORS[index].1],
            Self::OperationError => {
                let (operation, name) = OPERATIONS[index / CALL_ERRORS.len()];
                let error = CALL_ERRORS[index % CALL_ERRORS.len()];
                vec![name, type_of(operation), error]
            }
            Self::Operation => vec![OPERATIONS[index].1],
            Self::HandlerError => vec![HANDLER_ERRORS[index]],
            Self::Settlement => vec![SETTLEMENTS[index]],
            Self::State => vec![STATES[index]],
        };
        let pairs = self.keys().iter().copied().zip(values);
        pairs.filter(|(_, value)| !value.is_empty()).collect()
    }
}

impl Definition {
    /// Makes a metric that grows.
    pub(super) const fn counter(name: &'static str, unit: Unit, about: &'static str) -> Self {
        Self {
            name,
            unit,
            kind: Kind::Counter,
            scope: Scope::Process,
            operation: None,
            label: None,
            about,
        }
    }

    /// Makes a metric that goes up and down.
    pub(super) const fn gauge(name: &'static str, unit: Unit, about: &'static str) -> Self {
        Self {
            kind: Kind::Gauge,
            ..Self::counter(name, unit, about)
        }
    }

    /// Makes a metric that is a distribution.
    pub(super) const fn histogram(
        name: &'static str,
        unit: Unit,
        bounds: &'static [u64],
        about: &'static str,
    ) -> Self {
        Self {
            kind: Kind::Histogram(bounds),
            ..Self::counter(name, unit, about)
        }
    }

    /// Keeps it for each of `scope`.
    pub(super) const fn of(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Says which operation it is about.
    pub(super) const fn at(mut self, operation: &'static str) -> Self {
        self.operation = Some(operation);
        self
    }

    /// Tells its series apart by `label`.
    pub(super) const fn by(mut self, label: Label) -> Self {
        self.label = Some(label);
        self
    }

    /// Returns the keys of the attributes that its series have within its scope.
    #[must_use]
    pub fn keys(&self) -> Vec<&'static str> {
        let operation = self.operation.map(|_| OPERATION_NAME);
        let of_label = self.label.map_or(&[][..], Label::keys);
        operation
            .into_iter()
            .chain(of_label.iter().copied())
            .collect()
    }

    /// Returns those attributes of the series `index`.
    pub(super) fn attributes(&self, index: usize) -> Vec<(&'static str, &'static str)> {
        let operation = self.operation.map(|name| (OPERATION_NAME, name));
        let of_label = self.label.map(|label| label.attributes(index));
        operation
            .into_iter()
            .chain(of_label.into_iter().flatten())
            .collect()
    }

    /// Returns how many series it has within its scope.
    pub(super) const fn variants(&self) -> usize {
        match self.label {
            Some(label) => label.count(),
            None => 1,
        }
    }

    /// Returns the cells that a series takes.
    pub(super) const fn cells(&self) -> usize {
        match self.kind {
            Kind::Counter => 1,
            // The level, and whether it was ever told.
            Kind::Gauge => 2,
            // A cell for each bucket, one for what is beyond, and one for the sum.
            Kind::Histogram(bounds) => bounds.len() + 2,
        }
    }
}
