//! How many consumers a queue needs: Little's law over what was observed, damped.
//!
//! Nothing here reads a clock or asks a provider: figures go in, an [`Advice`] comes out.
//! The time of a batch handler counts for each delivery of its batch: the advice for a consumer of
//! batches is too high by as much as its batches are full.

mod estimate;
#[cfg(test)]
mod tests;

use std::{collections::VecDeque, time::Duration};

use relayhouse_core::Instant;
use serde::Serialize;

use self::estimate::Estimate;

/// The share of a consumer's handlers that is to be busy: the rest is for what comes in bursts.
const BUSY_SHARE: f64 = 0.8;
/// What is needed has to be above the advice by this factor before the advice grows.
const UP_FACTOR: f64 = 1.05;
/// The advice has to be above what is needed by this factor before it shrinks.
const DOWN_FACTOR: f64 = 1.1;
/// An advice at most doubles in this time, so that consumers can start before more are asked for.
const UP_EVERY: Duration = Duration::from_secs(15);
/// An advice may grow by as many at any time.
const UP_STEP: u32 = 4;
/// The needs that are remembered while the advice is held.
const NEEDS_MAX: u32 = 64;

/// Says how consumers are counted out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScaleConfig {
    /// The fewest consumers; 1.
    pub consumers_min: u32,
    /// The most consumers; 100.
    pub consumers_max: u32,
    /// The time in which a backlog is to be worked off; 1 min.
    pub backlog_time: Duration,
    /// How long fewer consumers must have been enough before fewer are advised; 2 min.
    pub hold: Duration,
}

impl Default for ScaleConfig {
    fn default() -> Self {
        Self {
            consumers_min: 1,
            consumers_max: 100,
            backlog_time: Duration::from_secs(60),
            hold: Duration::from_secs(120),
        }
    }
}

/// Is what one consumer and its provider know at one time; counts are since the consumer's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation {
    /// When it was.
    pub at: Instant,
    /// Messages that wait in the queue and are due.
    pub ready: u64,
    /// Messages that are held back.
    pub delayed: u64,
    /// Messages that anybody has leased; `None` if the provider does not tell.
    pub leased: Option<u64>,
    /// Messages that this consumer has leased: that run, or wait for a handler.
    pub held: u64,
    /// Messages that this consumer acked or dead-lettered.
    pub departed: u64,
    /// Handlers of this consumer that ended.
    pub handled: u64,
    /// The time that those took, together.
    pub handler_time: Duration,
    /// The most handlers that this consumer runs at a time.
    pub concurrency: u32,
    /// The most messages of the queue that may be leased at a time; `None` without a limit.
    pub in_flight_max: Option<u32>,
    /// The longest time for which a lease is kept.
    pub lease_total_max: Duration,
}

/// Is how many consumers a queue needs, and why.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Advice {
    /// The consumers: programs like this one, each with its concurrency.
    pub consumers: u32,
    /// Messages that come in, in a second.
    pub arrival_rate: f64,
    /// How long a handler takes, in seconds; `None` before one has ended.
    pub handler_seconds: Option<f64>,
    /// Consumers that work now, this one among them, as far as leases tell.
    pub consumers_now: u32,
    /// What keeps the advice from what the load alone would need; `None` if nothing does.
    pub limited_by: Option<Limit>,
}

/// Is what keeps an advice from what the load alone would need.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// The most consumers that are configured.
    ConsumersMax,
    /// The leases that the provider gives at a time: more consumers would get none.
    InFlightMax,
    /// Handlers outlive their leases: more consumers would repeat more, and finish nothing.
    LeaseTime,
}

/// Turns observations into advice.
///
/// What is needed follows Little's law: the handlers that are busy are the rate of arrivals times
/// the time of a handler. To the arrivals counts a backlog, spread over the time in which it is to
/// be worked off. Rates and times are smoothed; the advice grows at once, but at most doubles in
/// 15 seconds, and shrinks to the most that was needed within the configured time.
///
/// ```
/// use std::time::Duration;
///
/// use relayhouse_console::scale::{Observation, ScaleConfig, Scaler};
/// use relayhouse_core::Instant;
///
/// let mut scaler = Scaler::new(ScaleConfig::default());
/// let mut now = Observation {
///     at: Instant::START,
///     ready: 0,
///     delayed: 0,
///     leased: Some(16),
///     held: 16,
///     departed: 0,
///     handled: 0,
///     handler_time: Duration::ZERO,
///     concurrency: 16,
///     in_flight_max: None,
///     lease_total_max: Duration::from_secs(3600),
/// };
/// assert_eq!(scaler.observe(&now).consumers, 1);
/// // A minute later: 960 messages are done in a second each, and 1,920 more wait.
/// now.at = now.at + Duration::from_secs(60);
/// (now.departed, now.handled, now.ready) = (960, 960, 1920);
/// now.handler_time = Duration::from_secs(960);
/// assert_eq!(scaler.observe(&now).consumers, 5);
/// ```
#[derive(Debug)]
pub struct Scaler {
    config: ScaleConfig,
    estimate: Estimate,
    /// The last advice.
    consumers: u32,
    grown_at: Instant,
    /// What was needed lately, from the oldest to the newest, without what a newer one exceeds.
    needs: VecDeque<(Instant, f64)>,
}

