//! The arguments of `relayhouse create`.

use std::{
    num::{NonZeroU32, NonZeroU64},
    time::Duration,
};

use clap::Args;

use super::value::size;

/// Creates a queue, or a subscription with its topic
///
/// One that is there with the same options is left as it is. What is not said here is left to the
/// provider. The embedded queues need no creation: they are created by their first use. On Amazon
/// SQS a queue for its dead letters is created with it, which is called NAME-dead.
#[derive(Debug, Args)]
#[command(after_help = EXITS)]
pub(crate) struct Create {
    /// The queue or subscription
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// The lease that a receive gives
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) lease: Option<Duration>,

    /// The deliveries after which the queue dead-letters a message
    #[arg(long, value_name = "N")]
    pub(crate) attempts: Option<NonZeroU32>,

    /// Hand out messages through sessions only
    #[arg(long)]
    pub(crate) sessions: bool,

    /// How long a dedup id is known
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) dedup_window: Option<Duration>,

    /// The time to live of a message that sets none
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) ttl: Option<Duration>,

    /// Dead-letter a message that was not delivered in time, instead of dropping it
    #[arg(long)]
    pub(crate) dead_letter_expired: bool,

    /// The most messages
    #[arg(long, value_name = "N")]
    pub(crate) messages_max: Option<NonZeroU64>,

    /// The most bytes
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub(crate) bytes_max: Option<usize>,
}

const EXITS: &str = "\
Exit codes: 0 it is there; 2 wrong usage; 69 the provider refuses, or it is there with other \
options.";
