//! The arithmetic of an adaptive limit, without time of its own and without waiting.

use std::time::Duration;

use relayhouse_core::Instant;

use super::{AdaptiveConfig, Algorithm, Decision, Reason};
use crate::verdict::Verdict;

/// The least share of a limit that is left after one decision.
const GRADIENT_MIN: f64 = 0.5;
/// What is left of a limit where calls fail.
const FAILURE_CUT: f64 = 0.7;
/// What AIMD leaves of a limit.
const AIMD_CUT: f64 = 0.9;
/// A limit is used up when more than this share of it was in flight.
const USED_SHARE: f64 = 0.8;
/// How much a lower latency than the known one counts.
const BASE_WEIGHT: f64 = 0.2;
/// The least decisions from one measurement of the latency with room to the next. Where calls are
/// few and slow a decision takes longer than that latency is good for, and a limit that did nothing
/// but measure would stay where it is.
const DECISIONS_MIN: u32 = 4;

/// Finds how many calls may be in flight.
#[derive(Debug)]
pub(super) struct Limiter {
    config: AdaptiveConfig,
    limit: f64,
    window: Window,
    phase: Phase,
    /// How long a call takes when the service has room, in seconds.
    base: Option<f64>,
    /// When that was measured last.
    probed_at: Instant,
    /// The decisions since.
    decisions: u32,
    /// The greatest limit since.
    limit_max: f64,
    decision: Decision,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    WarmUp,
    Steady,
    Probing { resume: f64 },
}

/// Is one call that has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) began: Instant,
    pub(super) ended: Instant,
    pub(super) verdict: Verdict,
    /// The calls that were in flight when it ended, itself included.
    pub(super) in_flight: u64,
}

/// Gathers the calls that one decision is made of.
#[derive(Debug)]
struct Window {
    began: Instant,
    samples: u32,
    failures: u32,
    /// The latency of those that did not fail, together.
    latency: Duration,
    in_flight_max: u64,
}

impl Limiter {
    pub(super) fn new(config: AdaptiveConfig, now: Instant) -> Self {
        let ceiling = config.ceiling.max(config.floor);
        let limit = config.initial.clamp(config.floor, ceiling).get();
        Self {
            limit: limit.into(),
            window: Window::new(now),
            phase: Phase::WarmUp,
            base: None,
            probed_at: now,
            decisions: 0,
            limit_max: limit.into(),
            decision: Decision {
                at: now,
                before: limit,
                limit,
                reason: Reason::Start,
                latency: None,
                base: None,
                samples: 0,
                failures: 0,
            },
            config,
        }
    }

    /// Returns how many calls may be in flight.
    pub(super) fn limit(&self) -> u32 {
        self.decision.limit
    }

    pub(super) fn explain(&self) -> Decision {
        self.decision
    }

    /// Learns how a call ended, and returns true if the limit has changed.
    pub(super) fn record(&mut self, sample: Sample) -> bool {
        // What began before the last decision tells of the limit before it.
        if sample.began < self.window.began {
            return false;
        }
        self.window.add(sample);
        let is_over = self.window.began + self.config.window <= sample.ended
            && self.config.samples_min.get() <= self.window.samples;
        if !is_over {
            return false;
        }
        let before = self.limit();
        let reason = self.decide(sample.ended);
        self.settle(sample.ended, before, reason);
        before != self.limit()
    }

    fn decide(&mut self, now: Instant) -> Reason {
        let failures = f64::from(self.window.failures);
        let failures_max = self.config.failure_share * f64::from(self.window.samples);
        if failures_max < failures {
            self.phase = Phase::Steady;
            self.limit *= FAILURE_CUT;
            return Reason::Failures;
        }
        let Some(latency) = self.window.mean() else {
            return Reason::Kept;
        };
        match self.config.algorithm {
            Algorithm::Gradient => self.follow_gradient(now, latency),
            Algorithm::Aimd => self.follow_aimd(latency),
        }
    }

    fn follow_gradient(&mut self, now: Instant, latency: f64) -> Reason {
        if let Phase::Probing { resume } = self.phase {
            self.phase = Phase::Steady;
            self.limit = resume;
            self.probed(now, latency);
            return Reason::Probed;
        }
        let base = self.base.map_or(latency, |base| {
            base + BASE_WEIGHT * (latency - base).min(0.0)
        });
        self.base = Some(base);
        let tolerance = self.config.tolerance.max(1.0);
        let gradient = (tolerance * base / latency).clamp(GRADIENT_MIN, 1.0);
        let has_room = 1.0 <= gradient;
        if self.phase == Phase::WarmUp && has_room {
            return self.grow(self.limit, Reason::WarmUp);
        }
        self.phase = Phase::Steady;
        self.decisions = self.decisions.saturating_add(1);
        let is_old = self.probed_at + self.config.probe_every <= now;
        // A limit that has fallen far may have done so for a base that is out of date.
        let has_fallen = self.limit <= self.limit_max / 2.0;
        let is_due = has_fallen || (is_old && DECISIONS_MIN <= self.decisions);
        if is_due && !self.is_used(0.5) {
            self.probed(now, latency);
            return Reason::Kept;
        }
        if is_due {
            let resume = self.limit * gradient;
            self.phase = Phase::Probing { resume };
            self.limit = resume / 2.0;
            return Reason::Probing;
        }
        let headroom = (self.limit.sqrt() / 2.0).max(1.0);
        if has_room {
            return self.grow(headroom, Reason::Grew);
        }
        let target = self.limit * gradient + headroom;
        if self.limit <= target {
            return Reason::Kept;
        }
        self.limit = target;
        Reason::Slower
    }

