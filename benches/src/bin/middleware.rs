//! `cargo xtask bench middleware`: layers around services that do nothing, beside tower's own.

use std::process::ExitCode;

use anyhow::Result;
use relayhouse_benches::{options::Options, workload::Set};

fn main() -> Result<ExitCode> {
    let options = Options::read();
    let mut report = options.run(Set::Layers)?;
    let counted = options.run_program("middleware_counts", Set::LayersCounted)?;
    report.tables.extend(counted.tables);
    options.end(&report)
}
