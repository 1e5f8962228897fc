//! `cargo xtask deny`: checks the dependencies with cargo-deny, which is built once if need be.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use clap::Args;

use crate::shell;

/// The version that is built where none is on the path.
const VERSION: &str = "0.20.2";

/// Which of the checks to run.
#[derive(Args, Debug, Default)]
pub(crate) struct Options {
    /// Checks known vulnerabilities as well, which reads a database from the network.
    #[arg(long)]
    advisories: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let mut deny = tool()?;
    deny.args([
        "--workspace",
        "--all-features",
        "--locked",
        "check",
        "--hide-inclusion-graph",
    ]);
    deny.args(["bans", "licenses", "sources"]);
    if options.advisories {
        deny.arg("advisories");
    }
    shell::run(&mut deny)
}

/// The cargo-deny of this machine, else the one under `target/tools`.
fn tool() -> Result<Command> {
    if shell::answers(shell::program("cargo-deny").arg("--version")) {
        return Ok(shell::program("cargo-deny"));
    }
    let built = folder().join("bin").join("cargo-deny");
    let mut version = shell::program(&built);
    let is_current = shell::read(version.arg("--version"))
        .is_ok_and(|answer| answer.split_whitespace().any(|word| word == VERSION));
    if !is_current {
        let mut install = shell::cargo();
        install.args([
            "install",
            "cargo-deny",
            // It runs for seconds, and takes minutes to optimise.
            "--debug",
            "--locked",
            "--force",
            "--version",
            VERSION,
        ]);
        shell::run(install.arg("--root").arg(folder()))?;
    }
    Ok(shell::program(built))
}

fn folder() -> PathBuf {
    shell::root().join("target").join("tools")
}
