//! In what a queue may differ from the model, and still agree with it.

use std::time::Duration;

use super::{operation::delay, queue::LEASE};

/// Says in what the queues of a target differ from the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// In nothing.
    #[default]
    Exact,
    /// They round times up to whole seconds, count what was released with a delay among the leased,
    /// and purge by and by, so that the model leaves purges out.
    Seconds,
}

impl Shape {
    pub(super) const fn purges(self) -> bool {
        matches!(self, Self::Exact)
    }

    pub(super) const fn leases_what_it_holds_back(self) -> bool {
        matches!(self, Self::Seconds)
    }

    /// The time that a lease takes.
    pub(super) const fn lease(self) -> Duration {
        self.rounded(LEASE)
    }

    /// The time that a delay takes.
    pub(super) const fn delay(self, seconds: u8) -> Duration {
        self.rounded(delay(seconds))
    }

    const fn rounded(self, time: Duration) -> Duration {
        match self {
            Self::Exact => time,
            Self::Seconds => Duration::from_secs(time.as_secs() + 1),
        }
    }

    /// The time that passes. The fractions of up to 99 passes in a row add up to no whole second,
    /// so that no operation happens when something ends that began with another.
    pub(super) const fn pass(self, seconds: u8) -> Duration {
        let millis = match self {
            Self::Exact => 0,
            Self::Seconds => 370,
        };
        Duration::from_millis(1_000 * seconds as u64 + millis)
    }
}
