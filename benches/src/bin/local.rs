//! `cargo xtask bench local`: queues in files, beside a plain program of the same tables.

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use relayhouse_benches::{local::child::Task, options::Options, workload::Set};

/// Measures queues in files.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(flatten)]
    options: Options,
    #[command(flatten)]
    task: Task,
}

fn main() -> Result<ExitCode> {
    let Arguments { options, task } = Arguments::parse();
    if task.run()? {
        return Ok(ExitCode::SUCCESS);
    }
    let report = options.run(Set::Local)?;
    options.end(&report)
}
