//! Codecs beside `serde_json` and others, on an order, a wide record and an event: what encoding,
//! decoding and both take, how large the bodies are, and what they come to with a queue between.

mod counted;
mod event;
mod floor;
mod found;
mod goal;
mod measure;
mod order;
mod ours;
mod path;
mod peer;
mod record;
mod wide;

use std::{
    fs,
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;

pub use self::counted::count;
use self::{
    event::Events,
    found::{Case, Found},
    measure::Plan,
    order::Orders,
    peer::Schemas,
    record::{Evolving, Record},
    wide::Wides,
};
use crate::{
    compare::{Contender, compare},
    machine,
    report::{TOLERANCE, Table},
    subject::World,
    workload::Scale,
};

/// Measures codecs beside `serde_json`.
#[derive(Debug, Parser)]
pub struct Options {
    /// Runs short rounds: enough to see that it works, not to quote a figure.
    #[arg(long)]
    quick: bool,
    /// Prints an array of `{codec, case, ratio}` in place of tables.
    #[arg(long)]
    json: bool,
    /// Fails if a goal is missed by more than 15 %.
    #[arg(long)]
    check: bool,
    /// Writes the tables into this page as well, between the lines that mark their place.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// Runs only the cases whose name contains one of these.
    #[arg(value_name = "CASE")]
    only: Vec<String>,
}

/// Measures one case.
type Run = fn(&'static str, Plan) -> Result<Case>;

const ORDER: &str = "order, 2 items";
const LARGE_ORDER: &str = "order, 100 items";
const WIDE: &str = "wide record";
const EVENT: &str = "nested event";
const PATH: &str = "path";

const CASES: &[(&str, Run)] = &[
    (ORDER, |name, plan| {
        evolving::<Orders>(name, plan, &order::order(2))
    }),
    (LARGE_ORDER, |name, plan| {
        evolving::<Orders>(name, plan, &order::order(100))
    }),
    (WIDE, |name, plan| plain::<Wides>(name, plan, &wide::wide())),
    (EVENT, |name, plan| {
        plain::<Events>(name, plan, &event::event())
    }),
];

impl Options {
    /// Reads the command line, measures what it asks for and prints what was found.
    ///
    /// # Errors
    ///
    /// Returns the first error of a codec, and what keeps a page from being written.
    pub fn run() -> Result<ExitCode> {
        let options = Self::parse();
        let found = options.measure()?;
        if let Some(page) = &options.write {
            let text = fs::read_to_string(page);
            let text = text.with_context(|| format!("cannot read {}", page.display()))?;
            fs::write(page, found.within(&text)?)?;
        }
        found.print(options.json)?;
        let is_failed = options.check && 0 < found.missed(TOLERANCE);
        Ok(ExitCode::from(u8::from(is_failed)))
    }

    fn measure(&self) -> Result<Found> {
        let scale = Scale {
            is_quick: self.quick,
        };
        let plan = Plan::new(scale);
        let mut found = Found::new(machine::describe(), plan.rounds.count);
        for (name, run) in CASES.iter().filter(|(name, _)| self.wants(name)) {
            found.cases.push(run(name, plan)?);
        }
        found.tables.push(goal::table(&found.cases));
        if self.wants(PATH) {
            found.tables.push(path::table(&World::new()?, scale)?);
        }
        found.tables.push(self.counted()?);
        Ok(found)
    }

    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|it| name.contains(it.as_str()))
    }

    /// Runs the program that counts, built as this one was: counting slows every allocation down.
    fn counted(&self) -> Result<Table> {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["run", "--quiet", "--release", "--locked"]);
        cargo.args(["--manifest-path", env!("CARGO_MANIFEST_PATH")]);
        cargo.args(["--features", "codec", "--bin", "codec_counts"]);
        let output = cargo.stderr(Stdio::inherit()).output()?;
        let status = output.status;
        ensure!(status.success(), "codec_counts ended with {status}");
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

fn plain<R: Record>(name: &'static str, plan: Plan, value: &R::Owned) -> Result<Case> {
    let schemas = Schemas::parse(R::SCHEMA)?;
    case(name, plan, all::<R>(plan, value, &schemas)?)
}

fn evolving<R: Evolving>(name: &'static str, plan: Plan, value: &R::Owned) -> Result<Case> {
    let schemas = Schemas::parse(R::SCHEMA)?;
    let next = Schemas::parse(R::NEXT_SCHEMA)?;
    let mut contenders = all::<R>(plan, value, &schemas)?;
    contenders.push(peer::apache::<R>(plan, value, &schemas)?);
    contenders.push(ours::resolving::<R>(plan, value)?);
    contenders.push(peer::apache_resolving::<R>(plan, value, (&schemas, &next))?);
    case(name, plan, contenders)
}

fn all<'a, R: Record>(
    plan: Plan,
    value: &'a R::Owned,
    schemas: &'a Schemas,
) -> Result<Vec<Contender<'a>>> {
    let mut contenders = peer::contenders::<R>(plan, value, schemas)?;
    contenders.extend(ours::contenders::<R>(plan, value)?);
    contenders.push(floor::contender::<R>(plan, value)?);
    Ok(contenders)
}

fn case(name: &'static str, plan: Plan, contenders: Vec<Contender<'_>>) -> Result<Case> {
    Ok(Case::of(name, &compare(plan.rounds, contenders)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_codec_gives_every_record_back() {
        for (name, run) in CASES {
            run(name, Plan::ONCE).unwrap();
        }
    }
}
