//! `cargo xtask bench memory`: queues in memory, at the ports and through the runtime.

use std::process::ExitCode;

use anyhow::Result;
use relayhouse_benches::{heap, options::Options, workload::Set};

fn main() -> Result<ExitCode> {
    let options = Options::read();
    let plug = heap::warm();
    let mut report = options.run(Set::Timed)?;
    drop(plug);
    let watched = options.run_program("watched", Set::Watched)?;
    report.tables.extend(watched.tables);
    let counted = options.run_program("counts", Set::Counted)?;
    report.tables.extend(counted.tables);
    options.end(&report)
}
