//! Typed configuration of producers and consumers, and the presets that set it together.

use std::{
    num::{NonZeroU32, NonZeroU64},
    thread::available_parallelism,
    time::Duration,
};

use relayhouse_core::{
    config::{bytes_nonzero, duration, duration_option},
    port::Timeouts,
};
use serde::Deserialize;

use crate::policy::FailurePolicy;

/// Configures a producer; readable from URL, environment and map through the same keys.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProducerConfig {
    /// The most sends to the provider at a time; 8. It is 1 where the provider's order needs it.
    pub calls_in_flight: NonZeroU32,
    /// The most messages of one send; 100. The provider's own limit holds as well.
    pub batch_max: NonZeroU32,
    /// When a further send starts beside those in flight; only for a full batch.
    pub start: SendStart,
    /// The most messages that wait for a send; 10,000.
    pub buffer_messages_max: NonZeroU32,
    /// The most bytes that wait for a send; 64 MiB. A single message may be larger.
    #[serde(deserialize_with = "bytes_nonzero")]
    pub buffer_bytes_max: NonZeroU64,
    /// What a send does when the buffer is full; it waits.
    pub full: Full,
    /// How long a call to the provider may take.
    #[serde(skip)]
    pub timeouts: Timeouts,
}

/// Says when a further send starts beside those in flight.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SendStart {
    /// When a full batch waits: fewest calls.
    #[default]
    FullBatch,
    /// When anything waits: least delay.
    Anything,
}

/// Says what a send does when the buffer is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Full {
    /// It waits for room, in arrival order.
    #[default]
    Wait,
    /// It fails at once with [`ErrorKind::Full`](relayhouse_core::ErrorKind::Full).
    Fail,
}

/// Configures a consumer; readable from URL, environment and map through the same keys.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConsumerConfig {
    /// The most handlers at a time; 16.
    pub concurrency: NonZeroU32,
    /// The spawned workers that share the concurrency; one for each core, at most.
    pub workers: NonZeroU32,
    /// The most messages that wait for a handler; 256.
    pub prefetch_max: u32,
    /// How much work, measured in time, may wait for a handler; 100 ms.
    #[serde(deserialize_with = "duration")]
    pub prefetch_window: Duration,
    /// The bytes of waiting and running messages at which receives stop; 64 MiB.
    #[serde(deserialize_with = "bytes_nonzero")]
    pub bytes_max: NonZeroU64,
    /// How long a receive waits for the first message; 20 s. The provider's own limit holds as
    /// well.
    #[serde(deserialize_with = "duration")]
    pub receive_wait: Duration,
    /// The most receives at a time, where one brings fewer messages than are wanted; 8.
    pub receives_in_flight: NonZeroU32,
    /// The most settles to the provider at a time for each worker; 8.
    pub settles_in_flight: NonZeroU32,
    /// The longest time a handler may take; no limit.
    #[serde(deserialize_with = "duration_option")]
    pub handler_timeout: Option<Duration>,
    /// The longest time a lease is kept, renewals included; 1 h.
    #[serde(deserialize_with = "duration")]
    pub lease_total_max: Duration,
    /// A handler is not started when less than this of its lease is left; 1 s, or a tenth of the
    /// lease if that is less.
    #[serde(deserialize_with = "duration")]
    pub start_margin: Duration,
    /// How long running handlers may go on when the consumer stops; 30 s.
    #[serde(deserialize_with = "duration")]
    pub drain_deadline: Duration,
    /// What becomes of a message whose handler failed.
    pub failure: FailurePolicy,
    /// When the next message of a key starts; when the handler before it has ended.
    pub order: Order,
    /// What becomes of a message whose last delivery ended without a settle; it runs alone.
    pub suspects: Suspects,
    /// The most sessions at a time; the concurrency.
    pub sessions_max: Option<NonZeroU32>,
    /// The age at which a session is given back; 5 min.
    #[serde(deserialize_with = "duration")]
    pub session_age_max: Duration,
    /// The messages after which a session is given back; 1,000.
    pub session_messages_max: NonZeroU32,
    /// How long a session may be empty before it is given back; 1 s.
    #[serde(deserialize_with = "duration")]
    pub session_idle_max: Duration,
    /// The most messages of one call of a batch handler; 100.
    pub batch_max: NonZeroU32,
    /// How long a call to the provider may take.
    #[serde(skip)]
    pub timeouts: Timeouts,
}

/// Says when the next message of a key starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// When the handler before it has ended.
    #[default]
    Handled,
    /// When the settlement before it is confirmed: one round trip for each message and key.
    Settled,
}

/// Says what becomes of a message whose last delivery ended without a settle, which a crash of
/// the consumer would explain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suspects {
    /// It waits until no other handler of this consumer runs, and runs alone.
    #[default]
    Isolate,
    /// It runs beside others.
    Mix,
}

/// Sets concurrency, prefetch, batching and drain together.
///
/// ```
/// use relayhouse_runtime::Preset;
///
/// println!("{:#?}", Preset::LowLatency.consumer());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Many messages a second: deep prefetch, large batches.
    HighThroughput,
    /// Few calls for each message, where calls cost: one worker, one call of each kind at a time,
    /// and what comes up meanwhile fills the next one.
    LowCost,
    /// Short waits: no prefetch, every send and settle leaves at once.
    LowLatency,
    /// One worker, little memory.
    LowResource,
    /// One worker, one handler at a time, no prefetch: the same order in every run.
    DeterministicTest,
}

