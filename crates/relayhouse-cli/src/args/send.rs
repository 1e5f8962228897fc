//! The arguments of `relayhouse send`.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use relayhouse::Priority;

use super::value::{Format, Header, Rate, priority, size};

/// Puts messages on a queue: lines of JSON, or anything, from a file or standard input
///
/// Each line of the input is JSON, and the body of one message as it stands.
///
/// With --envelope each line is an object around the body, of which only the body is needed:
/// `{"body":..,"headers":{..},"key":..,"delay":"5s","dedup_id":..,"priority":..}`, which is what
/// `relayhouse receive` prints as ndjson. A body that is no JSON stands in `text`, or in `base64`.
///
/// With --raw all of the input is one body, of any bytes; an input without any is none.
#[derive(Debug, Args)]
#[command(after_help = EXITS)]
pub(crate) struct Send {
    /// The queue or topic
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// The input: a file, or - for standard input
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(crate) file: PathBuf,

    /// Take all of the input for one body, of any bytes
    #[arg(long, conflicts_with_all = ["envelope", "skip", "strict"])]
    pub(crate) raw: bool,

    /// Take each line for an object with a body, headers and more
    #[arg(long)]
    pub(crate) envelope: bool,

    /// What messages have that do not say otherwise themselves
    #[command(flatten)]
    pub(crate) details: Details,

    /// How long messages are held back; `relayhouse schedule` says how to cancel them
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) delay: Option<Duration>,

    /// How fast messages are sent, such as 100/s or 6000/min
    #[arg(long, value_name = "N/TIME")]
    pub(crate) rate: Option<Rate>,

    /// Pass over this many lines first: where to go on is said when a send ends early
    #[arg(long, value_name = "LINES", default_value = "0")]
    pub(crate) skip: u64,

    /// The longest line that is taken, and with --raw the longest input
    #[arg(long, value_name = "SIZE", default_value = "1MiB", value_parser = size)]
    pub(crate) line_max: usize,

    /// Stop at the first line that is not taken, instead of passing over it
    #[arg(long)]
    pub(crate) strict: bool,

    /// Print the counts on standard output as well, when it has ended
    #[arg(long, value_name = "FORMAT")]
    pub(crate) output: Option<Format>,
}

/// What a message has unless its line says otherwise.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Details {
    /// A header; may be given several times
    #[arg(long = "header", value_name = "KEY=VALUE")]
    pub(crate) headers: Vec<Header>,

    /// The ordering key: messages of one key are handled one after the other, in their order
    #[arg(long, value_name = "KEY", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) key: Option<String>,

    /// What the queue knows a message by that it has already; the message of line N gets ID:N, so
    /// that the same input can be sent again
    #[arg(long, value_name = "ID", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) dedup_id: Option<String>,

    /// The priority, 0 to 9, of which 9 comes first
    #[arg(long, value_name = "0-9", value_parser = priority)]
    pub(crate) priority: Option<Priority>,

    /// The media type of the bodies; application/json, and with --raw none
    #[arg(long, value_name = "TYPE", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) content_type: Option<String>,
}

const EXITS: &str = "\
Messages arrive in the order of the input, where the queue keeps its order: many are under way at
a time, and leave in large batches. A message counts as sent when the queue has confirmed it. What fails for a while is tried again,
five times in all, but a message with an ordering key: it would come after those behind it. When a
send ends early, it says how many are confirmed, how many failed, of how many nobody knows, and
with which --skip to go on. Messages that are confirmed behind that line are then sent twice, but
for those with a --dedup-id that the queue still knows.

Lines that are empty are passed over. Lines that are not what they should be, or longer than
--line-max, and messages that the queue refuses for what they are, are reported and passed over.
Ctrl-C waits for what is under way; a second one does not.

Exit codes, the first that applies:
  141  whoever read standard output has gone
  74   reading or writing failed
  69   the queue failed, or does not say whether it has a message
  130  interrupted
  65   a line was not taken
  0    every line is on the queue
Before anything is sent: 2 wrong usage, 66 no input, 69 no queue.";
