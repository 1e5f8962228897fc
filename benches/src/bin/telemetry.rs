//! `cargo xtask bench telemetry`: a consumer without telemetry, with metrics, and with traces.

use std::process::ExitCode;

use anyhow::Result;
use relayhouse_benches::{options::Options, workload::Set};

fn main() -> Result<ExitCode> {
    let options = Options::read();
    let report = options.run(Set::Telemetry)?;
    options.end(&report)
}
