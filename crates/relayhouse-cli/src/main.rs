//! The program `relayhouse`: a demonstration, and xargs for queues.

mod args;
mod console;
mod demo;
mod exit;
mod pipe;

use std::process::ExitCode;

use args::{Cli, Command};
use console::{Console, Verbosity};
use exit::{Code, Failure};
use tokio::runtime::{Builder, Runtime};

fn main() -> ExitCode {
    let cli = match args::parse() {
        Ok(Some(cli)) => cli,
        Ok(None) => return Code::Done.into(),
        Err(failure) => return report(Console::new(Verbosity::Normal), &failure),
    };
    let console = Console::new(cli.verbosity());
    console.show_logs();
    match run(cli, console) {
        Ok(code) => code.into(),
        Err(failure) => report(console, &failure),
    }
}

fn run(cli: Cli, console: Console) -> Result<Code, Failure> {
    let runtime = runtime()?;
    let result = match cli.command {
        Command::Demo(demo) => runtime.block_on(demo::run(demo, console)),
        Command::Pipe(pipe) => runtime.block_on(pipe::run(*pipe, console)),
    };
    // What is left after an interrupted run may never end, such as a read from a terminal.
    runtime.shutdown_background();
    result
}

fn runtime() -> Result<Runtime, Failure> {
    Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Code::Unavailable, format!("cannot start threads: {error}")))
}

fn report(console: Console, failure: &Failure) -> ExitCode {
    if !failure.text.is_empty() {
        console.error(&failure.text);
    }
    failure.code.into()
}
