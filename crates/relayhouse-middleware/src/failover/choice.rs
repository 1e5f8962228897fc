//! Which of several endpoints is the fastest: a pure state machine.

use std::{num::NonZeroU32, time::Duration};

/// How much a new measurement counts.
const WEIGHT: f64 = 0.2;

/// Prefers the endpoint that answered the fastest of late, and does not change its mind for little.
#[derive(Debug)]
pub(super) struct Choice {
    preferred: usize,
    /// The seconds that each endpoint took, the latest counting most.
    latencies: Vec<Option<f64>>,
    faster_by: f64,
    explore_every: u64,
    calls: u64,
}

impl Choice {
    pub(super) fn new(endpoints: usize, faster_by: f64, explore_every: NonZeroU32) -> Self {
        Self {
            preferred: 0,
            latencies: vec![None; endpoints],
            faster_by,
            explore_every: explore_every.get().into(),
            calls: 0,
        }
    }

    /// Returns the endpoint for the next call: now and then another than the preferred one, each in
    /// its turn.
    pub(super) fn next(&mut self) -> usize {
        self.calls += 1;
        let others = self.latencies.len().saturating_sub(1);
        if others == 0 || !self.calls.is_multiple_of(self.explore_every) {
            return self.preferred;
        }
        let turn = self.calls / self.explore_every % others as u64;
        let turn = usize::try_from(turn).unwrap_or_default();
        (self.preferred + 1 + turn) % self.latencies.len()
    }

    /// Takes note of how long `endpoint` took to answer.
    pub(super) fn record(&mut self, endpoint: usize, took: Duration) {
        let took = took.as_secs_f64();
        if let Some(latency) = self.latencies.get_mut(endpoint) {
            let before = latency.unwrap_or(took);
            *latency = Some(before + (took - before) * WEIGHT);
        }
        let measured = self.latencies.iter().enumerate();
        let measured = measured.filter_map(|(place, latency)| Some((place, (*latency)?)));
        let fastest = measured.min_by(|(_, one), (_, other)| one.total_cmp(other));
        let preferred = self.latencies.get(self.preferred).copied().flatten();
        if let (Some((place, fastest)), Some(preferred)) = (fastest, preferred)
            && fastest < preferred * (1.0 - self.faster_by)
        {
            self.preferred = place;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn choice(endpoints: usize) -> Choice {
        Choice::new(endpoints, 0.2, NonZeroU32::new(10).unwrap())
    }

    /// Makes `calls` calls to endpoints that take `took`, and counts them.
    fn calls(choice: &mut Choice, took: &[Duration], calls: u32) -> Vec<u32> {
        let mut counts = vec![0; took.len()];
        for _ in 0..calls {
            let endpoint = choice.next();
            counts[endpoint] += 1;
            choice.record(endpoint, took[endpoint]);
        }
        counts
    }

    #[test]
    fn much_faster_one_is_found_and_preferred() {
        let mut choice = choice(3);
        let took = [50 * MS, 40 * MS, 10 * MS];
        calls(&mut choice, &took, 100);
        let counts = calls(&mut choice, &took, 100);
        assert_eq!(counts, [5, 5, 90]);
    }

    #[test]
    fn little_faster_one_changes_nothing() {
        let mut choice = choice(2);
        let counts = calls(&mut choice, &[50 * MS, 41 * MS], 1_000);
        assert_eq!(counts, [900, 100]);
    }

    #[test]
    fn slow_moment_passes_and_slow_times_do_not() {
        let mut choice = choice(2);
        let normal = [20 * MS, 40 * MS];
        calls(&mut choice, &normal, 100);
        calls(&mut choice, &[60 * MS, 40 * MS], 1);
        assert_eq!(calls(&mut choice, &normal, 9), [8, 1]);
        calls(&mut choice, &[200 * MS, 40 * MS], 20);
        assert_eq!(choice.preferred, 1);
        calls(&mut choice, &normal, 200);
        assert_eq!(choice.preferred, 0, "it is measured, and comes back");
    }

    proptest! {
        #[test]
        fn every_choice_is_an_endpoint(endpoints in 1..6_usize, took: Vec<(usize, u32)>) {
            let mut choice = choice(endpoints);
            for (endpoint, micros) in took {
                choice.record(endpoint % endpoints, Duration::from_micros(micros.into()));
                prop_assert!(choice.next() < endpoints);
            }
        }
    }
}
