//! The arguments of `relayhouse tail`.

use std::{num::NonZeroU32, time::Duration};

use clap::Args;
use regex::bytes::Regex;

use super::{decoding::Decoding, value::Format};

/// Shows messages as they arrive, without taking them
///
/// It looks again and again, as `relayhouse peek` does: no lease begins, and no attempt is counted.
/// What comes and is done with between two looks is not seen.
#[derive(Debug, Args)]
#[command(after_help = EXITS)]
pub(crate) struct Tail {
    /// The queue, subscription or dead-letter queue
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// Show what is there already as well
    #[arg(long)]
    pub(crate) from_start: bool,

    /// Show those whose body, headers, reason or description match this regular expression; given
    /// several times, each of them
    #[arg(long = "match", value_name = "REGEX")]
    pub(crate) patterns: Vec<Regex>,

    /// End when so many are shown
    #[arg(long, value_name = "N")]
    pub(crate) count: Option<NonZeroU32>,

    /// End when nothing has arrived for so long
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) idle: Option<Duration>,

    /// How long to wait between two looks, once there is nothing new
    #[arg(long, value_name = "TIME", default_value = "500ms",
        value_parser = humantime::parse_duration)]
    pub(crate) every: Duration,

    /// Says whether bodies are decoded
    #[command(flatten)]
    pub(crate) decoding: Decoding,

    /// How messages are printed; a table on a terminal, otherwise ndjson
    #[arg(long, value_name = "FORMAT")]
    pub(crate) output: Option<Format>,
}

const EXITS: &str = "\
A message that is held back is shown when it is sent, one that is given back not again. New is what
has a higher number than all that was there: a partitioned queue of Azure Service Bus gives numbers
by partition, and part of what arrives there is not seen. Amazon SQS shows no messages without
receiving them: `relayhouse receive` prints some and gives them back, and `relayhouse stats --watch`
counts.

Exit codes: 0 as many as asked for are printed, or nothing came for --idle; 2 wrong usage, or the
provider shows no messages; 65 a file is no schema; 66 a file cannot be read; 69 the provider
refuses; 74 writing failed; 130 interrupted; 141 whoever read standard output has gone.";
