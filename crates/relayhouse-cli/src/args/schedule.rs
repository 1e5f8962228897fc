//! The arguments of `relayhouse schedule`.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use relayhouse::{NotBefore, Timestamp};

use super::{
    send::{Details, Send},
    value::{Format, size},
};

/// Puts messages on a queue that are held back until a time
///
/// The input is that of `relayhouse send`. For each message that is on the queue it prints the
/// number, with which `relayhouse cancel` takes it back until then.
#[derive(Debug, Args)]
#[command(after_help = EXITS)]
pub(crate) struct Schedule {
    /// The queue or topic
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// The time at which messages may be delivered first, such as 2030-01-01T06:00:00Z
    #[arg(
        long,
        value_name = "TIME",
        required_unless_present = "after",
        conflicts_with = "after"
    )]
    pub(crate) at: Option<Timestamp>,

    /// How long after the queue has taken them, such as 2h
    #[arg(long = "in", value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub(crate) after: Option<Duration>,

    /// The input: a file, or - for standard input
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(crate) file: PathBuf,

    /// Take all of the input for one body, of any bytes
    #[arg(long, conflicts_with_all = ["envelope", "skip", "strict"])]
    pub(crate) raw: bool,

    /// Take each line for an object with a body, headers and more; a delay of its own comes first
    #[arg(long)]
    pub(crate) envelope: bool,

    /// What messages have that do not say otherwise themselves
    #[command(flatten)]
    pub(crate) details: Details,

    /// Pass over this many lines first: where to go on is said when it ends early
    #[arg(long, value_name = "LINES", default_value = "0")]
    pub(crate) skip: u64,

    /// The longest line that is taken, and with --raw the longest input
    #[arg(long, value_name = "SIZE", default_value = "1MiB", value_parser = size)]
    pub(crate) line_max: usize,

    /// Stop at the first line that is not taken, instead of passing over it
    #[arg(long)]
    pub(crate) strict: bool,

    /// How numbers are printed; a table on a terminal, otherwise ndjson
    #[arg(long, value_name = "FORMAT")]
    pub(crate) output: Option<Format>,
}

impl Schedule {
    /// Returns until when messages are held back.
    pub(crate) fn not_before(&self) -> NotBefore {
        match (self.at, self.after) {
            (Some(at), _) => NotBefore::At(at),
            (None, after) => NotBefore::After(after.unwrap_or_default()),
        }
    }

    /// Returns what `relayhouse send` does with the same input.
    pub(crate) fn into_send(self) -> Send {
        Send {
            url: self.url,
            file: self.file,
            raw: self.raw,
            envelope: self.envelope,
            details: self.details,
            delay: None,
            rate: None,
            skip: self.skip,
            line_max: self.line_max,
            strict: self.strict,
            output: None,
        }
    }
}

const EXITS: &str = "\
\"line\" is the line of the input, \"sequence\" the number that `relayhouse cancel` takes, and \"at\"
the time at which a message may be delivered first, as this machine's clock has it. A number is
printed when the queue has confirmed its message. A provider that gives none, such as Amazon SQS,
cannot cancel.

How long a message can be held back is the provider's to say, and is said where it is too long:
Amazon SQS holds messages for 15 minutes, a FIFO queue of it for as long as the queue says, for all
of them; with ?long_delays=hop the adapter sends a message again and again until its time comes.

Exit codes, the first that applies:
  141  whoever read standard output has gone
  74   reading or writing failed
  69   the queue failed, or does not say whether it has a message
  130  interrupted
  65   a line was not taken
  0    every line is on the queue
Before anything is sent: 2 wrong usage, a time that is past, or one that is too late for the
provider; 66 no input, 69 no queue.";
