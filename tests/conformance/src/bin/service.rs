//! Runs the conformance suite, the probes or the program's commands against a service of SQS, which the environment names
//! as for every AWS program, and prints a line of JSON for each case or probe.

use std::{
    env,
    io::{self, Write},
};

use anyhow::{Result, bail};
use relayhouse_conformance::service::{self, Finding, Site, probe, verbs};
use tokio::runtime::Builder;

fn main() -> Result<()> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let (what, filter) = match arguments[..] {
        [what] => (what, ""),
        [what, filter] => (what, filter),
        _ => bail!("usage: service conformance|probes|verbs [FILTER]"),
    };
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let site = Site::new()?;
        match what {
            "conformance" => service::run(&site, filter, print).await?,
            "probes" => probe::run(&site, filter, print).await?,
            "verbs" => verbs::run(&site, filter, print)?,
            other => bail!("{other} is none of conformance, probes and verbs"),
        }
        site.clean().await
    })
}

/// Whoever has gone does not read the rest.
#[expect(clippy::needless_pass_by_value, reason = "a finding is told once")]
fn print(finding: Finding) {
    if let Ok(line) = serde_json::to_string(&finding) {
        let _ = writeln!(io::stdout(), "{line}");
    }
}
