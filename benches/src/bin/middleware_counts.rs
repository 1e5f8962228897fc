//! What layers allocate, and the timers that they make.
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
    let report = options.run(Set::LayersCounted)?;
    options.end(&report)
}
