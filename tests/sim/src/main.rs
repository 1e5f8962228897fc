//! Simulates producers, consumers and the memory adapter under paused time, with seeded faults,
//! and lets the oracle judge: twice, to show that one seed gives one trace.

mod fault;
mod handler;
mod ledger;
mod run;
mod trace;

use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Parser;

use self::run::{Layers, Outcome, Plan, simulate};

/// What to simulate.
#[derive(Debug, Parser)]
struct Options {
    /// How many messages are sent.
    #[arg(long, default_value_t = 1_000_000)]
    messages: u64,
    /// What all randomness is drawn from.
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// How many ordering keys there are; a fifth of the messages has one.
    #[arg(long, default_value_t = 1_000)]
    keys: u64,
    /// Puts the recommended stacks around producers and handlers, with idempotency and a queue of
    /// dead letters beside the provider.
    #[arg(long)]
    stack: bool,
    /// Takes every fault away.
    #[arg(long)]
    no_faults: bool,
    /// Simulates once, without the comparison of two traces.
    #[arg(long)]
    once: bool,
}

#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program tells what it found"
)]
fn main() -> ExitCode {
    let options = Options::parse();
    match compare(&options) {
        Ok(outcome) => {
            println!("{outcome}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("simulation failed: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn compare(options: &Options) -> Result<Outcome> {
    let Options {
        messages,
        seed,
        keys,
        stack,
        no_faults,
        once,
    } = *options;
    let layers = match stack {
        true => Layers::Recommended,
        false => Layers::None,
    };
    let plan = Plan {
        messages,
        seed,
        keys,
        has_faults: !no_faults,
        layers,
    };
    let first = simulate(&plan)?;
    first.check()?;
    if !once {
        let second = simulate(&plan)?;
        ensure!(
            first.trace == second.trace,
            "seed {seed} gave two traces: {:016x} and {:016x}",
            first.trace,
            second.trace
        );
    }
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(stack: bool) -> Outcome {
        let options = Options {
            messages: 3_000,
            seed: 7,
            keys: 100,
            stack,
            no_faults: false,
            once: false,
        };
        compare(&options).unwrap()
    }

    /// Nothing is lost, and one seed gives one trace.
    #[test]
    fn faults_lose_nothing() {
        assert!(0 < run(false).faults());
    }

    /// Nothing is lost within the recommended stacks, and nothing is handled twice.
    #[test]
    fn faults_lose_nothing_within_the_stacks() {
        assert!(0 < run(true).faults());
    }
}
