//! Rates and times, smoothed, out of counts.

use std::time::Duration;

use super::{Observation, whole, wide};

/// What was so long ago counts half.
const HALF_LIFE: Duration = Duration::from_secs(30);
/// Observations that are closer together than this say nothing about a rate.
const APART_MIN: Duration = Duration::from_secs(1);

/// Knows the rate of arrivals, the time of a handler, and how many consumers there are.
#[derive(Debug, Default)]
pub(super) struct Estimate {
    last: Option<Observation>,
    arrival_rate: Option<f64>,
    handler_seconds: Option<f64>,
    consumers_now: Option<f64>,
}

impl Estimate {
    pub(super) fn observe(&mut self, now: &Observation) {
        let Some(last) = self.last else {
            self.last = Some(*now);
            self.consumers_now = peers(now);
            return;
        };
        let apart = now.at.since(last.at);
        if apart < APART_MIN {
            return;
        }
        let weight = 1.0 - 0.5_f64.powf(apart.as_secs_f64() / HALF_LIFE.as_secs_f64());
        if let Some(peers) = peers(now) {
            smooth(&mut self.consumers_now, peers, weight);
        }
        let departed = now.departed.saturating_sub(last.departed);
        let departed = wide(departed) * self.consumers_now.unwrap_or(1.0);
        let grown = wide(live(now)) - wide(live(&last));
        let arrived = (departed + grown).max(0.0);
        smooth(
            &mut self.arrival_rate,
            arrived / apart.as_secs_f64(),
            weight,
        );
        let handled = now.handled.saturating_sub(last.handled);
        if 0 < handled {
            let took = now.handler_time.saturating_sub(last.handler_time);
            let mean = took.as_secs_f64() / wide(handled);
            smooth(&mut self.handler_seconds, mean, weight);
        }
        self.last = Some(*now);
    }

    /// Returns the messages that come in, in a second.
    pub(super) fn arrival_rate(&self) -> f64 {
        self.arrival_rate.unwrap_or(0.0)
    }

    pub(super) const fn handler_seconds(&self) -> Option<f64> {
        self.handler_seconds
    }

    pub(super) fn consumers_now(&self) -> u32 {
        whole(self.consumers_now.unwrap_or(1.0) - 0.5).max(1)
    }
}

/// Returns how many consumers there are, if all have as much in their hands as this one; `None` if
/// that cannot be seen.
fn peers(now: &Observation) -> Option<f64> {
    let leased = now.leased?;
    (0 < now.held).then(|| (wide(leased) / wide(now.held)).max(1.0))
}

/// Counts the messages that are in the queue, leased or not. Where the provider does not tell what
/// is leased, it counts that among the ready ones.
fn live(it: &Observation) -> u64 {
    it.ready + it.delayed + it.leased.unwrap_or(0)
}

fn smooth(value: &mut Option<f64>, new: f64, weight: f64) {
    *value = Some(value.map_or(new, |old| old + (new - old) * weight));
}
