//! The command line.

mod audit;
mod bench;
mod common;
mod config;
mod create;
mod decoding;
mod demo;
mod dlq;
mod emulator;
mod list;
mod look;
mod messages;
mod peek;
mod pipe;
mod receive;
mod remove;
mod schedule;
mod schema;
mod send;
mod shell;
mod stats;
mod tail;
mod transfer;
mod value;
mod work;

use std::{ffi::OsString, path::PathBuf};

use clap::{Command as Clap, FromArgMatches, Parser, Subcommand, error::ErrorKind};

pub(crate) use self::{
    audit::Audited,
    bench::Bench,
    config::{Action as ConfigAction, Config},
    create::Create,
    decoding::Decoding,
    demo::Demo,
    dlq::{
        Action as DlqAction, Dlq, Edit as DlqEdit, Export as DlqExport, Grep as DlqGrep,
        Import as DlqImport, List as DlqList, Purge as DlqPurge, Redrive as DlqRedrive,
        Show as DlqShow, Which,
    },
    emulator::{Emulator, Service, ServiceBus, Sqs},
    list::List,
    look::{Capabilities, Doctor},
    messages::{Details, Messages},
    peek::Peek,
    pipe::Pipe,
    receive::Receive,
    remove::{Cancel, Delete, Purge},
    schedule::Schedule,
    schema::{
        Action as SchemaAction, Check as SchemaCheck, Mode as SchemaMode, Schema,
        Show as SchemaShow,
    },
    send::Send as SendArgs,
    shell::{Completions, Man},
    stats::Stats,
    tail::Tail,
    transfer::Move,
    value::{Format, Rate},
    work::Work,
};
use crate::{
    console::Verbosity,
    exit::{Code, Failure},
};

/// Message queues on the command line.
#[derive(Debug, Parser)]
#[command(name = "relayhouse", version, arg_required_else_help = true, after_help = URLS)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Say more; twice for what the runtime does
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    verbose: u8,

    /// Say nothing but errors
    #[arg(short, long, global = true)]
    quiet: bool,

    /// The file of settings, instead of the usual one; `relayhouse config show --help` says more
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,

    /// The settings to take of that file
    #[arg(long, value_name = "NAME", global = true)]
    pub(crate) profile: Option<String>,
}

/// Says what to do; the arguments of each command begin with what it is for.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Send(Box<SendArgs>),
    Schedule(Box<Schedule>),
    Receive(Box<Receive>),
    Peek(Box<Peek>),
    Tail(Box<Tail>),
    Work(Box<Work>),
    Create(Box<Create>),
    List(Box<List>),
    Stats(Box<Stats>),
    Bench(Box<Bench>),
    Doctor(Box<Doctor>),
    Capabilities(Box<Capabilities>),
    Purge(Box<Purge>),
    Delete(Box<Delete>),
    Cancel(Box<Cancel>),
    Dlq(Box<Dlq>),
    Move(Box<Move>),
    Pipe(Box<Pipe>),
    Schema(Box<Schema>),
    Config(Box<Config>),
    Demo(Box<Demo>),
    Emulator(Box<Emulator>),
    Completions(Completions),
    Man(Box<Man>),
    /// Is the consumer that the demonstration kills
    #[command(hide = true)]
    DemoConsumer,
}

const URLS: &str = "\
A queue is named by its URL, such as local:./queues/orders, which is a file. Its dead letters are a
queue as well, whose URL ends with /$deadletterqueue; a subscription is
local:./queues/TOPIC/subscriptions/NAME. Options follow as in local:./queues/orders?lease=1min.
Amazon SQS is sqs://REGION/QUEUE, with what AWS's environment says, such as AWS_PROFILE and
AWS_ENDPOINT_URL_SQS; 'sqs://REGION/QUEUE-{0..7}', in quotes, is one queue over eight of SQS.
Azure Service Bus is servicebus://NAMESPACE/QUEUE, or servicebus:///QUEUE in the namespace of
RELAYHOUSE_SERVICEBUS_CONNECTION_STRING.
A name instead of a URL is one of the configuration file: `relayhouse config show --help`.
Each command has its exit codes in its --help.";

impl Cli {
    /// Returns how much to say, and the option that says so.
    pub(crate) const fn verbosity(&self) -> Option<(&'static str, Verbosity)> {
        match (self.quiet, self.verbose) {
            (true, _) => Some(("--quiet", Verbosity::Quiet)),
            (false, 0) => None,
            (false, 1) => Some(("--verbose", Verbosity::Verbose)),
            (false, _) => Some(("--verbose", Verbosity::Debug)),
        }
    }
}

/// Reads the command line as `clap` has it; `Ok(None)` if it asked for help or the version, which is
/// printed.
pub(crate) fn parse(clap: Clap, args: &[OsString]) -> Result<Option<Cli>, Failure> {
    let matches = clap.try_get_matches_from(args);
    let error = match matches.and_then(|matches| Cli::from_arg_matches(&matches)) {
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
