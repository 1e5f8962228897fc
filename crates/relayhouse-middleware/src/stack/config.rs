//! What the layers of a recommended stack are configured with.

use std::{num::NonZeroU32, time::Duration};

use crate::{
    breaker::BreakerConfig, deadline::DeadlineConfig, retry::RetryConfig, timeout::TimeoutConfig,
};

/// Configures the layers around a producer.
#[derive(Clone, Debug, PartialEq)]
pub struct ProducerConfig {
    /// The breaker; its defaults.
    pub breaker: BreakerConfig,
    /// The deadlines; messages get none but the one they inherit.
    pub deadline: DeadlineConfig,
    /// The retries; 5 tries, of which the last begins within 20 s: one that hung is tried once
    /// more, and a send that finds the breaker open for longer fails at once.
    pub retry: RetryConfig,
    /// The time of one try; 15 s, which is beyond the 10 s that a producer gives the provider.
    pub timeout: TimeoutConfig,
}

/// Configures the layers around a handler.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerConfig {
    /// The breaker; 10 failures in a row open it, twice as many as one message may have, and one
    /// probe at a time closes it, so that an outage uses up few tries.
    pub breaker: BreakerConfig,
    /// The deadlines; what is late is dead-lettered.
    pub deadline: DeadlineConfig,
    /// The retries; their defaults.
    pub retry: RetryConfig,
    /// The time of one try; 30 s.
    pub timeout: TimeoutConfig,
}

impl Default for ProducerConfig {
    fn default() -> Self {
        Self {
            breaker: BreakerConfig::default(),
            deadline: DeadlineConfig::default(),
            retry: RetryConfig {
                total_max: Some(Duration::from_secs(20)),
                ..RetryConfig::default()
            },
            timeout: TimeoutConfig {
                limit: Duration::from_secs(15),
                ..TimeoutConfig::default()
            },
        }
    }
}

impl Default for ConsumerConfig {
    fn default() -> Self {
        Self {
            breaker: BreakerConfig {
                failures_in_a_row: const { NonZeroU32::new(10).unwrap() },
                probes: NonZeroU32::MIN,
                ..BreakerConfig::default()
            },
            deadline: DeadlineConfig::default(),
            retry: RetryConfig::default(),
            timeout: TimeoutConfig::default(),
        }
    }
}

impl ConsumerConfig {
    /// Returns the configuration for answers that somebody waits for, within `limit` for each try.
    ///
    /// Retries follow each other soon, from 10 ms on, and the breaker tries again after 5 s.
    #[must_use]
    pub fn low_latency(limit: Duration) -> Self {
        let default = Self::default();
        Self {
            breaker: BreakerConfig {
                open_for: Duration::from_secs(5),
                ..default.breaker
            },
            retry: RetryConfig {
                delay_first: Duration::from_millis(10),
                delay_max: Duration::from_secs(1),
                ..default.retry
            },
            timeout: TimeoutConfig {
                limit,
                ..default.timeout
            },
            ..default
        }
    }

    /// Returns the configuration for queues whose calls are paid for.
    ///
    /// A release and the receive after it are two calls, and a wait in the process is none: it
    /// waits for up to 10 s with the lease held. The breaker tries again after 2 min, and the intake
    /// rests meanwhile.
    #[must_use]
    pub fn low_cost() -> Self {
        let default = Self::default();
        Self {
            breaker: BreakerConfig {
                open_for: Duration::from_secs(120),
                ..default.breaker
            },
            retry: RetryConfig {
                hold_max: Duration::from_secs(10),
                ..default.retry
            },
            ..default
        }
    }
}