    /// Takes `latency` for that of a service with room.
    fn probed(&mut self, now: Instant, latency: f64) {
        self.base = Some(latency);
        self.probed_at = now;
        self.decisions = 0;
        self.limit_max = self.limit;
    }

    fn follow_aimd(&mut self, latency: f64) -> Reason {
        let latency_max = self.config.latency_max;
        let is_slow = latency_max.is_some_and(|max| max.as_secs_f64() < latency);
        if is_slow {
            self.phase = Phase::Steady;
            self.limit *= AIMD_CUT;
            return Reason::Slower;
        }
        match self.phase {
            Phase::WarmUp => self.grow(self.limit, Reason::WarmUp),
            Phase::Steady | Phase::Probing { .. } => self.grow(1.0, Reason::Grew),
        }
    }

    /// Grows by `step`, unless what is there already is not used up.
    fn grow(&mut self, step: f64, reason: Reason) -> Reason {
        if !self.is_used(USED_SHARE) {
            return Reason::Kept;
        }
        self.limit += step;
        reason
    }

    /// Returns true if more than `share` of the limit was in flight: of the whole number that calls
    /// were held to, since of 1.4 no one call is more than 0.8.
    fn is_used(&self, share: f64) -> bool {
        let used = f64::from(u32::try_from(self.window.in_flight_max).unwrap_or(u32::MAX));
        share * f64::from(self.limit()) < used
    }

    /// Keeps the limit within its bounds, notes the decision, and begins the next window.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number between floor and ceiling"
    )]
    fn settle(&mut self, now: Instant, before: u32, reason: Reason) {
        let floor = f64::from(self.config.floor.get());
        let ceiling = f64::from(self.config.ceiling.get()).max(floor);
        self.limit = self.limit.clamp(floor, ceiling);
        self.limit_max = self.limit_max.max(self.limit);
        self.decision = Decision {
            at: now,
            before,
            limit: self.limit.round() as u32,
            reason,
            latency: self.window.mean().map(Duration::from_secs_f64),
            base: self.base.map(Duration::from_secs_f64),
            samples: self.window.samples,
            failures: self.window.failures,
        };
        self.window = Window::new(now);
    }
}

impl Window {
    const fn new(began: Instant) -> Self {
        Self {
            began,
            samples: 0,
            failures: 0,
            latency: Duration::ZERO,
            in_flight_max: 0,
        }
    }

    fn add(&mut self, sample: Sample) {
        self.samples += 1;
        self.in_flight_max = self.in_flight_max.max(sample.in_flight);
        if sample.verdict == Verdict::Failure {
            self.failures += 1;
        } else {
            self.latency += sample.ended.since(sample.began);
        }
    }

