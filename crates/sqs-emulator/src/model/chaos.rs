//! How much worse than they must the queues behave: all within what SQS allows itself.

/// What SQS says may happen, and how often it does here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chaos {
    /// How many of the messages sent to a standard queue are kept twice, out of 1.
    pub(crate) duplicates: f64,
    /// Among how many of the oldest messages a standard queue picks the next.
    pub(crate) reordering: usize,
    /// How many messages of a queue may be in flight.
    pub(crate) in_flight_max: usize,
}

impl Default for Chaos {
    fn default() -> Self {
        Self {
            duplicates: 0.0,
            reordering: 1,
            in_flight_max: 120_000,
        }
    }
}
