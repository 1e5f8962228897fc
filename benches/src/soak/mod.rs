//! A load for minutes or hours, through `Producer` and `Consumer` with the recommended stack, and
//! what an operator would have seen of it, beside the targets.

mod figures;
mod ledger;
mod load;
mod queue;
mod run;
mod scenario;
mod table;
mod target;
mod watch;

use std::{process::ExitCode, time::Duration};

use anyhow::Result;
use clap::{Parser, value_parser};
use tokio::runtime::Builder;

use self::{queue::Kind, run::Plan};
use crate::{
    machine,
    report::{ROUNDING, Report},
};

/// Runs a load for minutes or hours, and holds it to a set of targets.
#[derive(Debug, Parser)]
pub struct Options {
    /// How long messages are sent for.
    #[arg(long, value_name = "N", default_value_t = 1)]
    #[arg(value_parser = value_parser!(u32).range(1..))]
    minutes: u32,
    /// Messages a second, in place of those of the scenario, and without its peak.
    #[arg(long, value_name = "R")]
    rate: Option<f64>,
    /// What is sent, and how it is handled.
    #[arg(long, value_enum, default_value_t)]
    scenario: scenario::Name,
    /// What the run is held to.
    #[arg(long, value_enum, default_value_t)]
    targets: target::Set,
    /// The queue.
    #[arg(long, value_enum, default_value_t)]
    queue: Kind,
    /// Prints one JSON object in place of tables.
    #[arg(long)]
    json: bool,
    /// Fails if any goal is missed; else only if messages are lost, or too many fail.
    #[arg(long)]
    strict: bool,
    /// Serves SQS, as a child of this program, until its input ends.
    #[arg(long, hide = true)]
    emulator: bool,
}

impl Options {
    /// Does what was asked for, and returns what the program ends with.
    ///
    /// # Errors
    ///
    /// Returns why the queue cannot be used, or the error of standard output.
    pub fn run(&self) -> Result<ExitCode> {
        let runtime = Builder::new_multi_thread().enable_all().build()?;
        if self.emulator {
            runtime.block_on(queue::emulate())?;
            return Ok(ExitCode::SUCCESS);
        }
        let mut report = Report {
            machine: machine::describe(),
            rounds: 1,
            tables: Vec::new(),
        };
        let plan = self.plan()?;
        let found = runtime.block_on(run::run(&plan))?;
        report.tables = table::tables(&plan, &found);
        report.print(self.json)?;
        let is_failed = found.is_broken(&plan) || (self.strict && 0 < report.missed(ROUNDING));
        Ok(ExitCode::from(u8::from(is_failed)))
    }

    fn plan(&self) -> Result<Plan> {
        let scenario = self.scenario.read()?;
        let scenario = match self.rate {
            Some(rate) => scenario.at_rate(rate)?,
            None => scenario,
        };
        Ok(Plan {
            name: self.scenario,
            scenario,
            set: self.targets,
            targets: self.targets.read()?,
            queue: self.queue,
            lasts: Duration::from_secs(60) * self.minutes,
        })
    }
}
