//! The arguments of `relayhouse completions` and `man`.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// Prints what a shell needs to complete command lines of this program
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
}

/// Prints the manual page of this program
#[derive(Debug, Args)]
#[command(after_help = EXITS)]
pub(crate) struct Man {
    /// Write a page for each command into this directory instead
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

const EXITS: &str = "\
Exit codes: 0 all is written; 2 wrong usage; 73 a page cannot be created; 74 writing failed; \
141 whoever read standard output has gone.";
