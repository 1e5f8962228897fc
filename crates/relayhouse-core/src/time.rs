//! Time as a port: an instant of a clock, the machine's time, a wall-clock time, and the clock
//! itself.

use std::{
    fmt::{self, Debug, Display},
    future::Future,
    ops::{Add, Sub},
    pin::Pin,
    str::FromStr,
    time::{Duration, SystemTime},
};

use crate::error::{Error, ErrorKind, Result};

/// Ends when the instant that was asked for has come.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Tells the time and wakes: nobody reads or waits by another clock than the one given.
///
/// A simulation that pauses or jumps its clock moves leases, renewals and back-off together.
pub trait Clock: Debug + Send + Sync {
    /// Returns the current instant, which never goes back.
    fn now(&self) -> Instant;

    /// Returns the current wall-clock time, which may jump either way.
    fn wall(&self) -> Timestamp;

    /// Returns the time as the machine counts it, which is the same for all processes that run on
    /// it and does not jump with the wall clock: `None` where the machine does not tell.
    ///
    /// It moves with [`now`](Self::now). What programs share on one machine is timed by it.
    fn machine(&self) -> Option<MachineTime>;

    /// Returns a future that ends at `deadline`: at once if that is past, never at
    /// [`Instant::NEVER`].
    ///
    /// Dropping the future cancels the wake-up.
    fn sleep_until(&self, deadline: Instant) -> Sleep;
}

/// Marks a point on one clock, in nanoseconds since that clock's start.
///
/// Instants of different clocks do not compare.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The start of the clock.
    pub const START: Self = Self(0);

    /// Later than every other instant: the end of a lease that has none.
    pub const NEVER: Self = Self(u64::MAX);

    /// Makes the instant that is `nanos` nanoseconds after the clock's start.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// Returns the nanoseconds since the clock's start.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Returns how long after `earlier` this is: zero if it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Returns the nanoseconds of `time`, at most those that fit: it is on the hottest of paths.
const fn nanos(time: Duration) -> u64 {
    const PER_SECOND: u64 = 1_000_000_000;
    let seconds = time.as_secs().saturating_mul(PER_SECOND);
    seconds.saturating_add(time.subsec_nanos() as u64)
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// Adds, and stops at [`Instant::NEVER`].
    fn add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(nanos(by)))
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    /// Subtracts, and stops at [`Instant::START`]; `NEVER` stays `NEVER`.
    fn sub(self, by: Duration) -> Self {
        if self == Self::NEVER {
            return self;
        }
        Self(self.0.saturating_sub(nanos(by)))
    }
}

impl Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NEVER {
            return f.write_str("Instant::NEVER");
        }
        write!(f, "Instant({:?})", Duration::from_nanos(self.0))
    }
}

/// Marks a point on the clock that a machine started when it was started itself.
///
/// Points of different boots do not compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MachineTime {
    /// Which boot of which machine: no other has the same, of this machine or of any.
    pub boot: [u8; 16],
    /// How long the machine has counted since then; it may leave out the time it slept.
    pub since: Duration,
}

/// Marks a wall-clock time, in microseconds since 1970-01-01 00:00 UTC.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// Makes the time that is `micros` microseconds after 1970-01-01 00:00 UTC.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Returns the microseconds since 1970-01-01 00:00 UTC.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Returns how long after `earlier` this is: zero if it is not after it.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, by: Duration) -> Self {
        let micros = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(micros))
    }
}

impl From<SystemTime> for Timestamp {
    /// Converts, and takes a time before 1970 for 1970.
    fn from(time: SystemTime) -> Self {
        let since = time
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Self::default() + since
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        Self::UNIX_EPOCH + Duration::from_micros(time.0)
    }
}

impl Display for Timestamp {
    /// Prints RFC 3339 in UTC with microseconds, or the bare number after the year 9999.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const YEAR_10000_MICROS: u64 = 253_402_300_800_000_000;
        if self.0 < YEAR_10000_MICROS {
            let time = humantime::format_rfc3339_micros(SystemTime::from(*self));
            return Display::fmt(&time, f);
        }
        Display::fmt(&self.0, f)
    }
}

impl FromStr for Timestamp {
    type Err = Error;

    /// Reads RFC 3339 in UTC; a time before 1970 is taken for 1970.
    fn from_str(text: &str) -> Result<Self> {
        match humantime::parse_rfc3339(text) {
            Ok(time) => Ok(time.into()),
            Err(error) => {
                let rule = "a time is written as RFC 3339 has it, in UTC";
                Err(Error::new(ErrorKind::MessageInvalid, rule).with_source(error))
            }
        }
    }
}

impl Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn never_is_the_end() {
        let hour = Duration::from_secs(3600);
        assert_eq!(Instant::NEVER + hour, Instant::NEVER);
        assert_eq!(Instant::NEVER - hour, Instant::NEVER);
        assert_eq!(Instant::START + Duration::MAX, Instant::NEVER);
        assert_eq!(Instant::START - hour, Instant::START);
    }

    #[test]
    fn timestamp_prints_rfc_3339() {
        let time = Timestamp::from_micros(1_700_000_000_123_456);
        assert_eq!(time.to_string(), "2023-11-14T22:13:20.123456Z");
        assert_eq!("2023-11-14T22:13:20.123456Z".parse().ok(), Some(time));
        assert!("yesterday".parse::<Timestamp>().is_err());
        assert_eq!(
            Timestamp::from_micros(u64::MAX).to_string(),
            u64::MAX.to_string()
        );
    }

    #[test]
    fn timestamp_survives_system_time() {
        let time = Timestamp::from_micros(1_700_000_000_123_456);
        assert_eq!(Timestamp::from(SystemTime::from(time)), time);
    }
}
