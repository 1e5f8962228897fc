//! `cargo xtask bench`: one benchmark, which is one binary of the package `relayhouse-benches`.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::{python, shell};

/// The features of the package that a benchmark needs: what one of them alone has, no other links.
const FEATURES: &[(&str, &str)] = &[
    ("codec", "codec"),
    ("servicebus", "servicebus"),
    ("sqs", "sqs"),
    ("telemetry", "telemetry"),
];

/// What the official Python SDK of Service Bus needs, which is measured beside ours.
const REQUIREMENTS: &str = "tests/suites/servicebus-emulator/requirements.txt";

/// The Pythons for which these packages are there.
const PYTHONS: &[&str] = &["3.11", "3.12", "3.13"];

/// Names the Python that has them to the benchmark.
const PYTHON: &str = "RELAYHOUSE_BENCH_PYTHON";

/// Which benchmark to run, and how.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// The benchmark, for example `memory` or `local`.
    name: String,
    /// Runs short rounds: enough to see that it works, not to quote a figure.
    #[arg(long)]
    quick: bool,
    /// Prints JSON in place of tables.
    #[arg(long)]
    json: bool,
    /// Further arguments for the benchmark.
    #[arg(last = true, value_name = "ARGUMENT")]
    rest: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let mut bench = shell::cargo();
    bench.args([
        "run",
        "--release",
        "--locked",
        "--package",
        "relayhouse-benches",
    ]);
    let features = FEATURES.iter().filter(|(name, _)| *name == options.name);
    for (_, feature) in features {
        bench.args(["--features", feature]);
    }
    bench.args(["--bin", &options.name, "--"]);
    if options.quick {
        bench.arg("--quick");
    }
    if options.json {
        bench.arg("--json");
    }
    if options.name == "servicebus" {
        if let Some(python) = python_sdk()? {
            bench.env(PYTHON, python);
        }
    }
    shell::run(bench.args(&options.rest))
}

/// Returns a Python that has the SDK, if there is any Python for it.
fn python_sdk() -> Result<Option<PathBuf>> {
    let versions: Vec<_> = PYTHONS.iter().map(|&version| version.to_owned()).collect();
    let Some(found) = python::find(&versions) else {
        eprintln!("no Python {}: its SDK is left out", PYTHONS.join(", "));
        return Ok(None);
    };
    let requirements = shell::root().join(REQUIREMENTS);
    if !requirements.exists() {
        eprintln!("no {REQUIREMENTS}: the Python SDK is left out");
        return Ok(None);
    }
    let folder = shell::root().join("target").join("bench");
    fs::create_dir_all(&folder)?;
    python::environment(&folder, &found, &requirements).map(Some)
}
