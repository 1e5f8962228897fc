//! `cargo xtask soak`: a load for minutes or hours, beside the targets.

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use relayhouse_benches::soak::Options;

fn main() -> Result<ExitCode> {
    Options::parse().run()
}
