//! Kills, cuts and corrupts the local adapter, and looks whether it keeps its word.
//!
//! The program is its own child: what is to be killed runs in a process of its own, and tells
//! over a pipe what it is about to do and what was answered. Everything random comes from a seed,
//! which is printed. It binds no port and writes below a temporary directory.

mod child;
mod content;
mod corrupt;
mod fault;
mod files;
mod judge;
mod kill;
mod power;
mod process;
mod reading;
mod report;
mod share;
mod trace;

use std::{fmt::Display, process::ExitCode};

use anyhow::{Result, bail};
use clap::{Parser, Subcommand, ValueEnum};
use relayhouse_core::Clock;

/// Without a command, all suites run.
#[derive(Debug, Parser)]
struct Options {
    /// How often a child that sends and acks is killed.
    #[arg(long, default_value_t = 200)]
    cycles: u64,
    /// How often a child that holds leases is killed.
    #[arg(long, default_value_t = 12)]
    holders: u64,
    /// How many bits are flipped and files cut.
    #[arg(long, default_value_t = 1_000)]
    damages: u64,
    /// How many steps the recorded run has at which the power is cut.
    #[arg(long, default_value_t = 32)]
    steps: u64,
    /// What all randomness is drawn from.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Runs these suites alone.
    #[arg(long, value_enum)]
    only: Vec<Suite>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Is the child of another of this program.
    #[command(hide = true)]
    Child(child::Options),
}

/// What can be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Suite {
    /// `kill -9` of a child that sends and acks.
    Kill,
    /// `kill -9` of a child that holds leases.
    Hold,
    /// Several processes at once.
    Share,
    /// One process wakes another.
    Wake,
    /// Bit flips and truncation.
    Corrupt,
    /// Loss of power.
    Power,
    /// Failed writes and flushes.
    Fault,
    /// A file that may not grow.
    Limit,
    /// Flushes are counted.
    Flush,
}

/// How many messages each of several producers sends.
const SHARED: u64 = 1_000;
/// How many sends wake another process.
const WAKES: u64 = 300;
/// How many messages are sent while flushes are counted: some 200 batches.
const FLUSHED: u64 = 1_500;

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program tells what it found"
)]
fn main() -> ExitCode {
    let options = Options::parse();
    if let Some(Command::Child(options)) = options.command {
        return match child::run(options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("child failed: {error:#}");
                ExitCode::FAILURE
            }
        };
    }
    match run(&options) {
        Ok(()) => {
            println!("crash suites passed, seed {}", options.seed);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("crash suites failed, seed {}: {error:#}", options.seed);
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    let clock = relayhouse_time::TokioClock::new();
    if clock.machine().is_none() {
        bail!("this system has no clock that all processes share: the suites need one");
    }
    let mut failed = Vec::new();
    for suite in Suite::value_variants() {
        if !options.only.is_empty() && !options.only.contains(suite) {
            continue;
        }
        let began = clock.now();
        let result = suite.run(options);
        let took = clock.now().since(began);
        if let Err(error) = told(*suite, result, took) {
            failed.push(error);
        }
    }
    match failed.is_empty() {
        true => Ok(()),
        false => bail!("{}", failed.join(", ")),
    }
}

/// Prints what a suite came to; returns its name if it failed.
#[expect(clippy::print_stdout, reason = "a program tells what it found")]
fn told(suite: Suite, result: Result<String>, took: std::time::Duration) -> Result<(), String> {
    let name = format!("{suite:?}").to_lowercase();
    match result {
        Ok(text) => {
            println!("{name} ({took:.1?}): {text}");
            Ok(())
        }
        Err(error) => {
            println!("{name} ({took:.1?}): FAILED: {error:#}");
            Err(name)
        }
    }
}

impl Suite {
    /// Runs the suite, and returns what it came to.
    fn run(self, options: &Options) -> Result<String> {
        let Options {
            cycles,
            holders,
            damages,
            steps,
            seed,
            ..
        } = *options;
        match self {
            Self::Kill => {
                let finding = kill::workers(cycles, seed)?;
                passed(finding.check(), format!("cycles {cycles}, {finding}"))
            }
            Self::Hold => {
                let finding = kill::holders(holders, seed)?;
                let late = finding.latest;
                let text = format!("cycles {holders}, {finding}, {late:.1?} after a lease at most");
                passed(finding.check(), text)
            }
            Self::Share => {
                let finding = share::together(SHARED, seed)?;
                passed(finding.check(), &finding)
            }
            Self::Wake => {
                let wake = share::wake(WAKES, seed)?;
                passed(wake.check(), &wake)
            }
            Self::Corrupt => {
                let corruption = corrupt::samples(damages, seed)?;
                passed(corruption.check(), &corruption)
            }
            Self::Power => {
                let cuts = power::cuts(steps, seed)?;
                passed(cuts.check(), &cuts)
            }
            Self::Fault => traced(|| {
                let faults = fault::injected(seed)?;
                let checked = faults.check().and_then(|()| faults.check_struck());
                passed(checked, &faults)
            }),
            Self::Limit => {
                let [limited, bounded] = [fault::limited(seed)?, fault::bounded(seed)?];
                let checked = limited.check().and_then(|()| bounded.check());
                passed(
                    checked,
                    format!("by the system: {limited}; by its bound: {bounded}"),
                )
            }
            Self::Flush => traced(|| {
                let flushes = trace::flushes(FLUSHED, seed)?;
                passed(flushes.check(), &flushes)
            }),
        }
    }
}

fn passed(checked: Result<()>, text: impl Display) -> Result<String> {
    checked.map(|()| text.to_string())
}

fn traced(run: impl FnOnce() -> Result<String>) -> Result<String> {
    match trace::is_possible() {
        true => run(),
        false => Ok(format!("not run: {} is not installed", trace::STRACE)),
    }
}