impl Scaler {
    /// Makes a scaler that has seen nothing, and advises the fewest consumers.
    #[must_use]
    pub fn new(config: ScaleConfig) -> Self {
        Self {
            config,
            estimate: Estimate::default(),
            consumers: config.consumers_min,
            grown_at: Instant::START,
            needs: VecDeque::new(),
        }
    }

    /// Takes note of `now`, and advises. Observations come in the order of time.
    pub fn observe(&mut self, now: &Observation) -> Advice {
        self.estimate.observe(now);
        let need = self.need(now);
        let (need, limited_by) = self.limited(need, now);
        self.damp(now.at, need);
        Advice {
            consumers: self.consumers,
            arrival_rate: self.estimate.arrival_rate(),
            handler_seconds: self.estimate.handler_seconds(),
            consumers_now: self.estimate.consumers_now(),
            limited_by,
        }
    }

    /// Returns the consumers that the load needs, by Little's law.
    fn need(&self, now: &Observation) -> f64 {
        // Nothing was handled yet, so nobody knows what a message costs.
        let Some(handler_seconds) = self.estimate.handler_seconds() else {
            return f64::from(self.consumers);
        };
        let backlog_seconds = self.config.backlog_time.as_secs_f64().max(1.0);
        let rate = self.estimate.arrival_rate() + wide(now.ready) / backlog_seconds;
        let busy = rate * handler_seconds;
        busy / (f64::from(now.concurrency.max(1)) * BUSY_SHARE)
    }

    /// Bounds `need` by what leases and the configuration allow.
    fn limited(&self, need: f64, now: &Observation) -> (f64, Option<Limit>) {
        let lease_seconds = now.lease_total_max.as_secs_f64();
        let outlives = self
            .estimate
            .handler_seconds()
            .is_some_and(|seconds| lease_seconds <= seconds);
        let here = f64::from(self.consumers);
        if outlives && here < need {
            return (here, Some(Limit::LeaseTime));
        }
        let in_flight = now.in_flight_max.map_or(f64::INFINITY, |max| {
            f64::from((max / now.concurrency.max(1)).max(1))
        });
        let most = f64::from(self.config.consumers_max);
        if in_flight < need && in_flight <= most {
            return (in_flight, Some(Limit::InFlightMax));
        }
        if most < need {
            return (most, Some(Limit::ConsumersMax));
        }
        (need, None)
    }

    /// Moves the advice towards `need`.
    fn damp(&mut self, at: Instant, need: f64) {
        let lately = self.remember(at, need);
        let wanted = whole(need).clamp(self.config.consumers_min, self.config.consumers_max);
        if self.consumers < wanted && f64::from(self.consumers) * UP_FACTOR < need {
            self.grow(at, wanted);
            return;
        }
        let enough = whole(lately * DOWN_FACTOR);
        let enough = enough.clamp(self.config.consumers_min, self.config.consumers_max);
        self.consumers = self.consumers.min(enough);
    }

    fn grow(&mut self, at: Instant, wanted: u32) {
        let is_due = self.grown_at == Instant::START || self.grown_at + UP_EVERY <= at;
        if !is_due {
            return;
        }
        let most = self.consumers.saturating_mul(2);
        let most = most.max(self.consumers.saturating_add(UP_STEP));
        self.consumers = wanted.min(most);
        self.grown_at = at;
    }

    /// Remembers `need`, and returns the most that was needed within the time that advice is held.
    fn remember(&mut self, at: Instant, need: f64) -> f64 {
        let hold = self.config.hold;
        let is_old = |since: &Instant| hold < at.since(*since);
        while self.needs.front().is_some_and(|(since, _)| is_old(since)) {
            self.needs.pop_front();
        }
        while self.needs.back().is_some_and(|(_, other)| *other <= need) {
            self.needs.pop_back();
        }
        // Needs that shrink steadily share a place: that of the first and greatest of them.
        let last = self.needs.back();
        let is_close = last.is_some_and(|(since, _)| at.since(*since) < hold / NEEDS_MAX);
        if !is_close {
            self.needs.push_back((at, need));
        }
        self.needs.front().map_or(need, |(_, most)| *most)
    }
}

/// Rounds up to a whole number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float stops at the bounds of the number"
)]
fn whole(value: f64) -> u32 {
    value.ceil() as u32
}

/// Makes a float of a count.
#[expect(
    clippy::cast_precision_loss,
    reason = "nobody counts messages to the last of 2^53"
)]
const fn wide(count: u64) -> f64 {
    count as f64
}
