//! What a run is held to: a file of `benches/targets/`.

use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use relayhouse_core::config::{duration, duration_option};
use serde::Deserialize;

/// Names a set of targets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Set {
    /// What production is held to.
    #[default]
    Production,
    /// What development is held to.
    Development,
}

/// Holds a set of targets; what it does not name is measured, and held to nothing.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Targets {
    /// Messages a second.
    pub(super) rate_min: f64,
    /// Messages of a call beside the most that it could have had.
    pub(super) batch_fill_min: f64,
    #[serde(default, deserialize_with = "duration_option")]
    pub(super) p50_max: Option<Duration>,
    #[serde(deserialize_with = "duration")]
    pub(super) p95_max: Duration,
    #[serde(default, deserialize_with = "duration_option")]
    pub(super) p99_max: Option<Duration>,
    /// Of calls that do not wait for messages.
    #[serde(deserialize_with = "duration")]
    pub(super) api_p95_max: Duration,
    /// The share of messages.
    pub(super) errors_max: f64,
    /// The share of the time.
    pub(super) availability_min: f64,
    pub(super) breaker_openings_a_day_max: Option<f64>,
    /// The share of all cores.
    pub(super) cpu_max: Option<f64>,
    /// The share of all memory.
    pub(super) memory_max: Option<f64>,
    /// The share of calls that found a connection.
    pub(super) pool_min: Option<f64>,
}

impl Set {
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Development => "development",
        }
    }

    /// Reads the targets of this name.
    pub(super) fn read(self) -> Result<Targets> {
        let text = match self {
            Self::Production => include_str!("../../targets/production.toml"),
            Self::Development => include_str!("../../targets/development.toml"),
        };
        toml::from_str(text).with_context(|| format!("targets of {}", self.text()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_can_be_read() {
        let production = Set::Production.read().unwrap();
        let development = Set::Development.read().unwrap();
        assert!(development.rate_min < production.rate_min);
        assert!(production.p95_max < development.p95_max);
    }

    #[test]
    fn unknown_key_is_refused() {
        let text = include_str!("../../targets/development.toml");
        let text = format!("{text}\np95_min = \"1s\"\n");
        let error = toml::from_str::<Targets>(&text).unwrap_err();
        assert!(error.to_string().contains("p95_min"), "{error}");
    }
}
