//! `cargo xtask deny`: checks the dependencies with cargo-deny, which is built once if need be.

use anyhow::Result;
use clap::Args;

use crate::{shell, tool};

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
    let mut deny = tool::find("cargo-deny", VERSION)?;
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
