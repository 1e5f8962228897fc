//! `cargo xtask soak`: a load for minutes or hours, beside the targets of `benches/targets/`.

use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::{program, shell};

const PACKAGE: &str = "relayhouse-benches";
const PROGRAM: &str = "soak";

/// What to run, and what it is held to.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// How long messages are sent for.
    #[arg(long, value_name = "N", default_value_t = 1)]
    minutes: u32,
    /// Messages a second, in place of those of the scenario, and without its peak.
    #[arg(long, value_name = "R")]
    rate: Option<f64>,
    /// What is sent: `orders`, `mail` or `video`.
    #[arg(long, value_name = "NAME", default_value = "mail")]
    scenario: String,
    /// What the run is held to: `production` or `development`.
    #[arg(long, value_name = "NAME", default_value = "production")]
    targets: String,
    /// The queue: `local`, `sqs` (the emulator, in a process of its own) or `memory`.
    #[arg(long, value_name = "NAME", default_value = "local")]
    queue: String,
    /// Prints JSON in place of tables.
    #[arg(long)]
    json: bool,
    /// Fails if any goal is missed; else only if messages are lost, or too many fail.
    #[arg(long)]
    strict: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let mut soak = shell::cargo();
    soak.args(["run", "--release", "--locked", "--package", PACKAGE]);
    soak.args(["--features", PROGRAM, "--bin", PROGRAM, "--"]);
    shell::run(options.put(&mut soak))
}

/// Runs one minute at the rate of development, as it is built for the tests: timing tells little
/// there, but nothing may be lost.
pub(crate) fn minute() -> Result<()> {
    let options = Options {
        minutes: 1,
        rate: Some(100.0),
        scenario: "mail".to_owned(),
        targets: "development".to_owned(),
        queue: "local".to_owned(),
        json: false,
        strict: false,
    };
    shell::run(options.put(&mut program::built_with(PACKAGE, PROGRAM, PROGRAM)?))
}

impl Options {
    fn put<'a>(&self, soak: &'a mut Command) -> &'a mut Command {
        let Self {
            minutes,
            rate,
            scenario,
            targets,
            queue,
            json,
            strict,
        } = self;
        soak.args(["--minutes", &minutes.to_string()]);
        soak.args(["--scenario", scenario, "--targets", targets]);
        soak.args(["--queue", queue]);
        if let Some(rate) = rate {
            soak.args(["--rate", &rate.to_string()]);
        }
        for (flag, is_set) in [("--json", *json), ("--strict", *strict)] {
            if is_set {
                soak.arg(flag);
            }
        }
        soak
    }
}
