//! The program `relayhouse`: xargs for queues, a hand on any queue, and a demonstration.
//!
//! [`main`] is the program with the adapters of this build. [`run`] is one command line of it with
//! the adapters of a [`Registry`] of your own: a program of ten lines has all the commands for a
//! queue that only you know.
//!
//! # Exit codes
//!
//! The numbers are those of `sysexits.h` and of the shell. Where several apply, the first one of
//! this table counts.
//!
//! | code | what it means | of which commands |
//! | --- | --- | --- |
//! | 2 | the command line, a setting or a URL is wrong; nothing was done | all |
//! | 66 | the input or a configuration file cannot be opened; nothing was done | all |
//! | 73 | an output file cannot be created; nothing was done | `pipe`, `dlq`, `move`, `purge`, `delete`, `cancel`, `man` |
//! | 141 | whoever read standard output has gone | all |
//! | 74 | reading or writing failed | all |
//! | 69 | the queue cannot be used, or not any more | all |
//! | 130 | Ctrl-C, or a signal that asks to end | all |
//! | 65 | a line of the input or a message was not taken, or a file is no schema | `pipe`, `send`, `schedule`, `schema`, `peek`, `tail`, `dlq`, `move` |
//! | 1 | a message was dead-lettered, be it again, something was found that is wrong, or schemas are not compatible | `pipe`, `work`, `demo`, `schema`, `dlq`, `doctor`, `bench` |
//! | 0 | all went well; that there was nothing to do is well, too | all |

mod args;
mod audit;
mod bench;
mod capabilities;
mod carry;
mod confirm;
mod console;
mod create;
mod decode;
mod demo;
mod dlq;
mod doctor;
mod emulator;
mod envelope;
mod exec;
mod exit;
mod failure;
mod input;
mod lease;
mod leased;
mod list;
mod open;
mod output;
mod pace;
mod peek;
mod pipe;
mod place;
mod print;
mod progress;
mod receive;
mod remove;
mod schedule;
mod schema;
mod send;
mod sessions;
mod settings;
mod shell;
mod stats;
mod tail;
mod transfer;
mod until;
mod work;

use std::{
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
};

use clap::CommandFactory;
use relayhouse::Registry;
use tokio::runtime::{Builder, Runtime};

use self::{
    args::{Cli, Command},
    console::{Console, Verbosity},
    exit::{Code, Failure},
    settings::Settings,
};

/// Is what somebody wants, and what is set for it.
struct Asked {
    command: Command,
    settings: Settings,
}

/// Where results go.
type Stdout = Box<dyn Write + Send>;

/// Runs the program: reads its command line, and does what it says.
#[must_use]
pub fn main() -> ExitCode {
    let asked = match parsed(std::env::args_os()) {
        Ok(asked) => asked,
        Err(code) => return code.into(),
    };
    let console = Console::new(asked.settings.verbosity());
    console.show_logs();
    let code = match runtime() {
        Ok(runtime) => {
            let code = runtime.block_on(alone(asked, console));
            // What is left after an interrupted run may never end, such as a read from a terminal.
            runtime.shutdown_background();
            code
        }
        Err(failure) => report(console, &failure),
    };
    code.into()
}

