//! What is counted in place of timed: allocations, and messages under paused time.
//!
//! It is a program of its own because counting slows every allocation down.

use std::{alloc::System, process::ExitCode};

use anyhow::Result;
use relayhouse_benches::{options::Options, workload::Set};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> Result<ExitCode> {
    let options = Options::read();
    let report = options.run(Set::Counted)?;
    options.end(&report)
}
