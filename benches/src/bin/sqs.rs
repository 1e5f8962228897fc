//! `cargo xtask bench sqs`: the SQS adapter beside loops on the bare SDK.

use std::process::ExitCode;

use anyhow::Result;
use relayhouse_benches::{options::Options, workload::Set};

fn main() -> Result<ExitCode> {
    let options = Options::read();
    let report = options.run(Set::Sqs)?;
    options.end(&report)
}
