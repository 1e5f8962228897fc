//! What all clones share, and the decision after a failure.

use std::time::Duration;

use relayhouse_core::{Context, Error, ErrorKind, Event, Instant, Retry as Hint};

use super::{RetryConfig, Retryable, budget::Budget, memory::Memory};
use crate::sync::{Mutex, lock};

/// Is shared by all clones of a retry.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: RetryConfig,
    pub(super) context: Context,
    budget: Budget,
    memory: Mutex<Memory>,
}

/// Is how far a call has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    /// The tries that have failed, those of earlier deliveries included.
    pub(super) tries: u32,
    /// When the call began, if its total time is limited.
    began: Option<Instant>,
}

impl Shared {
    pub(super) fn new(config: RetryConfig, context: Context) -> Self {
        Self {
            budget: Budget::new(config.budget_share, config.budget_max),
            config,
            context,
            memory: Mutex::default(),
        }
    }

    /// Takes note of a call that begins, and returns what it starts from.
    #[inline]
    pub(super) fn begin<R: Retryable>(&self, request: &R) -> Progress {
        let began = self.config.total_max.map(|_| self.context.clock.now());
        let deliveries = request.attempt().saturating_sub(1);
        if deliveries == 0 {
            self.budget.deposit();
            return Progress { tries: 0, began };
        }
        let remembered = request
            .redelivered_as()
            .and_then(|id| lock(&self.memory).take(id));
        Progress {
            tries: deliveries.max(remembered.unwrap_or(0)),
            began,
        }
    }

    /// Returns the delay after which `request` is tried again in this process, or the error that
    /// the call ends with.
    pub(super) fn decide<R: Retryable>(
        &self,
        request: &R,
        error: Error,
        progress: Progress,
    ) -> Result<Duration, Error> {
        let is_kept =
            error.kind() == ErrorKind::OutcomeUnknown && !request.repeats(self.config.unknown);
        if !error.is_temporary() || is_kept || !request.is_alone() {
            return Err(error);
        }
        if self.config.attempts_max.get() <= progress.tries {
            return Err(error.retry(Hint::Exhausted));
        }
        let delay = match error.retry_hint() {
            Hint::After(delay) => delay,
            _ => {
                let random = &*self.context.random;
                self.config.backoff().delay(progress.tries, random)
            }
        };
        let may_wait = self.may_hold(request, delay)
            && self.has_time(progress, delay)
            && self.budget.withdraw();
        if may_wait {
            self.report(&error, progress, delay);
            return Ok(delay);
        }
        if request.held_until().is_some() {
            self.report(&error, progress, delay);
        }
        Err(self.give_up(request, error.retry(Hint::After(delay)), progress))
    }

    /// Returns the error that the call ends with if a try that begins now would be too late: the
    /// lease has ended, and somebody else has the message, or the total time has passed.
    pub(super) fn too_late<R: Retryable>(
        &self,
        request: &R,
        error: &Error,
        progress: Progress,
    ) -> Option<Error> {
        let now = self.context.clock.now();
        let is_held = request.held_until().is_none_or(|until| now < until);
        let is_in_time = is_held && self.has_time(progress, Duration::ZERO);
        (!is_in_time).then(|| self.give_up(request, error.clone(), progress))
    }

    /// Remembers the tries of a request that is delivered again; another one is exhausted.
    fn give_up<R: Retryable>(&self, request: &R, error: Error, progress: Progress) -> Error {
        if request.held_until().is_none() {
            return error.retry(Hint::Exhausted);
        }
        if let Some(id) = request.redelivered_as() {
            lock(&self.memory).put(id, progress.tries);
        }
        error
    }

    /// Returns true if waiting for `delay` costs no more of a lease than it may.
    fn may_hold<R: Retryable>(&self, request: &R, delay: Duration) -> bool {
        let Some(until) = request.held_until() else {
            return true;
        };
        let end = self.context.clock.now() + delay + self.config.lease_margin;
        delay <= self.config.hold_max && end <= until
    }

    fn has_time(&self, progress: Progress, delay: Duration) -> bool {
        let Some((total_max, began)) = self.config.total_max.zip(progress.began) else {
            return true;
        };
        self.context.clock.now() + delay <= began + total_max
    }

    fn report(&self, error: &Error, progress: Progress, delay: Duration) {
        if let Some(observer) = &self.context.observer {
            let tries = progress.tries;
            let event = Event::Retrying {
                error,
                tries,
                delay,
            };
            observer.observe(self.context.clock.now(), &[event]);
        }
    }
}
