//! What queues of SQS can do, by kind.

use std::{
    num::{NonZeroU32, NonZeroU64},
    time::Duration,
};

use relayhouse_core::{Attempts, Capabilities, DedupScope, LeaseKind, Support};

use crate::config::{Config, LongDelays, Peek};

/// The most bytes of one message, and of one batch, as SQS counts them: 1 MiB.
pub(crate) const SQS_BYTES_MAX: u64 = 1024 * 1024;

/// The most bytes of one message of a topic, and of one batch: 256 KiB.
#[cfg(feature = "sns")]
pub(crate) const SNS_BYTES_MAX: u64 = 256 * 1024;

/// The most entries of one batch.
pub(crate) const BATCH_MAX: usize = 10;

/// The longest lease, extensions included.
pub(crate) const LEASE_TOTAL_MAX: Duration = Duration::from_secs(43_200);

/// The longest wait of one receive.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(20);

/// The longest delay of a message.
pub(crate) const SCHEDULE_MAX: Duration = Duration::from_secs(900);

/// What a message of text without headers needs beyond its body.
const OVERHEAD: u64 = 1024;

/// A standard queue.
pub(crate) const STANDARD: Capabilities = Capabilities {
    ack: Support::Native,
    release: Support::Native,
    release_delay: Support::Native,
    dead_letter: Support::Emulated,
    redrive: Support::Native,
    attempts_limit: Support::Native,
    attempts: Attempts::Approximate,
    lease: LeaseKind::Delivery,
    schedule: Support::Native,
    purge: Support::Native,
    stats: Support::Native,
    create: Support::Native,
    headers: Support::Native,
    send_batch_max: NonZeroU32::new(10),
    send_bytes_max: NonZeroU64::new(SQS_BYTES_MAX),
    message_bytes_max: NonZeroU64::new(SQS_BYTES_MAX - OVERHEAD),
    receive_batch_max: NonZeroU32::new(10),
    receive_bytes_over_max: NonZeroU64::new(10 * SQS_BYTES_MAX),
    receive_wait_max: Some(WAIT_MAX),
    settle_batch_max: NonZeroU32::new(10),
    extend_batch_max: NonZeroU32::new(10),
    schedule_max: Some(SCHEDULE_MAX),
    release_delay_max: Some(LEASE_TOTAL_MAX),
    lease_max: Some(LEASE_TOTAL_MAX),
    lease_total_max: Some(LEASE_TOTAL_MAX),
    in_flight_max: NonZeroU32::new(120_000),
    ..Capabilities::NONE
};

/// A standard queue, longer delays on which go in hops.
pub(crate) const HOPPING: Capabilities = Capabilities {
    schedule: Support::Emulated,
    schedule_max: None,
    release_delay: Support::Emulated,
    release_delay_max: None,
    ..STANDARD
};

/// A FIFO queue: order by key, and no delay of a single message.
pub(crate) const FIFO: Capabilities = Capabilities {
    lease_exclusive: Support::Native,
    key_order: Support::Native,
    schedule: Support::Unsupported,
    schedule_max: None,
    dedup: Support::Native,
    dedup_answer: Support::Emulated,
    dedup_window: Some(Duration::from_secs(5 * 60)),
    ..STANDARD
};

/// Returns what a message may be that SQS took before, from whatever program: what it weighs is then
/// counted as SQS does, and no more room is asked for than it needs.
pub(crate) const fn again(is_fifo: bool) -> &'static Capabilities {
    const STANDARD_AGAIN: Capabilities = Capabilities {
        message_bytes_max: None,
        ..STANDARD
    };
    const FIFO_AGAIN: Capabilities = Capabilities {
        message_bytes_max: None,
        ..FIFO
    };
    if is_fifo {
        &FIFO_AGAIN
    } else {
        &STANDARD_AGAIN
    }
}

/// What both kinds of queues and topics can do, as far as the options let them.
#[derive(Debug)]
pub(crate) struct Declared {
    standard: Capabilities,
    fifo: Capabilities,
    #[cfg(feature = "sns")]
    topic: Capabilities,
    #[cfg(feature = "sns")]
    fifo_topic: Capabilities,
}

impl Declared {
    pub(crate) fn of(config: &Config, has_topics: bool) -> Self {
        let topics = match has_topics {
            true => Support::Native,
            false => Support::Unsupported,
        };
        let peek = match config.peek {
            Peek::Refuse => Support::Unsupported,
            Peek::Receive => Support::Emulated,
        };
        let standard = Capabilities {
            peek,
            topics,
            ..match config.long_delays {
                LongDelays::Refuse => STANDARD,
                LongDelays::Hop => HOPPING,
            }
        };
        let fifo = Capabilities {
            peek,
            topics,
            dedup_scope: if config.high_throughput {
                DedupScope::Key
            } else {
                DedupScope::Queue
            },
            ..FIFO
        };
        Self {
            #[cfg(feature = "sns")]
            topic: of_topic(&standard),
            #[cfg(feature = "sns")]
            fifo_topic: of_topic(&fifo),
            standard,
            fifo,
        }
    }

    /// Returns what can be sent to a topic.
    #[cfg(feature = "sns")]
    pub(crate) const fn topic(&self, is_fifo: bool) -> &Capabilities {
        if is_fifo {
            &self.fifo_topic
        } else {
            &self.topic
        }
    }

    /// Returns what `count` queues can do together.
    pub(crate) fn sharded(&self, is_fifo: bool, count: u32) -> Capabilities {
        let one = self.queue(is_fifo);
        let times = |max: Option<NonZeroU32>| {
            let count = NonZeroU32::new(count)?;
            Some(max?.saturating_mul(count))
        };
        Capabilities {
            dedup_scope: DedupScope::Key,
            send_batch_max: times(one.send_batch_max),
            settle_batch_max: times(one.settle_batch_max),
            extend_batch_max: times(one.extend_batch_max),
            in_flight_max: times(one.in_flight_max),
            ..one.clone()
        }
    }

    /// Returns what a queue can do.
    pub(crate) const fn queue(&self, is_fifo: bool) -> &Capabilities {
        if is_fifo { &self.fifo } else { &self.standard }
    }
}

/// Returns what can be sent to a topic whose subscriptions are `queues`: SNS holds nothing back, and
/// does not say of a message that it dropped it.
#[cfg(feature = "sns")]
fn of_topic(queues: &Capabilities) -> Capabilities {
    Capabilities {
        schedule: Support::Unsupported,
        schedule_max: None,
        dedup_answer: Support::Unsupported,
        send_bytes_max: NonZeroU64::new(SNS_BYTES_MAX),
        message_bytes_max: NonZeroU64::new(SNS_BYTES_MAX - OVERHEAD),
        ..queues.clone()
    }
}