impl Default for ProducerConfig {
    fn default() -> Self {
        Self {
            calls_in_flight: nonzero(8),
            batch_max: nonzero(100),
            start: SendStart::FullBatch,
            buffer_messages_max: nonzero(10_000),
            buffer_bytes_max: mebibytes(64),
            full: Full::Wait,
            timeouts: Timeouts::default(),
        }
    }
}

impl Default for ConsumerConfig {
    fn default() -> Self {
        let cores = available_parallelism().map_or(1, |cores| cores.get().min(64));
        Self {
            concurrency: nonzero(16),
            workers: nonzero(u32::try_from(cores).unwrap_or(1)),
            prefetch_max: 256,
            prefetch_window: Duration::from_millis(100),
            bytes_max: mebibytes(64),
            receive_wait: Duration::from_secs(20),
            receives_in_flight: nonzero(8),
            settles_in_flight: nonzero(8),
            handler_timeout: None,
            lease_total_max: Duration::from_secs(3600),
            start_margin: Duration::from_secs(1),
            drain_deadline: Duration::from_secs(30),
            failure: FailurePolicy::default(),
            order: Order::Handled,
            suspects: Suspects::Isolate,
            sessions_max: None,
            session_age_max: Duration::from_secs(300),
            session_messages_max: nonzero(1_000),
            session_idle_max: Duration::from_secs(1),
            batch_max: nonzero(100),
            timeouts: Timeouts::default(),
        }
    }
}

impl Preset {
    /// Returns the configuration of a producer.
    #[must_use]
    pub fn producer(self) -> ProducerConfig {
        let default = ProducerConfig::default();
        match self {
            Self::HighThroughput => ProducerConfig {
                batch_max: nonzero(1_000),
                ..default
            },
            Self::LowCost => ProducerConfig {
                calls_in_flight: nonzero(1),
                batch_max: nonzero(1_000),
                ..default
            },
            Self::LowLatency => ProducerConfig {
                start: SendStart::Anything,
                ..default
            },
            Self::LowResource => ProducerConfig {
                calls_in_flight: nonzero(1),
                buffer_messages_max: nonzero(100),
                buffer_bytes_max: mebibytes(1),
                ..default
            },
            Self::DeterministicTest => ProducerConfig {
                calls_in_flight: nonzero(1),
                ..default
            },
        }
    }

    /// Returns the configuration of a consumer.
    #[must_use]
    pub fn consumer(self) -> ConsumerConfig {
        let default = ConsumerConfig::default();
        match self {
            Self::HighThroughput => ConsumerConfig {
                concurrency: nonzero(64),
                prefetch_max: 1_024,
                ..default
            },
            Self::LowCost => ConsumerConfig {
                workers: nonzero(1),
                prefetch_window: Duration::from_secs(1),
                receives_in_flight: nonzero(1),
                settles_in_flight: nonzero(1),
                ..default
            },
            Self::LowLatency => ConsumerConfig {
                prefetch_max: 0,
                ..default
            },
            Self::LowResource => ConsumerConfig {
                concurrency: nonzero(4),
                workers: nonzero(1),
                prefetch_max: 8,
                bytes_max: mebibytes(4),
                receives_in_flight: nonzero(1),
                settles_in_flight: nonzero(1),
                ..default
            },
            Self::DeterministicTest => ConsumerConfig {
                concurrency: nonzero(1),
                workers: nonzero(1),
                prefetch_max: 0,
                receives_in_flight: nonzero(1),
                settles_in_flight: nonzero(1),
                drain_deadline: Duration::from_secs(5),
                receive_wait: Duration::from_secs(1),
                ..default
            },
        }
    }
}

const fn nonzero(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}

const fn mebibytes(number: u64) -> NonZeroU64 {
    match NonZeroU64::new(number << 20) {
        Some(number) => number,
        None => NonZeroU64::MIN,
    }
}

#[cfg(test)]
mod tests {
    use relayhouse_core::config::Params;

    use super::*;

    #[test]
    fn same_keys_are_read_from_text() {
        let params = Params::from_pairs([
            ("concurrency", "64"),
            ("bytes_max", "8MiB"),
            ("handler_timeout", "30s"),
            ("order", "settled"),
        ]);
        let config: ConsumerConfig = params.and_then(|params| params.read()).unwrap();
        assert_eq!(config.concurrency, nonzero(64));
        assert_eq!(config.bytes_max, mebibytes(8));
        assert_eq!(config.handler_timeout, Some(Duration::from_secs(30)));
        assert_eq!(config.order, Order::Settled);
        assert_eq!(config.prefetch_max, ConsumerConfig::default().prefetch_max);
    }

    #[test]
    fn zero_concurrency_is_refused_by_name() {
        let params = Params::from_pairs([("concurrency", "0")]).unwrap();
        let error = params.read::<ConsumerConfig>().unwrap_err();
        assert!(
            error.to_string().starts_with("option concurrency"),
            "{error}"
        );
    }

    #[test]
    fn presets_differ_and_print() {
        let presets = [
            Preset::HighThroughput,
            Preset::LowCost,
            Preset::LowLatency,
            Preset::LowResource,
            Preset::DeterministicTest,
        ];
        for (index, preset) in presets.iter().enumerate() {
            for other in &presets[..index] {
                assert_ne!(preset.consumer(), other.consumer());
                assert_ne!(preset.producer(), other.producer());
            }
            assert!(format!("{:?}", preset.consumer()).contains("concurrency"));
        }
    }
}
