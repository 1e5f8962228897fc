//! Writes samples, and checks those of others. `cargo xtask interop` runs it.
#![expect(
    clippy::print_stdout,
    reason = "a program for a terminal: its output is what it is for"
)]

use std::{fs, path::PathBuf};

use anyhow::Result;
use clap::Parser;
use relayhouse_interop::Kind;

/// Writes samples, and checks those of others.
#[derive(Debug, Parser)]
enum Command {
    /// Writes what our codecs make of the cases.
    Write { kind: Kind, folder: PathBuf },
    /// Decodes what is in a folder with our codecs.
    Check { kind: Kind, folder: PathBuf },
}

fn main() -> Result<()> {
    match Command::parse() {
        Command::Write { kind, folder } => {
            fs::create_dir_all(&folder)?;
            println!("{kind:?}: wrote {} values", kind.write(&folder)?);
        }
        Command::Check { kind, folder } => {
            println!("{kind:?}: read {} values", kind.check(&folder)?);
        }
    }
    Ok(())
}
