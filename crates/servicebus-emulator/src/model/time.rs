//! Points in time, as Service Bus counts them.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A number of milliseconds since the Unix epoch, which is what AMQP's timestamps are.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Time(u64);

impl Time {
    /// The latest time that .NET knows, the end of the year 9999, which stands for "never".
    pub const MAX: Self = Self(253_402_300_799_999);

    /// Makes a time of milliseconds since the Unix epoch; what is later than [`MAX`](Self::MAX)
    /// is that.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        if millis < Self::MAX.0 {
            Self(millis)
        } else {
            Self::MAX
        }
    }

    /// Returns the milliseconds since the Unix epoch.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// Returns the time that is `by` later, at most [`MAX`](Self::MAX).
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        Self::from_millis(self.0.saturating_add(by))
    }

    /// Returns how much later this is than `other`, and nothing if it is earlier.
    #[must_use]
    pub const fn since(self, other: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(other.0))
    }
}
