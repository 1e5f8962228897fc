//! The command line.

use std::{num::NonZeroU32, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum, error::ErrorKind};
use relayhouse::config;
use serde::de::{IntoDeserializer, value::Error as ValueError, value::StrDeserializer};

use crate::{
    console::Verbosity,
    exit::{Code, Failure},
};

const CONCURRENCY_MAX: i64 = 10_000;
const MESSAGES_MAX: i64 = 1_000_000;

/// Message queues on the command line.
#[derive(Debug, Parser)]
#[command(name = "relayhouse", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Say more; twice for what the runtime does
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    verbose: u8,

    /// Say nothing but errors
    #[arg(short, long, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs a workload with failures through a queue, and shows that nothing is lost
    Demo(Demo),
    /// Runs a command for each line of the input, like xargs, through a queue
    Pipe(Box<Pipe>),
}

/// Sends a shipped data set through a queue. Handlers fail and are tried again, one panics, one
/// message cannot be decoded, and one consumer dies with deliveries in its hands; a second one
/// takes over. Everything is checked against the record of what happened.
#[derive(Debug, Args)]
#[command(after_help = DEMO_EXITS)]
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

    /// How the result is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Format,

    /// The queue
    #[arg(long, value_name = "URL", default_value = "memory://demo")]
    pub(crate) url: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// A table and a histogram
    Text,
    /// One JSON object
    Json,
}

const DEMO_EXITS: &str = "Exit codes: 0 all is accounted for; 1 something is wrong; \
    2 wrong usage; 130 interrupted.";

/// Reads newline-delimited JSON, puts each line on a queue, and runs a command for each message
/// with the line on its standard input. Without --exec the lines come out as they went in.
///
/// Standard output of a command that succeeds is the result of its message: it is written when
/// the command has ended, whole, in the order in which commands end. With one command at a time,
/// the default, that is the order of the input, but for messages that were tried again. What a
/// command that fails has printed is dropped; standard error passes through.
#[derive(Debug, Args)]
#[command(after_help = PIPE_EXITS)]
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

const PIPE_EXITS: &str = "\
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

fn count(max: i64) -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..=max)
}

fn size(text: &str) -> Result<usize, String> {
    let deserializer: StrDeserializer<'_, ValueError> = text.into_deserializer();
    let bytes = config::bytes_nonzero(deserializer).map_err(|error| error.to_string())?;
    usize::try_from(bytes.get()).map_err(|_| format!("{bytes} is more than fits into memory"))
}

impl Cli {
    pub(crate) fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, 1) => Verbosity::Verbose,
            (false, _) => Verbosity::Debug,
        }
    }
}

/// Reads the command line; `Ok(None)` if it asked for help or the version, which is printed.
pub(crate) fn parse() -> Result<Option<Cli>, Failure> {
    let error = match Cli::try_parse() {
        Ok(cli) => return Ok(Some(cli)),
        Err(error) => error,
    };
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => match error.print() {
            Ok(()) => Ok(None),
            Err(error) => Err(Failure::io("standard output", &error)),
        },
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            // It goes to standard error, where nobody can be told if that fails.
            let _ = error.print();
            Err(Failure::new(Code::Usage, ""))
        }
        _ => Err(Failure::new(Code::Usage, one_line(&error.to_string()))),
    }
}

/// Makes one line of clap's report: what is wrong and what to do, without the usage.
fn one_line(report: &str) -> String {
    let report = report.split("\n\nUsage:").next().unwrap_or_default();
    let report = report
        .split("\n\nFor more information")
        .next()
        .unwrap_or_default();
    let words: Vec<_> = report.split_whitespace().collect();
    let text = words.join(" ");
    let text = text
        .strip_prefix("error: ")
        .unwrap_or(&text)
        .replace(" tip: ", "; ");
    format!("{text} (see --help)")
}
