//! Options that go together.

use std::{num::NonZeroU32, time::Duration};

use relayhouse_core::{
    Result,
    config::{self, Params},
};
use serde::Deserialize;

use crate::config::Config;

const CONNECTIONS_MAX: NonZeroU32 = NonZeroU32::new(512).unwrap();

/// Sets options together: in a URL as `preset=low_cost`, where options of their own override it.
///
/// It is about what this adapter decides. How many receives and handlers run at a time, and how
/// batches fill, the runtime's preset of the same name decides.
///
/// ```
/// use relayhouse_sqs::Preset;
///
/// println!("{:#?}", Preset::HighThroughput.config());
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Many messages a second: a lease of 5 minutes, so that full buffers need no extensions, and
    /// connections for many polls and batches at a time.
    HighThroughput,
    /// Few requests for each message: a lease of 15 minutes, so that hardly any is extended. What a
    /// consumer that crashed has leased comes again as late.
    LowCost,
    /// Short ways: a lease of 30 seconds, so that what a consumer that crashed has leased comes again
    /// soon, connections that stay open, and calls that are given up after 2 seconds.
    LowLatency,
}

impl Preset {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::HighThroughput, Self::LowCost, Self::LowLatency];

    /// Returns all options with those of the preset set.
    #[must_use]
    pub fn config(self) -> Config {
        let config = Config {
            preset: Some(self),
            ..Config::default()
        };
        match self {
            Self::HighThroughput => Config {
                lease: Some(Duration::from_secs(300)),
                connections_max: CONNECTIONS_MAX,
                ..config
            },
            Self::LowCost => Config {
                lease: Some(Duration::from_secs(900)),
                ..config
            },
            Self::LowLatency => Config {
                lease: Some(Duration::from_secs(30)),
                call_timeout: Duration::from_secs(2),
                idle_timeout: Duration::from_secs(300),
                ..config
            },
        }
    }

    /// Sets in `config` what one of the presets is about.
    pub(crate) fn set(self, config: &mut Config) {
        let of_preset = self.config();
        config.preset = of_preset.preset;
        config.lease = of_preset.lease;
        config.connections_max = of_preset.connections_max;
        config.call_timeout = of_preset.call_timeout;
        config.idle_timeout = of_preset.idle_timeout;
    }
}

/// The options that a preset is about, where they were given by themselves.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Given {
    #[serde(deserialize_with = "config::duration_option")]
    lease: Option<Duration>,
    connections_max: Option<NonZeroU32>,
    #[serde(deserialize_with = "config::duration_option")]
    call_timeout: Option<Duration>,
    #[serde(deserialize_with = "config::duration_option")]
    idle_timeout: Option<Duration>,
}

/// Reads options: those of the preset that they name, where they say nothing themselves.
pub(crate) fn read(params: &Params) -> Result<Config> {
    let mut config: Config = params.read()?;
    let Some(preset) = config.preset else {
        return Ok(config);
    };
    preset.set(&mut config);
    let given: Given = params.read()?;
    config.lease = given.lease.or(config.lease);
    config.connections_max = given.connections_max.unwrap_or(config.connections_max);
    config.call_timeout = given.call_timeout.unwrap_or(config.call_timeout);
    config.idle_timeout = given.idle_timeout.unwrap_or(config.idle_timeout);
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Config {
        read(&Params::from_pairs(pairs.iter().copied()).unwrap()).unwrap()
    }

    #[test]
    fn each_preset_differs_and_prints() {
        let configs = Preset::ALL.map(Preset::config);
        for (index, config) in configs.iter().enumerate() {
            config.check().unwrap();
            assert!(format!("{config:?}").contains("lease: Some"));
            assert!(!configs[..index].contains(config));
        }
    }

    #[test]
    fn options_of_their_own_override_a_preset() {
        let preset = of(&[("preset", "low_cost")]);
        assert_eq!(preset, Preset::LowCost.config());
        assert_eq!(preset.lease, Some(Duration::from_secs(900)));
        for (key, value) in [
            ("lease", "1min"),
            ("connections_max", "7"),
            ("call_timeout", "9s"),
            ("idle_timeout", "9s"),
        ] {
            let preset = Preset::LowLatency.config();
            let config = of(&[("preset", "low_latency"), (key, value)]);
            assert_ne!(config, preset, "{key}");
            assert_eq!(config.preset, preset.preset);
        }
        assert_eq!(of(&[]), Config::default());
    }
}
