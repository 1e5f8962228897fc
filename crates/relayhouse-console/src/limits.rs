//! How much clients may ask of the console.

use std::time::Duration;

/// Bounds what clients may ask of a console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most connections at a time; 64. Further clients wait until others have gone. It holds
    /// where the console [serves](crate::Console::serve).
    pub connections_max: usize,
    /// The most streams of live updates at a time; 16. Further ones are refused with 503.
    pub streams_max: usize,
    /// The most bytes of a request's body; 4 KiB. More is refused with 413.
    pub body_bytes_max: usize,
    /// How long a request may take until its answer begins; 10 s. It is refused with 408 then.
    pub request_time: Duration,
    /// How long a connection may be without a whole head of a request; 10 s. It is closed then.
    /// It holds where the console [serves](crate::Console::serve).
    pub idle_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 64,
            streams_max: 16,
            body_bytes_max: 4 << 10,
            request_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(10),
        }
    }
}
