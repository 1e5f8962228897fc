//! The arguments of `relayhouse work`.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::Args;

use super::value::{CONCURRENCY_MAX, Format, count};

/// Runs a command for each message of a queue
///
/// The command has the body on its standard input, and says by its exit code what becomes of the
/// message.
///
/// Messages of one ordering key are handled one after the other, in their order; any number of
/// keys at once. A message is leased while its command runs, and the lease renewed: if this
/// program is killed, its messages come back when their leases have ended.
///
/// A command never sees a part of a body: it is whole before the command starts. If this program
/// is killed with -9, its commands run on by themselves, and may overlap with the next attempt.
///
/// Standard output of a command that succeeds is passed on when the command has ended, whole.
/// What a command that fails has printed is dropped; standard error passes through.
#[derive(Debug, Args)]
#[command(after_help = EXITS)]
pub(crate) struct Work {
    /// The queue, subscription or dead-letter queue
    #[arg(value_name = "URL")]
    pub(crate) url: String,

    /// The command, run by `sh -c` (`cmd /C` on Windows)
    #[arg(long, value_name = "CMD")]
    pub(crate) exec: String,

    /// How many commands may run at a time
    #[arg(long, value_name = "N", default_value = "1", value_parser = count(CONCURRENCY_MAX))]
    pub(crate) concurrency: u32,

    /// How long a command may take; it is killed then, and the message is tried again
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) timeout: Option<Duration>,

    /// How often a message is tried again before it is dead-lettered
    #[arg(long, value_name = "N", default_value = "4",
        value_parser = clap::value_parser!(u32).range(0..=i64::from(u32::MAX) - 1))]
    pub(crate) retries: u32,

    /// How long a message stays away after the first failure, at most; doubles with each further
    #[arg(long, value_name = "TIME", default_value = "100ms",
        value_parser = humantime::parse_duration)]
    pub(crate) retry_delay: Duration,

    /// How long a message stays away after exit code 75
    #[arg(long, value_name = "TIME", default_value = "1s",
        value_parser = humantime::parse_duration)]
    pub(crate) release_delay: Duration,

    /// How long a message is leased; if this program is killed, it comes back after that; 30s, or
    /// what the queue sets where none can be asked for
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) lease: Option<Duration>,

    /// End when the queue is empty: nothing is ready, leased by anybody, or held back. Where counts
    /// are approximate it has to look so three times, a second apart
    #[arg(long)]
    pub(crate) until_empty: bool,

    /// How long running commands may go on after Ctrl-C
    #[arg(long, value_name = "TIME", default_value = "30s",
        value_parser = humantime::parse_duration)]
    pub(crate) drain: Duration,

    /// Show how it goes over HTTP, and let it be paused and resumed: /healthz, /readyz, /metrics,
    /// /stats, /scale, /events, /pause, /resume, /openapi.json
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) http: Option<SocketAddr>,

    /// A file with the token that requests must carry; else the environment has it, as said below.
    /// Without any, only a loopback address is served
    #[arg(long, value_name = "FILE", requires = "http")]
    pub(crate) http_token_file: Option<PathBuf>,

    /// Print the counts on standard output when it has ended, or with ndjson one object for each
    /// attempt when it has; instead of what commands print
    #[arg(long, value_name = "FORMAT")]
    pub(crate) output: Option<Format>,
}

const EXITS: &str = "\
The command sees RELAYHOUSE_MESSAGE_ID, RELAYHOUSE_ATTEMPT (1 is the first), RELAYHOUSE_KEY (the
ordering key, if there is one) and each header that is text: the header tenant-id in
RELAYHOUSE_HEADER_TENANT_ID, for which what is neither letter nor digit becomes _.
What its exit code means:
  0      done
  65     wrong for good: the message is dead-lettered
  75     not now: the message comes back after --release-delay
  other  the message comes back after --retry-delay, with jitter
A message that was tried once and --retries times again is dead-lettered.

The variable RELAYHOUSE_HTTP_TOKEN has the token of --http; commands do not see it.

Ctrl-C lets running commands end and gives back what has not started; a second one kills them.

Exit codes, the first that applies:
  141  whoever read standard output has gone
  74   writing failed
  69   the queue cannot be used any more
  130  interrupted
  1    a message was dead-lettered
  0    with --until-empty: the queue is empty
Before anything is received: 2 wrong usage, 66 no token file, 69 no queue, or no address to serve.";
