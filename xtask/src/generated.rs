//! Pages that programs of the workspace print: written, or compared with what is there.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::shell;

/// Whether to write a page or to compare it.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Fails if the file differs from what the program prints, and writes nothing.
    #[arg(long)]
    pub(crate) check: bool,
}

/// Writes what `program` prints to `path`, or compares the two. The command that writes it is
/// `name`.
pub(crate) fn run(options: &Options, path: &str, name: &str, program: &mut Command) -> Result<()> {
    put(options, path, name, &shell::read(program)?)
}

/// Writes `page` to `path`, or compares the two. The command that writes it is `name`.
pub(crate) fn put(options: &Options, path: &str, name: &str, page: &str) -> Result<()> {
    let file = shell::root().join(path);
    if !options.check {
        return fs::write(&file, page).with_context(|| format!("cannot write {path}"));
    }
    let written = fs::read_to_string(&file).with_context(|| format!("cannot read {path}"))?;
    match first_difference(&written, page) {
        None => Ok(()),
        Some(line) => {
            bail!("{path}, line {line}: not what is declared: run `cargo xtask {name}`")
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
