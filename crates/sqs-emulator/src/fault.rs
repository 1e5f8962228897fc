//! Faults: what goes wrong, when, and how often.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use crate::{
    api::{Code, Error},
    operation::Operation,
    random::Random,
    shared::Shared,
};

/// Something that goes wrong with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Answers with an error, and does nothing.
    Refuse(Refusal),
    /// Closes the connection, and does nothing.
    DropRequest,
    /// Does what was asked, and closes the connection instead of answering.
    DropAnswer,
    /// Fails these entries of a batch, by their index from 0, with an error of the service.
    FailEntries(Vec<usize>),
    /// Waits this long by the emulator's clock before anything is done.
    Delay(Duration),
}

/// An error that has nothing to do with what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// `RequestThrottled`, with status 400.
    Throttled,
    /// `ThrottlingException`, with status 429.
    TooManyRequests,
    /// `ServiceUnavailable`, with status 503.
    Unavailable,
    /// `InternalError`, with status 500.
    Internal,
    /// `AccessDenied`, with status 403.
    AccessDenied,
    /// `ExpiredToken`, with status 403.
    ExpiredToken,
}

impl Refusal {
    pub(crate) fn error(self) -> Error {
        let (code, message) = match self {
            Self::Throttled => (Code::RequestThrottled, "Rate exceeded."),
            Self::TooManyRequests => (Code::Throttling, "Rate exceeded."),
            Self::Unavailable => (
                Code::ServiceUnavailable,
                "The service is unavailable. Please try again.",
            ),
            Self::Internal => (
                Code::InternalError,
                "We encountered an internal error. Please try again.",
            ),
            Self::AccessDenied => (Code::AccessDenied, "Access to the resource is denied."),
            Self::ExpiredToken => (
                Code::ExpiredToken,
                "The security token included in the request is expired",
            ),
        };
        Error::new(code, message)
    }
}

/// To which calls a fault happens.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Times {
    /// To the next so many.
    Next(u32),
    /// To all.
    Always,
    /// To this part of them, out of 1, drawn from the emulator's seed.
    Chance(f64),
}

/// Changes what goes wrong, while the emulator runs. Its clones change the same.
#[derive(Clone, Debug)]
pub struct Faults {
    shared: Arc<Shared>,
}

impl Faults {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Lets a fault happen to calls of an operation, besides those that it has already.
    pub fn inject(&self, operation: Operation, fault: Fault, times: Times) {
        let rule = Rule {
            operation,
            fault,
            times,
        };
        self.shared.state().rules.rules.push(rule);
    }

    /// Lets a fault happen to calls of every operation, counted for each by itself.
    pub fn inject_everywhere(&self, fault: &Fault, times: Times) {
        for operation in Operation::ALL {
            self.inject(operation, fault.clone(), times);
        }
    }

    /// Takes back all faults that were injected.
    pub fn clear(&self) {
        self.shared.state().rules.rules.clear();
    }

    /// Refuses from now on what is signed with an access key: its token has expired.
    pub fn expire(&self, access_key: impl Into<String>) {
        let expired = &mut self.shared.state().rules.expired;
        expired.insert(access_key.into());
    }

    /// Keeps this part of the messages that are sent to standard queues twice, out of 1.
    ///
    /// Both copies have the same message id, and each has receipts of its own.
    pub fn duplicate(&self, chance: f64) {
        self.shared.state().model.chaos().duplicates = chance;
    }

    /// Lets standard queues pick the next message among so many of the oldest; 1 keeps the order.
    pub fn reorder(&self, among: usize) {
        self.shared.state().model.chaos().reordering = among;
    }

    /// Lets so many messages of a queue be in flight; SQS lets 120,000.
    pub fn limit_in_flight(&self, max: usize) {
        self.shared.state().model.chaos().in_flight_max = max;
    }
}

/// The faults that were injected.
#[derive(Debug)]
pub(crate) struct Rules {
    rules: Vec<Rule>,
    /// The access keys whose tokens have expired.
    expired: BTreeSet<String>,
    random: Random,
}

#[derive(Debug)]
struct Rule {
    operation: Operation,
    fault: Fault,
    times: Times,
}

/// What goes wrong with one call.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Drawn {
    pub(crate) refusal: Option<Refusal>,
    pub(crate) is_request_dropped: bool,
    pub(crate) is_answer_dropped: bool,
    pub(crate) failing: Vec<usize>,
    pub(crate) delay: Duration,
}

impl Rules {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rules: Vec::new(),
            expired: BTreeSet::new(),
            random: Random::new(seed),
        }
    }

    /// Draws what happens to the next call of an operation, which is signed with an access key.
    pub(crate) fn draw(&mut self, operation: Operation, access_key: Option<&str>) -> Drawn {
        let mut drawn = Drawn::default();
        if access_key.is_some_and(|key| self.expired.contains(key)) {
            drawn.refusal = Some(Refusal::ExpiredToken);
        }
        for rule in self.rules.iter_mut().filter(|it| it.operation == operation) {
            let happens = match &mut rule.times {
                Times::Next(0) => false,
                Times::Next(count) => {
                    *count -= 1;
                    true
                }
                Times::Always => true,
                Times::Chance(chance) => self.random.chance(*chance),
            };
            if happens {
                drawn.add(&rule.fault);
            }
        }
        self.rules.retain(|rule| rule.times != Times::Next(0));
        drawn
    }

    /// Returns an id for an answer.
    pub(crate) fn request_id(&mut self) -> String {
        self.random.id()
    }
}

impl Drawn {
    fn add(&mut self, fault: &Fault) {
        match fault {
            Fault::Refuse(refusal) => self.refusal = Some(*refusal),
            Fault::DropRequest => self.is_request_dropped = true,
            Fault::DropAnswer => self.is_answer_dropped = true,
            Fault::FailEntries(entries) => self.failing.extend(entries),
            Fault::Delay(delay) => self.delay += *delay,
        }
    }
}
