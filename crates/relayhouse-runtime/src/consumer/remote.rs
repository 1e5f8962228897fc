//! A remote of a consumer that somebody else holds: pause, resume, look.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use relayhouse_core::Source;

use super::{control::Phase, report::Report, shared::Shared};

/// Pauses, resumes and watches a consumer that somebody else holds. A clone is of the same one.
///
/// It neither keeps the consumer running nor ends it, and what the consumer did can be read when
/// that has ended, too.
///
/// ```
/// use relayhouse_runtime::{Running, State};
///
/// # fn program(running: &Running) {
/// let remote = running.remote();
/// remote.pause();
/// assert_eq!(remote.state(), State::Paused);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Remote {
    shared: Arc<Shared>,
}

/// Says what a consumer does.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// It receives.
    Running,
    /// It receives nothing; what it has received still runs.
    Paused,
    /// It lets what runs end.
    Draining,
    /// It has ended.
    Ended,
    /// It cannot go on, and waits for its shutdown.
    Failed,
}

impl State {
    /// Returns its name, in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Draining => "draining",
            Self::Ended => "ended",
            Self::Failed => "failed",
        }
    }
}

impl Remote {
    pub(super) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Stops receiving. What was received still runs. A consumer that drains or has ended stays
    /// as it is.
    pub fn pause(&self) {
        self.shared.control.set_phase(Phase::Paused);
    }

    /// Receives again after a [`pause`](Self::pause). A consumer that drains or has ended stays as
    /// it is.
    pub fn resume(&self) {
        self.shared.control.set_phase(Phase::Running);
    }

    /// Returns what the consumer does.
    #[must_use]
    pub fn state(&self) -> State {
        let control = &self.shared.control;
        match control.phase() {
            Phase::Over => State::Ended,
            Phase::Draining | Phase::Ending => State::Draining,
            Phase::Running | Phase::Paused if control.has_failed() => State::Failed,
            Phase::Running => State::Running,
            Phase::Paused => State::Paused,
        }
    }

    /// Returns what the consumer receives from.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.shared.source
    }

    /// Returns what the consumer did so far.
    #[must_use]
    pub fn report(&self) -> Report {
        self.shared.counts.report()
    }

    /// Returns the most handlers that the consumer runs at a time.
    #[must_use]
    pub fn concurrency(&self) -> NonZeroU32 {
        self.shared.config.concurrency
    }

    /// Returns the longest time for which the consumer keeps a lease, renewals included.
    #[must_use]
    pub fn lease_total_max(&self) -> Duration {
        self.shared.config.lease_total_max
    }
}
