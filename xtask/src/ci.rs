//! `cargo xtask ci`: what a pull request must pass, step by step, up to the first that fails.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::{
    alerts, capabilities, crash, deny, doc, generated, integration, interop, layers, lint, metrics,
    operations, program, sim, soak, test, tidy,
};

/// One step: its name, and what it does.
type Step = (&'static str, fn() -> Result<()>);

/// The cheap steps come first.
/// The test run comes last, so that its own summary is the last line of a run that passed.
const STEPS: &[Step] = &[
    ("fmt", lint::fmt),
    ("layers", layers::run),
    ("tidy", tidy::run),
    ("clippy", lint::clippy),
    ("doc", doc::run),
    ("deny", || deny::run(&deny::Options::default())),
    ("build", program::build_all),
    ("capabilities", || {
        capabilities::run(&generated::Options { check: true })
    }),
    ("metrics", || {
        metrics::run(&generated::Options { check: true })
    }),
    ("operations", || {
        operations::run(&generated::Options { check: true })
    }),
    ("alerts", alerts::run),
    ("simulation", || sim::run(&SIMULATION)),
    ("stack simulation", || sim::run(&STACK_SIMULATION)),
    ("crashes", || crash::run(&CRASHES)),
    ("soak", soak::minute),
    ("interop", || interop::run(&interop::Options::default())),
    ("integration", integration::run_all),
    ("doc tests", test::doc_tests),
    ("tests", || test::all_but_doc_tests("ci", &[])),
];

/// Every run simulates a million messages with faults.
const SIMULATION: sim::Options = sim::Options {
    messages: 1_000_000,
    seed: 7,
    stack: false,
    rest: Vec::new(),
};

/// Every run simulates the recommended stacks with the same faults.
const STACK_SIMULATION: sim::Options = sim::Options {
    messages: 200_000,
    seed: 7,
    stack: true,
    rest: Vec::new(),
};

/// Every run kills the local adapter, and cuts and corrupts its files.
const CRASHES: crash::Options = crash::Options {
    cycles: crash::CYCLES,
    seed: crash::SEED,
    rest: Vec::new(),
};

pub(crate) fn run() -> Result<()> {
    let mut done = Vec::new();
    for (index, (name, step)) in STEPS.iter().enumerate() {
        let is_last = index + 1 == STEPS.len();
        if is_last {
            eprint!("{}", table(&done));
        }
        eprintln!("\n== {name} ({} of {})", index + 1, STEPS.len());
        let (result, took) = timed(*step);
        done.push((*name, took));
        if let Err(error) = result {
            eprint!("{}", table(&done));
            return Err(error).with_context(|| format!("step {name} failed"));
        }
        if !is_last {
            eprintln!("== {name}: passed in {}", seconds(took));
        }
    }
    Ok(())
}

/// What ran so far and how long it took; the step that failed, if any, is the last one.
fn table(done: &[(&str, Duration)]) -> String {
    let mut table = format!("\n{:<18}{:>10}\n", "step", "took");
    for (name, took) in done {
        table.push_str(&format!("{name:<18}{:>10}\n", seconds(*took)));
    }
    table
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a step took is measured on the machine's own clock"
)]
fn timed(step: fn() -> Result<()>) -> (Result<()>, Duration) {
    let start = Instant::now();
    let result = step();
    (result, start.elapsed())
}
