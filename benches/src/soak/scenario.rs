//! What is sent, when, and how it is handled: a file of `benches/targets/scenarios/`.

use std::{num::NonZeroU32, time::Duration};

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum;
use relayhouse_core::config::{duration, duration_option};
use serde::Deserialize;

const MINUTE: Duration = Duration::from_secs(60);

/// Where a peak begins within its minute.
const PEAK_FROM: Duration = Duration::from_secs(30);

/// What sums of intervals may be off by, in seconds: a burst that is due so soon before the end would
/// be one too many.
const GRAIN: f64 = 1e-6;

/// The bytes of a body that say which message it is and when it was due.
pub(super) const STAMP_BYTES: usize = 16;

/// Names a scenario.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Name {
    /// Orders that come one at a time, with a peak in each minute.
    Orders,
    /// Mail of campaigns, a hundred letters at a time.
    #[default]
    Mail,
    /// Videos, whose handlers take longer than a lease.
    Video,
}

/// Describes a scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Scenario {
    pub(super) about: String,
    /// Messages a second.
    pub(super) rate: f64,
    pub(super) body_bytes: usize,
    /// The messages that are due at the same time, and sent by one call.
    pub(super) burst: NonZeroU32,
    /// How long a handler takes.
    #[serde(deserialize_with = "duration")]
    pub(super) work: Duration,
    /// How long one may take.
    #[serde(deserialize_with = "duration")]
    pub(super) time_limit: Duration,
    /// The lease to ask for; what the queue gives.
    #[serde(default, deserialize_with = "duration_option")]
    pub(super) lease: Option<Duration>,
    pub(super) handlers_per_core: NonZeroU32,
    /// Of so many messages, one is dead-lettered by its handler; none.
    pub(super) reject_one_in: Option<NonZeroU32>,
    pub(super) peak: Option<Peak>,
    #[serde(default)]
    pub(super) goals: Goals,
}

/// Describes what comes in a part of each minute.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Peak {
    /// Messages a second.
    pub(super) rate: f64,
    #[serde(deserialize_with = "duration")]
    pub(super) lasts: Duration,
}

/// Holds what this scenario asks beside the targets.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Goals {
    /// The mean time until a message was handled.
    #[serde(default, deserialize_with = "duration_option")]
    pub(super) mean_max: Option<Duration>,
    /// The share of messages that were acked.
    pub(super) success_min: Option<f64>,
}

impl Name {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Mail => "mail",
            Self::Video => "video",
        }
    }

    /// Reads the scenario of this name.
    pub(super) fn read(self) -> Result<Scenario> {
        let text = match self {
            Self::Orders => include_str!("../../targets/scenarios/orders.toml"),
            Self::Mail => include_str!("../../targets/scenarios/mail.toml"),
            Self::Video => include_str!("../../targets/scenarios/video.toml"),
        };
        Scenario::parse(text).with_context(|| format!("scenario {}", self.text()))
    }
}

impl Scenario {
    fn parse(text: &str) -> Result<Self> {
        let scenario: Self = toml::from_str(text)?;
        let rates = [Some(scenario.rate), scenario.peak.map(|peak| peak.rate)];
        for rate in rates.into_iter().flatten() {
            ensure!(rate.is_finite() && 0.0 < rate, "a rate of {rate}");
        }
        ensure!(
            STAMP_BYTES <= scenario.body_bytes,
            "a body has at least {STAMP_BYTES} bytes"
        );
        Ok(scenario)
    }

    /// Replaces the rates by one, without a peak.
    pub(super) fn at_rate(mut self, rate: f64) -> Result<Self> {
        ensure!(rate.is_finite() && 0.0 < rate, "a rate of {rate}");
        self.rate = rate;
        self.peak = None;
        Ok(self)
    }

    /// Returns when each burst is due, counted from the start.
    pub(super) fn bursts(&self, lasts: Duration) -> impl Iterator<Item = Duration> {
        let mut due = 0.0;
        let (burst, end) = (f64::from(self.burst.get()), lasts.as_secs_f64());
        std::iter::from_fn(move || {
            let now = due;
            due += burst / self.rate_at(Duration::from_secs_f64(now));
            (now + GRAIN < end).then(|| Duration::from_secs_f64(now))
        })
    }

    fn rate_at(&self, now: Duration) -> f64 {
        let in_minute = now.as_nanos() % MINUTE.as_nanos();
        let is_peak = |peak: &Peak| {
            let peak = PEAK_FROM.as_nanos()..(PEAK_FROM + peak.lasts).as_nanos();
            peak.contains(&in_minute)
        };
        match self.peak.filter(is_peak) {
            Some(peak) => peak.rate,
            None => self.rate,
        }
    }

    /// Whether the message of this number is dead-lettered by its handler.
    pub(super) fn is_rejected(&self, number: usize) -> bool {
        let one_in = self.reject_one_in.map(|it| it.get() as usize);
        one_in.is_some_and(|one_in| number % one_in == one_in - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_can_be_read() {
        for &name in Name::value_variants() {
            let scenario = name.read().unwrap();
            assert!(!scenario.about.is_empty(), "{name:?}");
        }
    }

    #[test]
    fn unknown_key_is_refused() {
        let text = include_str!("../../targets/scenarios/video.toml");
        let error = Scenario::parse(&format!("colour = 1\n{text}")).unwrap_err();
        assert!(format!("{error:#}").contains("colour"), "{error:#}");
    }

    #[test]
    fn bursts_come_at_the_rate_and_at_the_peak() {
        let orders = Name::Orders.read().unwrap();
        let due: Vec<_> = orders.bursts(MINUTE).collect();
        let in_peak =
            |due: &&Duration| (PEAK_FROM..PEAK_FROM + Duration::from_secs(10)).contains(*due);
        let peak = due.iter().filter(in_peak).count();
        assert!((999..=1001).contains(&peak), "{peak}");
        let rest = due.len() - peak;
        assert!((599..=602).contains(&rest), "{rest}");
        assert!(due.is_sorted());
    }

    #[test]
    fn rate_of_the_caller_has_no_peak() {
        let mail = Name::Mail.read().unwrap().at_rate(1000.0).unwrap();
        let due: Vec<_> = mail.bursts(MINUTE).collect();
        assert_eq!(due.len(), 600);
        assert!(due[599] < MINUTE);
        assert_eq!(mail.bursts(MINUTE * 60).count(), 36_000);
        assert!(mail.at_rate(0.0).is_err());
    }

    #[test]
    fn one_in_so_many_is_rejected() {
        let orders = Name::Orders.read().unwrap();
        let rejected = (0..1_000).filter(|it| orders.is_rejected(*it));
        assert_eq!(rejected.count(), 2);
        let video = Name::Video.read().unwrap();
        assert!(!(0..1_000).any(|it| video.is_rejected(it)));
    }
}
