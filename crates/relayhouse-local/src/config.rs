//! The options of a directory of queues, from a builder, a URL or the environment.

use std::{
    num::{NonZeroU32, NonZeroU64},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use relayhouse_core::{Capabilities, Context, Result, config};
use serde::{Deserialize, Deserializer};

use crate::{error, provider::Local};

/// The lease that a receive gives unless told otherwise: 5 minutes.
const LEASE: Duration = Duration::from_secs(5 * 60);

/// Messages that a queue holds unless told otherwise.
const MESSAGES_MAX: u64 = 1_000_000;

/// Bytes that a queue holds unless told otherwise: 1 GiB.
const BYTES_MAX: u64 = 1 << 30;

/// The window within which a dedup id is known unless told otherwise: 10 minutes.
const DEDUP_WINDOW: Duration = Duration::from_secs(10 * 60);

/// Keys that a dedup store holds unless told otherwise.
const DEDUP_KEYS_MAX: u64 = 1_000_000;

/// How long the lock of a file is waited for unless told otherwise.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Holds the options of a directory of queues: what each queue is created with, and how its file
/// is used.
///
/// As parameters of a URL and as environment variables (`RELAYHOUSE_LOCAL_LEASE`) they have the
/// names of the fields.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The lease that a receive gives; 5 minutes.
    #[serde(deserialize_with = "config::duration")]
    pub lease: Duration,
    /// The most messages of one queue, and of its dead letters; 1,000,000.
    pub messages_max: NonZeroU64,
    /// The most bytes of one queue, and of its dead letters; 1 GiB.
    #[serde(deserialize_with = "config::bytes_nonzero")]
    pub bytes_max: NonZeroU64,
    /// The most bytes of one file on the disk; no bound. Its log comes on top, some 16 MiB of it
    /// while much is written.
    #[serde(deserialize_with = "bytes_option")]
    pub file_bytes_max: Option<NonZeroU64>,
    /// What a send does when the queue is full; it waits.
    pub full: Full,
    /// The deliveries after which a queue dead-letters a message by itself; left to the runtime.
    pub attempts_max: Option<NonZeroU32>,
    /// The time to live of a message that sets none; none.
    #[serde(deserialize_with = "config::duration_option")]
    pub ttl: Option<Duration>,
    /// True to dead-letter a message that expires; it is dropped.
    pub dead_letter_expired: bool,
    /// The window within which a dedup id is known; 10 minutes.
    #[serde(deserialize_with = "config::duration")]
    pub dedup_window: Duration,
    /// The most keys of the dedup store of one file; 1,000,000.
    pub dedup_keys_max: NonZeroU64,
    /// True to create queues whose messages are received through sessions only; false.
    pub requires_sessions: bool,
    /// What a send has outlived when it is confirmed; the loss of power.
    pub durability: Durability,
    /// How long a call waits for a file that another process is writing to, before it fails with
    /// a temporary error; 5 seconds.
    #[serde(deserialize_with = "config::duration")]
    pub busy_timeout: Duration,
    /// True to create a queue, and the directory, on first use; true.
    pub create: bool,
}

/// Says what a send does when the queue is full.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Full {
    /// The send waits for room, in the order of arrival. Messages of a batch go in as room comes.
    #[default]
    Wait,
    /// What fits goes in; every other message is dropped, and its item fails with a permanent
    /// `Full`: the load is shed, and trying again is not wanted.
    Shed,
    /// A batch that does not fit as a whole fails with a temporary `Full`, and nothing of it goes
    /// in: trying again later is the caller's business.
    Fail,
}

/// Says what a send has outlived when it is confirmed.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// The loss of power: a send is confirmed when the disk has been told to keep it, and has
    /// said that it does.
    #[default]
    Full,
    /// The end of this program, however it comes, and no more than that: **loses confirmed
    /// messages** if the machine loses power or its system crashes. What was sent in the last
    /// seconds is gone then, and what was acked may be delivered again. Nothing is damaged.
    Relaxed,
}

impl Default for Config {
    fn default() -> Self {
        let bounds = [MESSAGES_MAX, BYTES_MAX, DEDUP_KEYS_MAX].map(NonZeroU64::new);
        let [Some(messages_max), Some(bytes_max), Some(dedup_keys_max)] = bounds else {
            unreachable!("the bounds are not zero")
        };
        Self {
            lease: LEASE,
            messages_max,
            bytes_max,
            file_bytes_max: None,
            full: Full::Wait,
            attempts_max: None,
            ttl: None,
            dead_letter_expired: false,
            dedup_window: DEDUP_WINDOW,
            dedup_keys_max,
            requires_sessions: false,
            durability: Durability::Full,
            busy_timeout: BUSY_TIMEOUT,
            create: true,
        }
    }
}

impl Config {
    /// Narrows what a queue can do to what these options allow.
    pub(crate) fn declare(&self, of_queue: &Capabilities) -> Arc<Capabilities> {
        let mut capabilities = of_queue.clone();
        capabilities.dedup_window = Some(self.dedup_window);
        let bytes_max = capabilities.message_bytes_max.into_iter();
        capabilities.message_bytes_max = bytes_max.chain([self.bytes_max]).min();
        Arc::new(capabilities)
    }

    /// Checks what a type cannot.
    pub(crate) fn check(&self) -> Result<()> {
        let durations = [
            ("lease", Some(self.lease)),
            ("ttl", self.ttl),
            ("dedup_window", Some(self.dedup_window)),
            ("busy_timeout", Some(self.busy_timeout)),
        ];
        for (key, value) in durations {
            if value.is_some_and(|value| value.is_zero()) {
                return Err(error::invalid(format!("option {key}: must not be zero")));
            }
        }
        Ok(())
    }
}

