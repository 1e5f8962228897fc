//! Runs the checks of a suite on a service, and judges what they find.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::judge::{self, Finding, Verdict};
use super::service::{self, State};
use super::suite::{Check, Difference, From, Program, Suite, Target};
use crate::{program, shell};

/// The variable that tells a check where the program is that it runs.
const PROGRAM: &str = "RELAYHOUSE_PROGRAM";

/// What came of the checks of one suite on one service.
#[derive(Debug)]
pub(crate) struct Ran<'a> {
    pub(crate) suite: &'a Suite,
    pub(crate) target: &'a Target,
    pub(crate) findings: Vec<Finding>,
    /// Each a reason why the run fails.
    pub(crate) wrong: Vec<String>,
}

/// Makes the programs of the checks of a suite.
pub(crate) fn build(suite: &Suite) -> Result<()> {
    for check in &suite.checks {
        made(suite, check)?;
    }
    Ok(())
}

/// The program of a check, which is made unless it is there, as is the one that it runs.
fn made(suite: &Suite, check: &Check) -> Result<Command> {
    let mut command = match &check.from {
        Program::Build(build) => program::built(&build.package, &build.bin)?,
        Program::Venv(venv) => {
            let mut command = shell::program(service::environment(suite, venv)?);
            command.current_dir(&suite.folder);
            // Python writes what it has compiled beside its scripts otherwise.
            command.env("PYTHONDONTWRITEBYTECODE", "1");
            command
        }
    };
    if let Some(build) = &check.program {
        let program = program::built(&build.package, &build.bin)?;
        command.env(PROGRAM, program.get_program());
    }
    Ok(command)
}

/// Runs the checks, or those of the page alone, and prints what each comes to.
pub(crate) fn run<'a>(
    suite: &'a Suite,
    target: &'a Target,
    state: &State,
    is_report: bool,
) -> Result<Ran<'a>> {
    let mut ran = Ran {
        suite,
        target,
        findings: Vec::new(),
        wrong: Vec::new(),
    };
    let known = &suite.service(target).differences;
    let checks = suite
        .checks
        .iter()
        .filter(|it| it.is_reported || !is_report);
    for check in checks {
        let name = format!("{}:{}: {}", suite.name, target.name, check.name);
        let (findings, took) = timed(|| one(suite, target, check, state))?;
        let verdict = judge::judge(&findings, &of_check(known, check));
        println!("{name}: {}", summary(&verdict, &findings, took));
        let wrong = verdict.wrong.into_iter();
        ran.wrong
            .extend(wrong.map(|text| format!("{name}: {text}")));
        ran.findings.extend(findings);
    }
    Ok(ran)
}

/// The differences that a check finds: those whose name begins with its own.
fn of_check(known: &[Difference], check: &Check) -> Vec<Difference> {
    let start = format!("{}::", check.name);
    let known = known.iter().filter(|it| it.name.starts_with(&start));
    known.cloned().collect()
}

fn summary(verdict: &Verdict, findings: &[Finding], took: Duration) -> String {
    let Verdict {
        passed,
        left_out,
        known,
        wrong,
    } = verdict;
    let slowest = findings.iter().max_by_key(|finding| finding.took_ms);
    let slowest = slowest.map_or(String::new(), |it| {
        format!(", the slowest {} in {:.1} s", it.name, seconds(it.took_ms))
    });
    format!(
        "{passed} passed, {known} differ as known, {} wrong, {left_out} left out, \
         in {:.1} s{slowest}",
        wrong.len(),
        took.as_secs_f64()
    )
}

fn seconds(millis: u64) -> f64 {
    Duration::from_millis(millis).as_secs_f64()
}

/// Runs one check to its end, and reads what it prints.
fn one(suite: &Suite, target: &Target, check: &Check, state: &State) -> Result<Vec<Finding>> {
    let mut command = command(suite, target, check, state)?;
    let line = shell::describe(&command);
    eprintln!("$ {line}");
    let child = command.stdout(Stdio::piped()).spawn();
    let mut child = child.with_context(|| format!("cannot start {line}"))?;
    let output = child.stdout.take().context("the check has no output")?;
    let mut findings = Vec::new();
    for line in BufReader::new(output).lines() {
        let line = line.context("cannot read what the check prints")?;
        match serde_json::from_str(&line) {
            Ok(finding) => findings.push(finding),
            Err(_) => println!("{line}"),
        }
    }
    let status = child.wait()?;
    anyhow::ensure!(status.success(), "{line}: {status}");
    anyhow::ensure!(!findings.is_empty(), "{line}: found nothing");
    Ok(findings)
}

/// A check learns of the service by variables alone.
fn command(suite: &Suite, target: &Target, check: &Check, state: &State) -> Result<Command> {
    let mut command = made(suite, check)?;
    command.args(&check.args);
    if let From::Address { variable } = &target.from {
        command.env_remove(variable);
    }
    if let Some(address) = &state.address {
        command.env(&suite.address, address);
    }
    if !matches!(target.from, From::Cloud { .. }) {
        command.envs(&suite.client);
        command.envs(&state.client);
    }
    Ok(command)
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a check took is measured on the machine's own clock"
)]
fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(T, Duration)> {
    let start = Instant::now();
    let done = work()?;
    Ok((done, start.elapsed()))
}
