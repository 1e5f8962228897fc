//! `cargo xtask sim`: the deterministic simulation, with optimisations.

use anyhow::Result;
use clap::Args;

use crate::shell;

/// How much to simulate; the same seed gives the same trace.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// How many messages are sent.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub(crate) messages: u64,
    /// What all randomness is drawn from.
    #[arg(long, value_name = "S", default_value_t = 7)]
    pub(crate) seed: u64,
    /// Puts the recommended stacks of layers around producers and handlers.
    #[arg(long)]
    pub(crate) stack: bool,
    /// Further arguments for the simulation.
    #[arg(last = true, value_name = "ARGUMENT")]
    pub(crate) rest: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let mut sim = shell::cargo();
    sim.args([
        "run",
        "--release",
        "--locked",
        "--package",
        "relayhouse-sim",
        "--",
    ]);
    sim.args(["--messages", &options.messages.to_string()]);
    sim.args(["--seed", &options.seed.to_string()]);
    if options.stack {
        sim.arg("--stack");
    }
    shell::run(sim.args(&options.rest))
}
