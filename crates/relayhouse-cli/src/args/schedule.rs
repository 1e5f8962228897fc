//! The arguments of `relayhouse schedule`.

use std::time::Duration;

use clap::Args;
use relayhouse::{NotBefore, Timestamp};

use super::{messages::Messages, value::Format};

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

    #[command(flatten)]
    pub(crate) messages: Messages,

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
