//! What was called: counters for each operation, and the latest requests.

use std::{
    collections::{BTreeMap, VecDeque},
    time::SystemTime,
};

use crate::operation::Operation;

/// How often an operation was called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Count {
    /// The calls that came in, those that have not ended included.
    pub calls: u64,
    /// The calls that ended with an error.
    pub errors: u64,
    /// The calls that ended well and touched no message: of receives, the empty ones.
    pub empty: u64,
    /// The messages that were sent, handed out or settled.
    pub messages: u64,
}

/// One request that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// When it ended.
    pub at: SystemTime,
    /// What it asked for.
    pub operation: Operation,
    /// The name of the queue, if it got that far.
    pub queue: Option<String>,
    /// How many messages it sent, got or settled.
    pub messages: usize,
    /// The code of the error with which it ended, if it did.
    pub error: Option<String>,
    /// It was not cut off without an answer.
    pub is_answered: bool,
}

/// The counters, and a log that forgets its oldest request when it is full.
#[derive(Debug)]
pub(crate) struct Records {
    counts: BTreeMap<Operation, Count>,
    requests: VecDeque<Request>,
    requests_max: usize,
}

impl Records {
    pub(crate) fn new(requests_max: usize) -> Self {
        Self {
            counts: BTreeMap::new(),
            requests: VecDeque::new(),
            requests_max,
        }
    }

    pub(crate) fn begin(&mut self, operation: Operation) {
        self.counts.entry(operation).or_default().calls += 1;
    }

    pub(crate) fn end(&mut self, request: Request) {
        let count = self.counts.entry(request.operation).or_default();
        count.errors += u64::from(request.error.is_some());
        count.empty += u64::from(request.error.is_none() && request.messages == 0);
        count.messages += request.messages as u64;
        if self.requests.len() == self.requests_max {
            self.requests.pop_front();
        }
        if self.requests.len() < self.requests_max {
            self.requests.push_back(request);
        }
    }

    pub(crate) fn count(&self, operation: Operation) -> Count {
        self.counts.get(&operation).copied().unwrap_or_default()
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.iter().cloned().collect()
    }
}