fn bytes_option<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<NonZeroU64>, D::Error> {
    config::bytes_nonzero(deserializer).map(Some)
}

/// Builds a [`Local`].
#[derive(Clone, Debug)]
#[must_use]
pub struct LocalBuilder {
    context: Context,
    directory: PathBuf,
    config: Config,
}

impl LocalBuilder {
    pub(crate) fn new(context: Context, directory: PathBuf) -> Self {
        Self {
            context,
            directory,
            config: Config::default(),
        }
    }

    /// Sets all options at once.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Sets the lease that a receive gives.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.config.lease = lease;
        self
    }

    /// Sets the most messages of one queue, and of its dead letters.
    pub fn messages_max(mut self, messages_max: NonZeroU64) -> Self {
        self.config.messages_max = messages_max;
        self
    }

    /// Sets the most bytes of one queue, and of its dead letters.
    pub fn bytes_max(mut self, bytes_max: NonZeroU64) -> Self {
        self.config.bytes_max = bytes_max;
        self
    }

    /// Sets the most bytes of one file on the disk; its log comes on top.
    pub fn file_bytes_max(mut self, file_bytes_max: NonZeroU64) -> Self {
        self.config.file_bytes_max = Some(file_bytes_max);
        self
    }

    /// Sets what a send does when the queue is full.
    pub fn full(mut self, full: Full) -> Self {
        self.config.full = full;
        self
    }

    /// Sets the deliveries after which a queue dead-letters a message by itself.
    pub fn attempts_max(mut self, attempts_max: NonZeroU32) -> Self {
        self.config.attempts_max = Some(attempts_max);
        self
    }

    /// Sets the time to live of a message that sets none.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.config.ttl = Some(ttl);
        self
    }

    /// Sets whether a message that expires is dead-lettered.
    pub fn dead_letter_expired(mut self, dead_letter_expired: bool) -> Self {
        self.config.dead_letter_expired = dead_letter_expired;
        self
    }

    /// Sets the window within which a dedup id is known.
    pub fn dedup_window(mut self, dedup_window: Duration) -> Self {
        self.config.dedup_window = dedup_window;
        self
    }

    /// Sets the most keys of the dedup store of one file.
    pub fn dedup_keys_max(mut self, dedup_keys_max: NonZeroU64) -> Self {
        self.config.dedup_keys_max = dedup_keys_max;
        self
    }

    /// Sets whether queues are created whose messages are received through sessions only.
    pub fn requires_sessions(mut self, requires_sessions: bool) -> Self {
        self.config.requires_sessions = requires_sessions;
        self
    }

    /// Sets what a send has outlived when it is confirmed.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.config.durability = durability;
        self
    }

    /// Sets how long a call waits for a file that another process is writing to.
    pub fn busy_timeout(mut self, busy_timeout: Duration) -> Self {
        self.config.busy_timeout = busy_timeout;
        self
    }

    /// Sets whether a queue, and the directory, is created on first use.
    pub fn create(mut self, create: bool) -> Self {
        self.config.create = create;
        self
    }

    /// Builds the directory of queues.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`](relayhouse_core::ErrorKind::ConfigInvalid) that names
    /// the option and what is wrong with it, or what keeps queues from being kept in the
    /// directory.
    pub fn build(self) -> Result<Local> {
        self.config.check()?;
        Local::new(self.context, &self.directory, self.config)
    }
}

#[cfg(test)]
mod tests {
    use relayhouse_core::{ErrorKind, config::Params};

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config> {
        Params::from_pairs(pairs.iter().copied())?.read()
    }

    #[test]
    fn nothing_set_is_the_default() {
        assert_eq!(read(&[]).unwrap(), Config::default());
        assert!(Config::default().check().is_ok());
    }

    #[test]
    fn options_are_read_as_text() {
        let config = read(&[
            ("durability", "relaxed"),
            ("file_bytes_max", "64MiB"),
            ("dedup_keys_max", "500"),
            ("busy_timeout", "250ms"),
            ("full", "shed"),
            ("lease", "30s"),
        ])
        .unwrap();
        let expected = Config {
            durability: Durability::Relaxed,
            file_bytes_max: NonZeroU64::new(64 << 20),
            dedup_keys_max: NonZeroU64::new(500).unwrap(),
            busy_timeout: Duration::from_millis(250),
            full: Full::Shed,
            lease: Duration::from_secs(30),
            ..Config::default()
        };
        assert_eq!(config, expected);
    }

    #[test]
    fn wrong_options_are_refused_by_name() {
        for (key, value) in [
            ("durability", "none"),
            ("file_bytes_max", "0"),
            ("dedup_keys_max", "0"),
            ("fille_bytes_max", "1"),
        ] {
            let error = read(&[(key, value)]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
            assert!(error.to_string().contains(key), "{error}");
        }
        for key in ["lease", "ttl", "dedup_window", "busy_timeout"] {
            let error = read(&[(key, "0s")]).unwrap().check().unwrap_err();
            assert!(error.to_string().contains(key), "{error}");
        }
    }

    #[test]
    fn queue_declares_the_smaller_of_two_bounds() {
        let config = Config {
            bytes_max: NonZeroU64::new(10).unwrap(),
            ..Config::default()
        };
        let small = config.declare(&crate::capability::NATIVE);
        assert_eq!(small.message_bytes_max, NonZeroU64::new(10));
        let native = Config::default().declare(&crate::capability::NATIVE);
        assert_eq!(
            native.message_bytes_max,
            crate::capability::NATIVE.message_bytes_max
        );
        assert_eq!(native.dedup_window, Some(DEDUP_WINDOW));
    }
}
