//! The automation of this repository: every check and every tool is a command of this program.
//!
//! It imports no crate of the workspace, so that it builds when they do not.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for a terminal: its output is what it is for"
)]

mod alerts;
mod bench;
mod capabilities;
mod ci;
mod crash;
mod deny;
mod doc;
mod features;
mod fuzz;
mod generated;
mod integration;
mod interop;
mod layers;
mod lint;
mod machine;
mod metrics;
mod msrv;
mod operations;
mod program;
mod python;
mod shell;
mod sim;
mod soak;
mod test;
mod tidy;
mod tool;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

/// The automation of this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Command {
    /// Runs what a pull request must pass; the test run comes last.
    Ci,
    /// Runs doc tests, then unit, property and integration tests.
    Test(test::Options),
    /// Runs the cheap checks: fmt, layers, tidy, clippy, doc.
    Lint,
    /// Checks who imports whom against the table of the architecture.
    Layers,
    /// Checks what compilers do not, and reports the longest files and functions.
    Tidy,
    /// Builds the documentation of the workspace; a warning is an error.
    Doc,
    /// Checks the dependencies: licences, bans and sources.
    Deny(deny::Options),
    /// Checks each library with no feature, and with each feature alone.
    Features,
    /// Checks each library with the oldest Rust that it says it supports.
    Msrv(msrv::Options),
    /// Runs the simulation of producers, consumers and the memory adapter.
    Sim(sim::Options),
    /// Runs a load for minutes or hours, and holds it to a set of targets.
    Soak(soak::Options),
    /// Kills, cuts and corrupts queues in files, and looks what is left.
    Crash(crash::Options),
    /// Runs suites against services: emulators, what stands in for a cloud, the cloud itself.
    Integration(integration::Options),
    /// Holds the codecs against other implementations of their formats, both ways.
    Interop(interop::Options),
    /// Feeds decoders with what a fuzzer makes up.
    Fuzz(fuzz::Options),
    /// Runs one benchmark.
    Bench(bench::Options),
    /// Writes the capability table from the conformance runs.
    Capabilities(generated::Options),
    /// Checks and tests the alert rules.
    Alerts,
    /// Writes the table of all metrics from the one in code.
    Metrics(generated::Options),
    /// Writes the run of an incident that the page on operations shows.
    Operations(generated::Options),
}

fn main() -> ExitCode {
    match run(Command::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<()> {
    match command {
        Command::Ci => ci::run(),
        Command::Test(options) => test::run(&options),
        Command::Lint => lint::run(),
        Command::Layers => layers::run(),
        Command::Tidy => tidy::run(),
        Command::Doc => doc::run(),
        Command::Deny(options) => deny::run(&options),
        Command::Features => features::run(),
        Command::Msrv(options) => msrv::run(&options),
        Command::Sim(options) => sim::run(&options),
        Command::Soak(options) => soak::run(&options),
        Command::Crash(options) => crash::run(&options),
        Command::Integration(options) => integration::run(&options),
        Command::Interop(options) => interop::run(&options),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Bench(options) => bench::run(&options),
        Command::Capabilities(options) => capabilities::run(&options),
        Command::Alerts => alerts::run(),
        Command::Metrics(options) => metrics::run(&options),
        Command::Operations(options) => operations::run(&options),
    }
}
