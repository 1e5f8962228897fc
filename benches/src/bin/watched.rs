//! What is run for long, while the memory of the program is watched.
//!
//! It is a program of its own because a heap that others have grown would hide what it grows by.

use std::process::ExitCode;

use anyhow::Result;
use relayhouse_benches::{options::Options, workload::Set};

fn main() -> Result<ExitCode> {
    let options = Options::read();
    let report = options.run(Set::Watched)?;
    options.end(&report)
}
