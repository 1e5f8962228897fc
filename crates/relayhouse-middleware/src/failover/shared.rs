//! What services and their calls share: the endpoints, and what is known of them.

use std::time::Duration;

use relayhouse_core::{Context, Error, ErrorKind, Event, Message, Result, Sent, Text};

use super::{FailoverConfig, Policy, choice::Choice};
use crate::{
    breaker::{Breaker, State},
    sync::{Mutex, lock},
    verdict::{Verdict, standard},
};

#[derive(Debug)]
pub(super) struct Shared<S> {
    pub(super) endpoints: Vec<Endpoint<S>>,
    pub(super) config: FailoverConfig,
    pub(super) context: Context,
    choice: Mutex<Choice>,
}

#[derive(Debug)]
pub(super) struct Endpoint<S> {
    pub(super) name: Text,
    /// What calls that fail over are made with: a clone of it.
    pub(super) service: Mutex<Breaker<S>>,
}

impl<S> Shared<S> {
    pub(super) fn new(
        endpoints: Vec<Endpoint<S>>,
        config: FailoverConfig,
        context: Context,
    ) -> Self {
        let choice = Choice::new(endpoints.len(), config.faster_by, config.explore_every);
        Self {
            endpoints,
            config,
            context,
            choice: Mutex::new(choice),
        }
    }

    /// Returns the endpoint to ask first: of those that are not left alone, if there is one.
    pub(super) fn first(&self, state: impl Fn(usize) -> State) -> usize {
        let preferred = match self.config.policy {
            Policy::Ordered => 0,
            Policy::Fastest => lock(&self.choice).next(),
        };
        let mut all = std::iter::once(preferred).chain(0..self.endpoints.len());
        all.find(|place| state(*place) != State::Open)
            .unwrap_or(preferred)
    }

    pub(super) fn record(&self, endpoint: usize, took: Duration) {
        if self.config.policy == Policy::Fastest {
            lock(&self.choice).record(endpoint, took);
        }
    }

    /// Returns true if `message` may go to the next endpoint after `error`.
    pub(super) fn may_go_on(&self, message: &Message, error: &Error) -> bool {
        if error.kind() == ErrorKind::OutcomeUnknown {
            return self.config.unknown.repeats(message);
        }
        let result: Result<Sent> = Err(error.clone());
        standard(&result) == Verdict::Failure
    }

    pub(super) fn tell(&self, from: usize, to: usize, error: &Error) {
        if let Some(observer) = &self.context.observer {
            let event = Event::FailedOver {
                from: &self.endpoints[from].name,
                to: &self.endpoints[to].name,
                error,
            };
            observer.observe(self.context.clock.now(), &[event]);
        }
    }
}

/// Returns what tells more of two errors of one message, the earlier one if both tell as much.
pub(super) fn telling(earlier: Option<Error>, later: Error) -> Error {
    let weight = |error: &Error| match error.kind() {
        ErrorKind::OutcomeUnknown => 2,
        ErrorKind::Unavailable => 0,
        _ => 1,
    };
    match earlier {
        Some(earlier) if weight(&later) <= weight(&earlier) => earlier,
        _ => later,
    }
}
