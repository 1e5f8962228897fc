//! What a piece of work took on a processor.

use std::{ops::AddAssign, time::Duration};

use anyhow::Result;
use tokio::runtime::Runtime;

use crate::{
    clock::{Mark, thread_time},
    report::{Unit, rate},
    workload::nanos,
};

/// The figures of a piece of work, by place.
pub(crate) const FIGURES: usize = 2;

/// What the figures are: their units, and what is added to the name of the case.
pub(crate) const SHOWN: [(Unit, &str); FIGURES] = [
    (Unit::MessagesPerSecond, ""),
    (Unit::Nanoseconds, ", processor time a message"),
];

/// Says what the figures mean.
pub(crate) const NOTE: &str = "Rates are by the processor time of the one thread that the client \
     has, so that what else runs on the machine does not count.";

/// Is the time that was spent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    /// That of this thread on a processor; by the clock, where the system does not tell it.
    pub(crate) busy: Duration,
    /// By the clock.
    pub(crate) clock: Duration,
}

impl Spent {
    /// Runs `work` on this thread, and tells what it took.
    pub(crate) fn on<T>(
        runtime: &Runtime,
        work: impl Future<Output = Result<T>>,
    ) -> Result<(T, Self)> {
        let (start, before) = (Mark::now(), thread_time());
        let result = runtime.block_on(work)?;
        let clock = start.elapsed();
        let busy = before.zip(thread_time());
        let busy = busy.map_or(clock, |(before, after)| after.saturating_sub(before));
        Ok((result, Self { busy, clock }))
    }

    /// Returns the figures, for so many messages.
    pub(crate) fn figures(self, messages: usize) -> [f64; FIGURES] {
        let rate = rate(messages, self.busy);
        [rate, nanos(Duration::from_secs(1)) / rate]
    }
}

impl AddAssign for Spent {
    fn add_assign(&mut self, other: Self) {
        self.busy += other.busy;
        self.clock += other.clock;
    }
}
