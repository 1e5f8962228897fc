//! The arguments of `relayhouse receive`.

use std::time::Duration;

use clap::Args;

use super::value::{Format, MESSAGES_MAX, count};

/// Takes messages from a queue and prints them
///
/// Unless told otherwise, it gives them back when it ends: they come again, with one attempt more
/// on their count. With --ack they are done with once they are printed.
#[derive(Debug, Args)]
#[command(after_help = EXITS)]
pub(crate) struct Receive {
    /// The queue, subscription or dead-letter queue
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// How many messages to take at most
    #[arg(long, value_name = "N", default_value = "1", value_parser = count(MESSAGES_MAX))]
    pub(crate) max: u32,

    /// How long to wait for a message, and for each further one
    #[arg(long, value_name = "TIME", default_value = "1s",
        value_parser = humantime::parse_duration)]
    pub(crate) wait: Duration,

    /// Ack messages once they are printed: they are gone then
    #[arg(long, conflicts_with_all = ["dead_letter", "leave"])]
    pub(crate) ack: bool,

    /// Dead-letter messages for this reason once they are printed
    #[arg(long, value_name = "REASON", conflicts_with = "leave",
        value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub(crate) dead_letter: Option<String>,

    /// Settle nothing: messages come again when their lease has ended
    #[arg(long)]
    pub(crate) leave: bool,

    /// The lease to ask for; 30s, or what the queue sets where none can be asked for
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) lease: Option<Duration>,

    /// Print bodies alone, as they are
    #[arg(long, conflicts_with = "output")]
    pub(crate) raw: bool,

    /// How messages are printed; a table on a terminal, otherwise ndjson
    #[arg(long, value_name = "FORMAT")]
    pub(crate) output: Option<Format>,
}

const EXITS: &str = "\
What ndjson prints, `relayhouse send --envelope` takes: a body that is JSON as it stands, another
as \"text\" or \"base64\". \"delivery\" tells of this delivery, \"dead_letter\" why a message is dead;
a send passes over both.

A message is settled when it is printed, so one that is printed and not settled comes again.
What it took and could not print is given back, with one attempt more. Without --ack,
--dead-letter and --leave, what it holds until its end is bounded: 64 MiB.

Exit codes, the first that applies:
  141  whoever read standard output has gone; what it did not get was given back
  74   writing failed
  69   the queue cannot be used, or did not confirm a settlement
  130  interrupted; what was printed is settled
  0    all is printed, be it nothing
Before anything is received: 2 wrong usage, 69 no queue.";
