//! `cargo xtask test`: doc tests, then every other test, with nextest where it is installed.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::shell;

/// How to run the tests.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The nextest profile, from `.config/nextest.toml`.
    #[arg(long, default_value = "default")]
    profile: String,
    /// Further arguments for the runner, for example a filter; doc tests are left out then.
    #[arg(last = true, value_name = "ARGUMENT")]
    rest: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if options.rest.is_empty() {
        doc_tests()?;
    }
    all_but_doc_tests(&options.profile, &options.rest)
}

/// Runs the examples in the documentation, which nextest does not.
pub(crate) fn doc_tests() -> Result<()> {
    let mut doc = shell::cargo();
    // All packages, since the dependencies of fewer would be built anew, with fewer features.
    doc.args(["test", "--doc", "--workspace", "--all-features", "--locked"]);
    shell::run(&mut doc)
}

/// Runs every other test; the runner's summary is the last that is printed.
pub(crate) fn all_but_doc_tests(profile: &str, rest: &[String]) -> Result<()> {
    if !shell::answers(shell::cargo().args(["nextest", "--version"])) {
        return plain(rest);
    }
    let mut nextest = shell::cargo();
    nextest.args([
        "nextest",
        "run",
        "--workspace",
        "--all-features",
        "--locked",
    ]);
    shell::run(nextest.args(["--profile", profile]).args(rest))
}

/// Runs the tests with cargo alone, which prints a result for each binary: they are summed up.
fn plain(rest: &[String]) -> Result<()> {
    let mut test = shell::cargo();
    test.args([
        "test",
        "--workspace",
        "--all-features",
        "--locked",
        "--no-fail-fast",
    ]);
    test.args(["--lib", "--bins", "--tests", "--examples"])
        .args(rest);
    eprintln!("$ {}", shell::describe(&test));
    let mut child = test
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo test")?;
    let output = child.stdout.take().context("cargo test has no output")?;
    let mut sum = Counts::default();
    for line in BufReader::new(output).lines() {
        let line = line.context("cannot read the output of cargo test")?;
        println!("{line}");
        sum.add(&line);
    }
    let status = child.wait().context("cannot wait for cargo test")?;
    println!("{}", sum.summary());
    ensure!(status.success(), "cargo test: {status}");
    Ok(())
}

/// What the results of several test binaries come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Counts {
    /// Adds a line like `test result: ok. 3 passed; 0 failed; 1 ignored; ..`, and no other.
    fn add(&mut self, line: &str) {
        let Some((_, counts)) = line
            .strip_prefix("test result: ")
            .and_then(|result| result.split_once(". "))
        else {
            return;
        };
        for count in counts.split("; ") {
            let Some((number, name)) = count.split_once(' ') else {
                continue;
            };
            let number = number.parse::<u64>().unwrap_or(0);
            match name {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }

    fn summary(self) -> String {
        let Self {
            passed,
            failed,
            ignored,
        } = self;
        let run = passed + failed;
        format!("Summary {run} tests run: {passed} passed, {failed} failed, {ignored} skipped")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_binaries_add_up() {
        let mut sum = Counts::default();
        sum.add("test it_works ... ok");
        sum.add("test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out");
        sum.add("test result: FAILED. 2 passed; 4 failed; 0 ignored; 0 measured");
        assert_eq!(
            sum.summary(),
            "Summary 9 tests run: 5 passed, 4 failed, 1 skipped"
        );
    }
}
