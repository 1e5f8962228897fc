//! The options of a namespace of queues, from a builder, a URL or the environment.

use std::{
    num::{NonZeroU32, NonZeroU64},
    sync::Arc,
    time::Duration,
};

use relayhouse_core::{Capabilities, Context, Result, config};
use serde::Deserialize;

use crate::{error, profile::Profile, provider::Memory};

/// Messages that a queue holds unless told otherwise.
const MESSAGES_MAX: u64 = 1_000_000;

/// Bytes that a queue holds unless told otherwise: 1 GiB.
const BYTES_MAX: u64 = 1 << 30;

/// Holds the options of a namespace of queues: what each queue is created with.
///
/// As parameters of a URL and as environment variables (`RELAYHOUSE_MEMORY_LEASE`) they have the
/// names of the fields.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whose limits and habits the queues have; the memory queue's own.
    pub profile: Profile,
    /// The lease that a receive gives; 5 minutes, or what the profile sets.
    #[serde(deserialize_with = "config::duration_option")]
    pub lease: Option<Duration>,
    /// The most messages of one queue, and of its dead letters; 1,000,000.
    pub messages_max: NonZeroU64,
    /// The most bytes of one queue, and of its dead letters; 1 GiB.
    #[serde(deserialize_with = "config::bytes_nonzero")]
    pub bytes_max: NonZeroU64,
    /// What a send does when the queue is full; it waits.
    pub full: Full,
    /// The deliveries after which a queue dead-letters a message by itself; left to the runtime,
    /// or what the profile sets.
    pub attempts_max: Option<NonZeroU32>,
    /// The time to live of a message that sets none; none.
    #[serde(deserialize_with = "config::duration_option")]
    pub ttl: Option<Duration>,
    /// True to dead-letter a message that expires; it is dropped.
    pub dead_letter_expired: bool,
    /// The window within which a dedup id is known; 10 minutes, or what the profile sets.
    #[serde(deserialize_with = "config::duration_option")]
    pub dedup_window: Option<Duration>,
    /// True to create queues whose messages are received through sessions only; what the profile
    /// sets.
    pub requires_sessions: Option<bool>,
    /// True to create a queue on first use; true.
    pub create: bool,
    /// The share of items, in batches of more than one, that fail with `Throttled`; 0.01 in every
    /// profile but the native one, where it is 0.
    pub failures: Option<f64>,
    /// The share of deliveries that come twice; 0.01 in the profile `sqs-standard`, else 0.
    pub duplicates: Option<f64>,
    /// Each delivery is drawn from this many at the front; 16 in the profile `sqs-standard`, else
    /// 1, which keeps the order.
    pub reorder: Option<NonZeroU32>,
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

impl Default for Config {
    fn default() -> Self {
        let (Some(messages_max), Some(bytes_max)) =
            (NonZeroU64::new(MESSAGES_MAX), NonZeroU64::new(BYTES_MAX))
        else {
            unreachable!("the bounds are not zero")
        };
        Self {
            profile: Profile::Native,
            lease: None,
            messages_max,
            bytes_max,
            full: Full::Wait,
            attempts_max: None,
            ttl: None,
            dead_letter_expired: false,
            dedup_window: None,
            requires_sessions: None,
            create: true,
            failures: None,
            duplicates: None,
            reorder: None,
        }
    }
}

impl Config {
    /// Narrows what the profile can do to what these options allow.
    pub(crate) fn declare(&self, of_profile: &Capabilities) -> Arc<Capabilities> {
        let mut capabilities = of_profile.clone();
        if capabilities.dedup.is_supported() {
            let or_profile = || self.profile.dedup_window();
            capabilities.dedup_window = Some(self.dedup_window.unwrap_or_else(or_profile));
        }
        let bytes_max = capabilities.message_bytes_max.into_iter();
        capabilities.message_bytes_max = bytes_max.chain([self.bytes_max]).min();
        Arc::new(capabilities)
    }

    /// Checks what a type cannot.
    pub(crate) fn check(&self) -> Result<()> {
        let durations = [
            ("lease", self.lease),
            ("ttl", self.ttl),
            ("dedup_window", self.dedup_window),
        ];
        for (key, value) in durations {
            if value.is_some_and(|value| value.is_zero()) {
                return Err(error::invalid(format!("option {key}: must not be zero")));
            }
        }
        for (key, share) in [("failures", self.failures), ("duplicates", self.duplicates)] {
            if share.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
                return Err(error::invalid(format!(
                    "option {key}: must be a share between 0 and 1"
                )));
            }
        }
        let max = self.profile.capabilities().lease_max;
        if let (Some(lease), Some(max)) = (self.lease, max) {
            if max < lease {
                return Err(error::invalid(format!(
                    "option lease: {lease:?} is too long, at most {max:?} is allowed"
                )));
            }
        }
        Ok(())
    }
}

/// Builds a [`Memory`].
#[derive(Clone, Debug)]
#[must_use]
pub struct MemoryBuilder {
    context: Context,
    config: Config,
}

impl MemoryBuilder {
    pub(crate) fn new(context: Context) -> Self {
        Self {
            context,
            config: Config::default(),
        }
    }

    /// Sets all options at once.
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Sets whose limits and habits the queues have.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.config.profile = profile;
        self
    }

    /// Sets the lease that a receive gives.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.config.lease = Some(lease);
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
        self.config.dedup_window = Some(dedup_window);
        self
    }

    /// Sets whether queues are created whose messages are received through sessions only.
    pub fn requires_sessions(mut self, requires_sessions: bool) -> Self {
        self.config.requires_sessions = Some(requires_sessions);
        self
    }

    /// Sets whether a queue is created on first use.
    pub fn create(mut self, create: bool) -> Self {
        self.config.create = create;
        self
    }

    /// Sets the share of items, in batches of more than one, that fail with `Throttled`.
    pub fn failures(mut self, failures: f64) -> Self {
        self.config.failures = Some(failures);
        self
    }

    /// Sets the share of deliveries that come twice.
    pub fn duplicates(mut self, duplicates: f64) -> Self {
        self.config.duplicates = Some(duplicates);
        self
    }

    /// Sets from how many at the front each delivery is drawn.
    pub fn reorder(mut self, reorder: NonZeroU32) -> Self {
        self.config.reorder = Some(reorder);
        self
    }

    /// Builds an empty namespace of queues.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`](relayhouse_core::ErrorKind::ConfigInvalid) that names
    /// the option and what is wrong with it.
    pub fn build(self) -> Result<Memory> {
        self.config.check()?;
        Ok(Memory::new(self.context, self.config))
    }
}
