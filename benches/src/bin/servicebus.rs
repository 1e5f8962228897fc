//! `cargo xtask bench servicebus`: the Service Bus adapter beside the bare AMQP client.

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use relayhouse_benches::{options::Options, servicebus::child::Task, workload::Set};

/// Measures queues of Service Bus.
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
    let report = options.run(Set::ServiceBus)?;
    options.end(&report)
}
