//! `cargo xtask doc`: the documentation of the workspace, built without a warning.

use anyhow::Result;

use crate::shell;

pub(crate) fn run() -> Result<()> {
    let mut doc = shell::cargo();
    doc.args([
        "doc",
        "--workspace",
        "--no-deps",
        "--all-features",
        "--locked",
    ]);
    shell::run(doc.env("RUSTDOCFLAGS", "-D warnings"))
}
