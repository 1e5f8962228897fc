//! `cargo xtask crash`: kills, cuts and corrupts queues in files, and looks what is left.

use anyhow::Result;
use clap::Args;

use crate::{machine, program, shell};

/// How often to kill; all randomness comes from the seed.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// How often a child that sends and acks is killed.
    #[arg(long, value_name = "N", default_value_t = CYCLES)]
    pub(crate) cycles: u64,
    /// What all randomness is drawn from.
    #[arg(long, value_name = "S", default_value_t = SEED)]
    pub(crate) seed: u64,
    /// Further arguments for the suites, for example `--only corrupt --damages 100000`.
    #[arg(last = true, value_name = "ARGUMENT")]
    pub(crate) rest: Vec<String>,
}

pub(crate) const CYCLES: u64 = 200;
pub(crate) const SEED: u64 = 7;

pub(crate) fn run(options: &Options) -> Result<()> {
    // Without it the suites of failing disks say that they were not run.
    machine::has_or_installs("strace", "strace")?;
    let mut crash = program::built("relayhouse-crash", "relayhouse-crash")?;
    crash.args(["--cycles", &options.cycles.to_string()]);
    crash.args(["--seed", &options.seed.to_string()]);
    shell::run(crash.args(&options.rest))
}
