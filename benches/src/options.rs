//! The options that all programs of this package take, and how one runs another.

use std::process::{Command, ExitCode, Stdio};

use anyhow::{Result, ensure};
use clap::Parser;

use crate::{
    machine,
    report::{Report, TOLERANCE},
    subject::World,
    workload::{self, Scale, Set},
};

/// Measures queues beside the least queue that keeps leases.
#[derive(Debug, Parser)]
pub struct Options {
    /// Runs short rounds: enough to see that it works, not to quote a figure.
    #[arg(long)]
    quick: bool,
    /// Prints one JSON object in place of tables.
    #[arg(long)]
    json: bool,
    /// Fails if a goal is missed by more than 15 %.
    #[arg(long)]
    check: bool,
    /// Runs only this queue: for a profiler, since without the limit there are no ratios.
    #[arg(long, value_name = "NAME")]
    queue: Option<String>,
    /// Runs only the workloads whose name contains one of these.
    #[arg(value_name = "WORKLOAD")]
    only: Vec<String>,
}

impl Options {
    /// Reads the command line; ends the program where it is wrong.
    #[must_use]
    pub fn read() -> Self {
        Self::parse()
    }

    /// Runs the workloads of `set` that were asked for.
    ///
    /// # Errors
    ///
    /// Returns the first error of a queue under measurement.
    pub fn run(&self, set: Set) -> Result<Report> {
        let scale = Scale {
            is_quick: self.quick,
        };
        let mut report = Report {
            machine: machine::describe(),
            rounds: scale.rounds().count,
            tables: Vec::new(),
        };
        let mut world = World::new()?;
        world.queue.clone_from(&self.queue);
        workload::run(set, &world, scale, &self.only, &mut report)?;
        Ok(report)
    }

    /// Runs the program that has the workloads of `set`, built as this one was, and returns its
    /// report: an empty one, if none of them was asked for.
    ///
    /// # Errors
    ///
    /// Returns why it cannot be built, run or read.
    pub fn run_program(&self, name: &str, set: Set) -> Result<Report> {
        if !set.has(&self.only) {
            return Ok(Report::default());
        }
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["run", "--quiet", "--release", "--locked"]);
        cargo.args(["--manifest-path", env!("CARGO_MANIFEST_PATH")]);
        cargo.args(["--bin", name, "--", "--json"]);
        if self.quick {
            cargo.arg("--quick");
        }
        if let Some(queue) = &self.queue {
            cargo.args(["--queue", queue]);
        }
        let output = cargo.args(&self.only).stderr(Stdio::inherit()).output()?;
        ensure!(
            output.status.success(),
            "{name} ended with {}",
            output.status
        );
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// Prints the report, and returns what the program ends with.
    ///
    /// # Errors
    ///
    /// Returns the error of standard output.
    pub fn end(&self, report: &Report) -> Result<ExitCode> {
        report.print(self.json)?;
        let is_failed = self.check && 0 < report.missed(TOLERANCE);
        Ok(ExitCode::from(u8::from(is_failed)))
    }
}
