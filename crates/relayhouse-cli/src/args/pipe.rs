//! The arguments of `relayhouse pipe`.

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use clap::Args;

use super::value::{CONCURRENCY_MAX, count, size};

/// Runs a command for each line of the input, like xargs, through a queue
///
/// Reads newline-delimited JSON, puts each line on a queue, and runs a command for each message
/// with the line on its standard input. Without --exec the lines come out as they went in.
///
/// Standard output of a command that succeeds is the result of its message: it is written when
/// the command has ended, whole, in the order in which commands end. With one command at a time,
/// the default, that is the order of the input, but for messages that were tried again. What a
/// command that fails has printed is dropped; standard error passes through.
#[derive(Debug, Args)]
#[command(after_help = EXITS)]
pub(crate) struct Pipe {
    /// The input: a file, or - for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) from: PathBuf,

    /// The command, run by `sh -c` (`cmd /C` on Windows)
    #[arg(long, value_name = "CMD")]
    pub(crate) exec: Option<String>,

    /// How many commands may run at a time
    #[arg(long, value_name = "N", default_value = "1", value_parser = count(CONCURRENCY_MAX))]
    pub(crate) concurrency: u32,

    /// Where results go, instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) results: Option<PathBuf>,

    /// Where dead letters go, one JSON object a line; otherwise they are only reported
    #[arg(long, value_name = "FILE")]
    pub(crate) dead_letters: Option<PathBuf>,

    /// How often a message is tried before it is dead-lettered
    #[arg(long, value_name = "N", default_value = "5")]
    pub(crate) attempts: NonZeroU32,

    /// How long a command may take; it is killed then, and the message is tried again
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Option<Duration>,

    /// How long a message stays away after the first failure, at most; doubles with each further
    #[arg(long, value_name = "TIME", default_value = "100ms",
        value_parser = humantime::parse_duration)]
    pub(crate) retry_delay: Duration,

    /// How long a message stays away after exit code 75
    #[arg(long, value_name = "TIME", default_value = "1s",
        value_parser = humantime::parse_duration)]
    pub(crate) release_delay: Duration,

    /// How long running commands may go on after Ctrl-C
    #[arg(long, value_name = "TIME", default_value = "30s",
        value_parser = humantime::parse_duration)]
    pub(crate) drain: Duration,

    /// The longest line that is taken
    #[arg(long, value_name = "SIZE", default_value = "1MiB", value_parser = size)]
    pub(crate) line_max: usize,

    /// Stop at the first line that is not taken, instead of passing over it
    #[arg(long)]
    pub(crate) strict: bool,

    /// The queue
    #[arg(long, value_name = "URL", default_value = "memory://pipe")]
    pub(crate) url: String,
}

const EXITS: &str = "\
The command sees RELAYHOUSE_MESSAGE_ID, RELAYHOUSE_ATTEMPT (1 is the first) and RELAYHOUSE_LINE.
What its exit code means:
  0      done
  65     wrong for good: the message is dead-lettered
  75     not now: the message comes back after --release-delay
  other  the message comes back after --retry-delay, with jitter
A message that was tried --attempts times is dead-lettered.

Lines that are empty are passed over. Lines that are not JSON, or longer than --line-max, are
reported and passed over. Ctrl-C lets running commands end and reports what is left; a second one
kills them.

Exit codes, the first that applies:
  141  whoever read standard output has gone
  74   reading or writing failed
  130  interrupted
  65   a line was not taken
  1    a message was dead-lettered
  0    every message was done
Before anything is sent: 2 wrong usage, 66 no input, 69 no queue, 73 a file cannot be created.";
