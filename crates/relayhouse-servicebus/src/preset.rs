//! Options that go together.

use std::{num::NonZeroU32, time::Duration};

use relayhouse_core::{
    Result,
    config::{self, Params},
};
use serde::Deserialize;

use crate::config::Config;

/// Sets options together: in a URL as `preset=low_latency`, where options of their own override it.
///
/// What this adapter decides, [`config`](Self::config) shows; how many handlers run at a time and
/// how much waits for them, the runtime decides, and [`consumer`](Self::consumer) says it in the
/// words of its options.
///
/// ```
/// use relayhouse_servicebus::Preset;
///
/// for preset in Preset::ALL {
///     println!("{:#?}\n{:#?}", preset.config(), preset.consumer());
/// }
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Many messages a second: 32 handlers, 50 messages that wait for them, locks that are renewed
    /// for up to 10 minutes, and calls that may take 30 seconds.
    HighThroughput,
    /// Short ways: 4 handlers, 1 message that waits, so that others get the rest, and calls that are
    /// given up after 2 seconds.
    LowLatency,
    /// Many sessions: 32 at a time, each handled in its order, which are held for up to 10 minutes.
    /// A session holds nothing back, so its consumer needs a failure policy without a delay as well.
    Sessions,
}

/// Says how a consumer is run; the fields are options of the runtime.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsumerOptions {
    /// The most handlers at a time.
    pub concurrency: NonZeroU32,
    /// The most messages that wait for a handler.
    pub prefetch_max: u32,
    /// The longest time a lock is kept, renewals included.
    pub lease_total_max: Duration,
    /// How sessions are shared out, where the preset is about them.
    pub sessions: Option<SessionOptions>,
}

/// Says how sessions are shared out; the fields are options of the runtime.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionOptions {
    /// The most sessions at a time.
    pub sessions_max: NonZeroU32,
    /// The age at which a session is given back.
    pub session_age_max: Duration,
}

const RENEWED_MAX: Duration = Duration::from_secs(10 * 60);

const AT_ONCE: NonZeroU32 = NonZeroU32::new(32).unwrap();
const FEW_AT_ONCE: NonZeroU32 = NonZeroU32::new(4).unwrap();

impl Preset {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::HighThroughput, Self::LowLatency, Self::Sessions];

    /// Returns all options of the adapter with those of the preset set.
    #[must_use]
    pub fn config(self) -> Config {
        let config = Config {
            preset: Some(self),
            ..Config::default()
        };
        match self {
            Self::HighThroughput => Config {
                call_timeout: Duration::from_secs(30),
                ..config
            },
            Self::LowLatency => Config {
                call_timeout: Duration::from_secs(2),
                ..config
            },
            Self::Sessions => config,
        }
    }

    /// Returns how a consumer is run by the preset.
    #[must_use]
    pub const fn consumer(self) -> ConsumerOptions {
        let options = ConsumerOptions {
            concurrency: AT_ONCE,
            prefetch_max: 50,
            lease_total_max: RENEWED_MAX,
            sessions: None,
        };
        match self {
            Self::HighThroughput => options,
            Self::LowLatency => ConsumerOptions {
                concurrency: FEW_AT_ONCE,
                prefetch_max: 1,
                ..options
            },
            Self::Sessions => ConsumerOptions {
                sessions: Some(SessionOptions {
                    sessions_max: AT_ONCE,
                    session_age_max: RENEWED_MAX,
                }),
                ..options
            },
        }
    }

    /// Sets in `config` what one of the presets is about.
    pub(crate) fn set(self, config: &mut Config) {
        let of_preset = self.config();
        config.preset = of_preset.preset;
        config.call_timeout = of_preset.call_timeout;
    }
}

impl ConsumerOptions {
    /// Returns the options by their names, to be read as the runtime's configuration.
    ///
    /// # Errors
    ///
    /// None: no name stands there twice.
    pub fn params(&self) -> Result<Params> {
        let Self {
            concurrency,
            prefetch_max,
            lease_total_max,
            sessions,
        } = self;
        let seconds = |time: Duration| format!("{}s", time.as_secs());
        let mut pairs = vec![
            ("concurrency", concurrency.to_string()),
            ("prefetch_max", prefetch_max.to_string()),
            ("lease_total_max", seconds(*lease_total_max)),
        ];
        if let Some(SessionOptions {
            sessions_max,
            session_age_max,
        }) = sessions
        {
            pairs.push(("sessions_max", sessions_max.to_string()));
            pairs.push(("session_age_max", seconds(*session_age_max)));
        }
        Params::from_pairs(pairs)
    }
}

/// The options that a preset is about, where they were given by themselves.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Given {
    #[serde(deserialize_with = "config::duration_option")]
    call_timeout: Option<Duration>,
}

/// Reads options: those of the preset that they name, where they say nothing themselves.
pub(crate) fn read(params: &Params) -> Result<Config> {
    let mut config: Config = params.read()?;
    let Some(preset) = config.preset else {
        return Ok(config);
    };
    preset.set(&mut config);
    let given: Given = params.read()?;
    config.call_timeout = given.call_timeout.unwrap_or(config.call_timeout);
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
        let configs = Preset::ALL.map(|preset| (preset.config(), preset.consumer()));
        for (index, both) in configs.iter().enumerate() {
            let text = format!("{both:?}");
            assert!(text.contains("call_timeout: ") && text.contains("prefetch_max: "));
            assert!(!configs[..index].contains(both));
        }
    }

    #[test]
    fn what_a_preset_promises_it_sets() {
        let consumer = Preset::HighThroughput.consumer();
        assert_eq!(consumer.concurrency.get(), 32);
        assert_eq!(consumer.prefetch_max, 50);
        assert_eq!(consumer.lease_total_max, Duration::from_secs(600));
        let consumer = Preset::LowLatency.consumer();
        assert_eq!((consumer.concurrency.get(), consumer.prefetch_max), (4, 1));
        let sessions = Preset::Sessions.consumer().sessions.unwrap();
        assert_eq!(sessions.sessions_max.get(), 32);
    }

    #[test]
    fn options_of_their_own_override_a_preset() {
        let preset = of(&[("preset", "low_latency")]);
        assert_eq!(preset, Preset::LowLatency.config());
        assert_eq!(preset.call_timeout, Duration::from_secs(2));
        let config = of(&[("preset", "low_latency"), ("call_timeout", "9s")]);
        assert_eq!(config.call_timeout, Duration::from_secs(9));
        assert_eq!(config.preset, preset.preset);
        assert_eq!(of(&[]), Config::default());
    }
}
