//! The arguments of `relayhouse demo`.

use clap::Args;

use super::value::{CONCURRENCY_MAX, Format, MESSAGES_MAX, count};

/// Runs a workload with failures through a queue, and shows that nothing is lost
///
/// Sends a shipped data set through a queue on disk. Handlers fail and are tried again, one
/// panics, one message cannot be decoded, and one consumer, a process of its own, is killed with
/// deliveries in its hands; a second one takes over. Everything is checked against the record of
/// what happened.
#[derive(Debug, Args)]
#[command(after_help = EXITS)]
pub(crate) struct Demo {
    /// How many messages to send; the data set is repeated as needed
    #[arg(long, value_name = "N", value_parser = count(MESSAGES_MAX))]
    pub(crate) messages: Option<u32>,

    /// How many handlers may run at a time
    #[arg(long, value_name = "N", default_value = "16", value_parser = count(CONCURRENCY_MAX))]
    pub(crate) concurrency: u32,

    /// Which handlers fail, and how: the same seed chooses the same messages
    #[arg(long, value_name = "S", default_value = "7")]
    pub(crate) seed: u64,

    /// How the result is printed; a histogram is below the table
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    pub(crate) output: Format,

    /// The queue, which must be empty; without it, one on disk in a temporary directory, which is
    /// removed at the end. In memory, the consumer that dies is a part of this process
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
}

const EXITS: &str = "Exit codes: 0 all is accounted for; 1 something is wrong; \
    2 wrong usage, or a queue that is not empty; 69 the queue cannot be used; \
    74 there is no temporary directory; 130 interrupted.";
