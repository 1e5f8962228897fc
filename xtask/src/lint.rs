//! `cargo xtask lint`: the checks that need no test run. Also home of `fmt` and `clippy`.

use anyhow::Result;

use crate::{doc, layers, shell, tidy};

pub(crate) fn run() -> Result<()> {
    fmt()?;
    layers::run()?;
    tidy::run()?;
    clippy()?;
    doc::run()
}

/// Checks the format of the whole workspace.
pub(crate) fn fmt() -> Result<()> {
    shell::run(shell::cargo().args(["fmt", "--all", "--check"]))
}

/// Runs clippy over everything that compiles; a warning is an error.
pub(crate) fn clippy() -> Result<()> {
    let mut clippy = shell::cargo();
    clippy.args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--locked",
    ]);
    shell::run(clippy.args(["--", "-D", "warnings"]))
}
