//! `cargo xtask crash`: kills, cuts and corrupts queues in files, and looks what is left.

use anyhow::Result;
use clap::Args;

use crate::{program, shell};

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
    install_strace()?;
    let mut crash = program::built("relayhouse-crash", "relayhouse-crash")?;
    crash.args(["--cycles", &options.cycles.to_string()]);
    crash.args(["--seed", &options.seed.to_string()]);
    shell::run(crash.args(&options.rest))
}

/// Installs what the suites of failing disks need, where that may be done; elsewhere those suites
/// say that they were not run.
fn install_strace() -> Result<()> {
    let is_there = shell::answers(shell::program("strace").arg("--version"));
    let has_apt = shell::answers(shell::program("apt-get").arg("--version"));
    if is_there || !has_apt || !is_root() {
        return Ok(());
    }
    let mut install = shell::program("apt-get");
    shell::run(install.args(["install", "--yes", "--no-install-recommends", "strace"]))
}

fn is_root() -> bool {
    let id = shell::read(shell::program("id").arg("-u"));
    id.is_ok_and(|id| id.trim() == "0")
}
