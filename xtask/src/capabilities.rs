//! `cargo xtask capabilities`: writes or checks the table of what targets declare and which
//! cases show it.

use std::fs;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::{program, shell};

const PATH: &str = "docs/capabilities.md";

/// Whether to write the table or to compare it.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Fails if the file differs from what the runs print, and writes nothing.
    #[arg(long)]
    pub(crate) check: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let table = shell::read(&mut program::built(
        "relayhouse-conformance",
        "capabilities",
    )?)?;
    let path = shell::root().join(PATH);
    if !options.check {
        return fs::write(&path, table).with_context(|| format!("cannot write {PATH}"));
    }
    let written = fs::read_to_string(&path).with_context(|| format!("cannot read {PATH}"))?;
    match first_difference(&written, &table) {
        None => Ok(()),
        Some(line) => {
            bail!("{PATH}, line {line}: not what is declared: run `cargo xtask capabilities`")
        }
    }
}

/// The number of the first line in which two texts differ, whatever their line ends are.
fn first_difference(left: &str, right: &str) -> Option<usize> {
    let (mut left, mut right) = (left.lines(), right.lines());
    let mut number = 0;
    loop {
        number += 1;
        match (left.next(), right.next()) {
            (None, None) => return None,
            (a, b) if a == b => {}
            _ => return Some(number),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_make_no_difference() {
        assert_eq!(first_difference("a\r\nb\r\n", "a\nb\n"), None);
    }

    #[test]
    fn first_line_that_differs_is_named() {
        assert_eq!(first_difference("a\nb\nc\n", "a\nB\nC\n"), Some(2));
        assert_eq!(first_difference("a\n", "a\nb\n"), Some(2));
    }
}
