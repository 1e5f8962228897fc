//! `cargo xtask bench memory`: queues in memory, at the ports and through the runtime.

use std::process::ExitCode;

use anyhow::Result;
use relayhouse_benches::{heap, options::Options, workload::Set};

fn main() -> Result<ExitCode> {
    let options = Options::read();
    let plug = heap::warm();
    let mut report = options.run(Set::Timed)?;
    drop(plug);
    report.tables.extend(options.run_program("counts")?.tables);
    options.end(&report)
}
