//! Programs of other people that commands need, built once if need be.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::shell;

/// Returns the program `name` of this machine, else the one of `version` under `target/tools`.
pub(crate) fn find(name: &str, version: &str) -> Result<Command> {
    if shell::answers(shell::program(name).arg("--version")) {
        return Ok(shell::program(name));
    }
    let built = folder().join("bin").join(name);
    let mut asked = shell::program(&built);
    let is_current = shell::read(asked.arg("--version"))
        .is_ok_and(|answer| answer.split_whitespace().any(|word| word == version));
    if !is_current {
        let mut install = shell::cargo();
        // It runs for seconds, and takes minutes to optimise.
        install.args(["install", name, "--debug", "--locked", "--force"]);
        install.args(["--version", version]);
        shell::run(install.arg("--root").arg(folder()))?;
    }
    Ok(shell::program(built))
}

fn folder() -> PathBuf {
    shell::root().join("target").join("tools")
}
