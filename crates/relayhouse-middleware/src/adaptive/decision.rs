//! What a limiter decided last, and why.

use std::{
    fmt::{self, Display},
    time::Duration,
};

use relayhouse_core::Instant;

/// Explains the latest decision about a limit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    /// When it was made.
    pub at: Instant,
    /// The limit before.
    pub before: u32,
    /// The limit since.
    pub limit: u32,
    /// Why.
    pub reason: Reason,
    /// How long the calls took on average that did not fail, if there were any.
    pub latency: Option<Duration>,
    /// How long a call takes when the service has room, if that is known.
    pub base: Option<Duration>,
    /// The calls that it was made of.
    pub samples: u32,
    /// Those of them that failed.
    pub failures: u32,
}

/// Says why a limit was changed or kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Nothing was decided yet.
    Start,
    /// It doubled, since the service had room: it is still new.
    WarmUp,
    /// It grew, since all of it was used and the service had room.
    Grew,
    /// It stayed, since it was not used up, or is what fits.
    Kept,
    /// It fell, since calls took longer than they do when the service has room.
    Slower,
    /// It fell, since too many calls failed.
    Failures,
    /// It is halved for a moment, to measure how long calls take when the service has room.
    Probing,
    /// It is what it was before such a measurement.
    Probed,
}

impl Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            at: _,
            before,
            limit,
            reason,
            latency,
            base,
            samples,
            failures,
        } = self;
        write!(f, "limit {before} -> {limit}: {reason}")?;
        if let Some(latency) = latency {
            write!(f, "; {samples} calls took {latency:.1?} on average")?;
        }
        if let Some(base) = base {
            write!(f, ", {base:.1?} with room")?;
        }
        if 0 < *failures {
            write!(f, "; {failures} of {samples} failed")?;
        }
        Ok(())
    }
}

impl Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start => "nothing is known yet",
            Self::WarmUp => "the service has room, and is new",
            Self::Grew => "the service has room",
            Self::Kept => "it is not used up, or fits",
            Self::Slower => "calls take longer",
            Self::Failures => "calls fail",
            Self::Probing => "to measure calls with room",
            Self::Probed => "calls with room are measured",
        })
    }
}
