//! `cargo xtask bench`: one benchmark, which is one binary of the package `relayhouse-benches`.

use anyhow::Result;
use clap::Args;

use crate::shell;

/// The features of the package that a benchmark needs: what one of them alone has, no other links.
const FEATURES: &[(&str, &str)] = &[("codec", "codec"), ("sqs", "sqs")];

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
    shell::run(bench.args(&options.rest))
}