/// Runs the command line `args`, of which the first is the program's name, with the adapters of
/// `registry`, and returns the exit code. Results go to `stdout`, which is flushed, and what is
/// for a person to standard error.
///
/// It listens for Ctrl-C. It closes the queue that it opened, and with it the provider, unless
/// the registry shares that among others. For all queues but those of `memory://`, `demo` starts the running
/// program once more, which must hand its command line to this function.
///
/// Dropping the future drops what it was about: running commands are killed, and what they were
/// given comes again when its lease ends.
pub async fn run<I>(args: I, registry: &Registry, stdout: impl Write + Send + 'static) -> u8
where
    I: IntoIterator<Item: Into<OsString> + Clone>,
{
    let code = match parsed(args) {
        Ok(asked) => {
            let console = Console::new(asked.settings.verbosity());
            Box::pin(reported(asked, registry, console, Box::new(stdout))).await
        }
        Err(code) => code,
    };
    code as u8
}

/// Runs with a registry of its own, and standard output.
async fn alone(asked: Asked, console: Console) -> Code {
    match Registry::new() {
        Ok(registry) => reported(asked, &registry, console, Box::new(io::stdout())).await,
        Err(error) => report(console, &error.into()),
    }
}

async fn reported(asked: Asked, registry: &Registry, console: Console, stdout: Stdout) -> Code {
    match command(asked, registry, console, stdout).await {
        Ok(code) => code,
        Err(failure) => report(console, &failure),
    }
}

async fn command(
    asked: Asked,
    registry: &Registry,
    console: Console,
    stdout: Stdout,
) -> Result<Code, Failure> {
    let Asked { command, settings } = asked;
    match command {
        Command::Send(args) => send::run(*args, registry, console, stdout).await,
        Command::Schedule(args) => schedule::run(*args, registry, console, stdout).await,
        Command::Receive(args) => receive::run(*args, registry, console, stdout).await,
        Command::Peek(args) => peek::run(*args, registry, stdout).await,
        Command::Tail(args) => tail::run(*args, registry, console, stdout).await,
        Command::Work(args) => work::run(*args, registry, console, stdout).await,
        Command::Create(args) => create::run(*args, registry, console).await,
        Command::List(args) => list::run(*args, registry, stdout).await,
        Command::Bench(args) => bench::run(*args, registry, console, stdout).await,
        Command::Doctor(args) => doctor::run(*args, registry, stdout).await,
        Command::Capabilities(args) => capabilities::run(*args, registry, stdout).await,
        Command::Purge(args) => remove::purge(*args, registry, stdout).await,
        Command::Delete(args) => remove::delete(*args, registry, console).await,
        Command::Cancel(args) => remove::cancel(*args, registry, console).await,
        Command::Completions(args) => shell::completions(args, stdout).await,
        Command::Man(args) => shell::man(*args, stdout).await,
        Command::Stats(args) => stats::run(*args, registry, stdout).await,
        Command::Demo(args) => demo::run(*args, registry, console, stdout).await,
        Command::DemoConsumer => demo::run_consumer(registry, stdout).await,
        Command::Emulator(args) => emulator::run(*args, console, stdout).await,
        Command::Move(args) => transfer::run(*args, registry, console, stdout).await,
        Command::Dlq(args) => dlq::run(*args, registry, console, stdout).await,
        Command::Pipe(args) => pipe::run(*args, registry, console, stdout).await,
        Command::Config(args) => settings::run(*args, settings, stdout).await,
        Command::Schema(args) => schema::run(*args, stdout).await,
    }
}

/// Reads the command line, and what else there is to know; what it asks for otherwise is printed,
/// and the code returned.
fn parsed<I>(args: I) -> Result<Asked, Code>
where
    I: IntoIterator<Item: Into<OsString> + Clone>,
{
    let args: Vec<_> = args.into_iter().map(Into::into).collect();
    match asked(&args) {
        Ok(Some(asked)) => Ok(asked),
        Ok(None) => Err(Code::Done),
        Err(failure) => Err(report(Console::new(Verbosity::Normal), &failure)),
    }
}

/// Reads the command line twice: what is set elsewhere is what it says where it says nothing.
fn asked(args: &[OsString]) -> Result<Option<Asked>, Failure> {
    let Some(plain) = args::parse(Cli::command(), args)? else {
        return Ok(None);
    };
    let settings = Settings::of(&plain)?;
    let Some(mut cli) = args::parse(settings.suggest(Cli::command()), args)? else {
        return Ok(None);
    };
    settings.complete(&mut cli.command)?;
    let command = cli.command;
    Ok(Some(Asked { command, settings }))
}

fn runtime() -> Result<Runtime, Failure> {
    Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Code::Unavailable, format!("cannot start threads: {error}")))
}

fn report(console: Console, failure: &Failure) -> Code {
    if !failure.text.is_empty() {
        console.error(&failure.text);
    }
    failure.code
}
