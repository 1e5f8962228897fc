//! Programs of the machine that commands need, installed where that may be done.

use anyhow::Result;

use crate::shell;

/// Returns true if the machine has `program`, also if it had to install the Debian package `package`
/// for it first, which it may as root.
pub(crate) fn has_or_installs(program: &str, package: &str) -> Result<bool> {
    let is_there = || shell::answers(shell::program(program).arg("--version"));
    let has_apt = shell::answers(shell::program("apt-get").arg("--version"));
    if is_there() || !has_apt || !is_root() {
        return Ok(is_there());
    }
    let mut install = shell::program("apt-get");
    shell::run(install.args(["install", "--yes", "--no-install-recommends", package]))?;
    Ok(is_there())
}

fn is_root() -> bool {
    let id = shell::read(shell::program("id").arg("-u"));
    id.is_ok_and(|id| id.trim() == "0")
}