    /// Returns the mean latency in seconds, never zero, of the calls that did not fail.
    fn mean(&self) -> Option<f64> {
        let count = self.samples - self.failures;
        (0 < count).then(|| (self.latency.as_secs_f64() / f64::from(count)).max(f64::EPSILON))
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// Feeds a limiter with calls of a service whose latency is known.
    struct Feed {
        limiter: Limiter,
        now: Instant,
    }

    fn config(algorithm: Algorithm) -> AdaptiveConfig {
        AdaptiveConfig {
            algorithm,
            latency_max: Some(Duration::from_millis(15)),
            ..AdaptiveConfig::default()
        }
    }

    impl Feed {
        fn new(config: AdaptiveConfig) -> Self {
            Self {
                limiter: Limiter::new(config, Instant::START),
                now: Instant::START,
            }
        }

        /// Makes one decision of calls that each take `millis`, with `used` in flight.
        fn decide(&mut self, millis: u64, verdict: Verdict, used: u64) -> Decision {
            let latency = Duration::from_millis(millis);
            let earlier = self.limiter.explain();
            while self.limiter.explain() == earlier {
                self.now = self.now + Duration::from_millis(10);
                self.limiter.record(Sample {
                    began: self.now,
                    ended: self.now + latency,
                    verdict,
                    in_flight: used,
                });
            }
            self.now = self.now + latency;
            self.limiter.explain()
        }

        fn full(&mut self, millis: u64) -> Decision {
            let used = self.limiter.limit().into();
            self.decide(millis, Verdict::Success, used)
        }
    }

    #[test]
    fn limit_doubles_until_calls_take_longer() {
        for algorithm in [Algorithm::Gradient, Algorithm::Aimd] {
            let mut feed = Feed::new(config(algorithm));
            let limits = [(); 3].map(|()| feed.full(10).limit);
            assert_eq!(limits, [8, 16, 32]);
            let decision = feed.full(20);
            assert_eq!(decision.reason, Reason::Slower);
            assert!(decision.limit < 32);
            // It is no longer new.
            assert!(feed.full(10).limit <= 32);
        }
    }

    #[test]
    fn failures_shrink_the_limit() {
        let mut feed = Feed::new(config(Algorithm::Gradient));
        for _ in 0..4 {
            feed.full(10);
        }
        let decision = feed.decide(1, Verdict::Failure, 64);
        assert_eq!(decision.reason, Reason::Failures);
        assert_eq!((decision.before, decision.limit), (64, 45));
        assert_eq!(decision.failures, decision.samples);
        assert_eq!(decision.latency, None);
    }

    #[test]
    fn limit_that_is_not_used_up_stays() {
        let mut feed = Feed::new(config(Algorithm::Gradient));
        let decision = feed.decide(10, Verdict::Success, 1);
        assert_eq!((decision.reason, decision.limit), (Reason::Kept, 4));
    }

    /// A service that is slower by itself is not a crowded one, and is found out by probing.
    #[test]
    fn slower_service_is_not_taken_for_a_crowded_one() {
        let mut feed = Feed::new(config(Algorithm::Gradient));
        for _ in 0..4 {
            feed.full(10);
        }
        let before = feed.limiter.limit();
        let reasons: Vec<Reason> = (0..40).map(|_| feed.full(40).reason).collect();
        assert!(reasons.contains(&Reason::Probed));
        let base = feed.limiter.explain().base.unwrap();
        assert_eq!(base, Duration::from_millis(40));
        assert!(before / 2 < feed.limiter.limit());
    }

    /// Calls that began before a decision tell of the limit before it.
    #[test]
    fn calls_from_before_a_decision_do_not_count() {
        let mut limiter = Limiter::new(config(Algorithm::Gradient), Instant::START);
        let sample = |began: u64, ended: u64| Sample {
            began: Instant::START + Duration::from_millis(began),
            ended: Instant::START + Duration::from_millis(ended),
            verdict: Verdict::Success,
            in_flight: 4,
        };
        let mut record = |count, sample| (0..count).filter(|_| limiter.record(sample)).count();
        assert_eq!(record(20, sample(90, 100)), 1);
        assert_eq!(record(100, sample(90, 1_000)), 0);
        assert_eq!(limiter.explain().reason, Reason::WarmUp);
    }

    /// Few slow calls take longer to decide than the latency is good for.
    #[test]
    fn limit_of_few_slow_calls_grows_again() {
        let mut feed = Feed::new(config(Algorithm::Gradient));
        while 1 < feed.limiter.limit() {
            feed.decide(1, Verdict::Failure, 4);
        }
        let limits = (0..20).map(|_| feed.full(6_000));
        let limits: Vec<_> = limits.map(|it| (it.reason, it.limit)).collect();
        let probes = limits.iter().filter(|(it, _)| *it == Reason::Probed);
        assert!((2..6).contains(&probes.count()), "{limits:?}");
        assert!(4 < feed.limiter.limit(), "{limits:?}");
    }

    #[test]
    fn decision_is_explained_in_words() {
        let mut feed = Feed::new(config(Algorithm::Gradient));
        feed.full(10);
        let text = feed.full(20).to_string();
        let expected = "limit 8 -> 7: calls take longer; 20 calls took 20.0ms on average, \
                        10.0ms with room";
        assert_eq!(text, expected);
    }

    proptest! {
        /// Whatever calls tell, the limit stays within floor and ceiling.
        #[test]
        fn limit_stays_between_floor_and_ceiling(
            calls in vec((0..5_000_u64, 0..3_u8, 0..1_000_u64), 1..500),
            floor in 1..20_u32,
            above in 0..200_u32,
            tolerance in prop_oneof![Just(f64::NAN), Just(0.0), Just(1.3), Just(f64::INFINITY)],
            is_gradient: bool,
        ) {
            let algorithm = if is_gradient { Algorithm::Gradient } else { Algorithm::Aimd };
            let nonzero = |number| NonZeroU32::new(number).unwrap();
            let config = AdaptiveConfig {
                floor: nonzero(floor),
                ceiling: nonzero(floor + above),
                samples_min: NonZeroU32::MIN,
                tolerance,
                ..config(algorithm)
            };
            let mut limiter = Limiter::new(config, Instant::START);
            let mut now = Instant::START;
            for (millis, verdict, in_flight) in calls {
                let verdict = [Verdict::Success, Verdict::Failure, Verdict::Neutral]
                    [usize::from(verdict)];
                let began = now;
                now = now + Duration::from_millis(millis);
                limiter.record(Sample { began, ended: now, verdict, in_flight });
                prop_assert!((floor..=floor + above).contains(&limiter.limit()));
            }
        }
    }
}
