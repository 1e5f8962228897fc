//! `cargo xtask fuzz`: feeds decoders with what libFuzzer makes up, by cargo-fuzz.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::{shell, tool};

/// The version that is built where none is on the path.
const VERSION: &str = "0.13.2";

/// The toolchain that has the instrumentation.
const TOOLCHAIN: &str = "nightly";

/// The most that one allocation may have, in MiB: a body of that size is not among the inputs.
const ALLOCATION_MIB_MAX: usize = 16;

/// The most that all of the memory of a target may come to, in MiB.
const MEMORY_MIB_MAX: usize = 1024;

/// The longest input, in bytes.
const INPUT_BYTES_MAX: usize = 4096;

/// The longest that one input may take, in seconds.
const INPUT_SECONDS_MAX: usize = 5;

/// What to fuzz, and for how long.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The target, for example `json`; all of them, one after the other, if none is named.
    target: Option<String>,
    /// How long to fuzz each target.
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u32,
    /// Adds to the inputs that are checked in those that reach more code, as few as that takes.
    #[arg(long)]
    merge: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let targets = targets()?;
    if let Some(target) = &options.target {
        let known = targets.join(", ");
        ensure!(
            targets.contains(target),
            "no target {target}: there are {known}"
        );
    }
    let is_asked = |target: &String| options.target.as_ref().is_none_or(|it| it == target);
    let asked = targets.into_iter().filter(is_asked).collect::<Vec<_>>();
    each(&asked, |target| {
        let program = build(target)?;
        fuzz(&program, target, options.seconds)?;
        if options.merge {
            merge(&program, target)?;
        }
        Ok(())
    })
}

/// Runs all targets, whether or not those before have failed, and says in the end which have.
fn each(targets: &[String], mut run: impl FnMut(&str) -> Result<()>) -> Result<()> {
    let mut failures = Vec::new();
    for target in targets {
        if let Err(error) = run(target) {
            failures.push(format!("{target}: {error:#}"));
        }
    }
    let (failed, all) = (failures.len(), targets.len());
    ensure!(
        failures.is_empty(),
        "{failed} of {all} targets failed:\n{}",
        failures.join("\n")
    );
    Ok(())
}

/// The targets, which are the files that begin one.
fn targets() -> Result<Vec<String>> {
    let mut targets = Vec::new();
    for entry in fs::read_dir(shell::root().join("fuzz").join("targets"))? {
        let path = entry?.path();
        let name = path.file_stem().context("a target has no name")?;
        targets.push(name.to_string_lossy().into_owned());
    }
    targets.sort();
    Ok(targets)
}

/// Builds a target, and returns the program.
fn build(target: &str) -> Result<PathBuf> {
    let tool = tool::find("cargo-fuzz", VERSION)?;
    let machine = machine()?;
    let mut build = shell::program("rustup");
    build.args(["run", TOOLCHAIN]).arg(tool.get_program());
    build.args(["build", target, "--fuzz-dir", "fuzz", "--target", &machine]);
    build.args(["--target-dir", "target/fuzz"]);
    shell::run(&mut build).context("fuzzing needs `rustup toolchain install nightly`")?;
    let programs = shell::root().join("target/fuzz").join(machine);
    Ok(programs.join("release").join(target))
}

/// The kind of machine that this one is, as compilers name it.
fn machine() -> Result<String> {
    let told = shell::read(shell::program("rustc").arg("-vV"))?;
    let line = told.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(line.context("rustc does not name its host")?.to_owned())
}

/// Runs a target on what earlier runs have found and on the inputs that are checked in.
fn fuzz(program: &Path, target: &str, seconds: u32) -> Result<()> {
    let found = folder("found", target)?;
    let artifacts = folder("artifacts", target)?;
    let mut program = shell::program(program);
    program.arg(format!("-max_total_time={seconds}"));
    program.arg(format!("-malloc_limit_mb={ALLOCATION_MIB_MAX}"));
    program.arg(format!("-rss_limit_mb={MEMORY_MIB_MAX}"));
    program.arg(format!("-max_len={INPUT_BYTES_MAX}"));
    program.arg(format!("-timeout={INPUT_SECONDS_MAX}"));
    program.arg(format!("-artifact_prefix={}/", artifacts.display()));
    program.args(["-print_final_stats=1", "-verbosity=0"]);
    shell::run(program.arg(found).arg(corpus(target)?))
}

/// Copies the least set of inputs that reaches all the code reached to those checked in.
fn merge(program: &Path, target: &str) -> Result<()> {
    let found = folder("found", target)?;
    let mut program = shell::program(program);
    shell::run(program.arg("-merge=1").arg(corpus(target)?).arg(found))
}

/// The inputs that are checked in.
fn corpus(target: &str) -> Result<PathBuf> {
    made(shell::root().join("tests/fuzz/corpus").join(target))
}

/// A folder below `target` that one target has for itself.
fn folder(kind: &str, target: &str) -> Result<PathBuf> {
    made(shell::root().join("target/fuzz").join(kind).join(target))
}

fn made(folder: PathBuf) -> Result<PathBuf> {
    let made = fs::create_dir_all(&folder);
    made.with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn all_targets_run_and_each_failure_is_told() {
        let targets = ["a", "b", "c"].map(ToOwned::to_owned);
        let mut ran = Vec::new();
        let error = each(&targets, |target| {
            ran.push(target.to_owned());
            match target {
                "b" => Ok(()),
                other => bail!("broke {other}"),
            }
        });
        assert_eq!(ran, targets);
        let text = error.unwrap_err().to_string();
        assert_eq!(text, "2 of 3 targets failed:\na: broke a\nc: broke c");
        assert!(each(&targets, |_| Ok(())).is_ok());
    }
}
