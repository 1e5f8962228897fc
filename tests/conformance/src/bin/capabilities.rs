//! Prints the capability table, as the conformance runs observe it.

use std::io::{self, Write};

use anyhow::{Result, ensure};
use relayhouse_conformance::TARGETS;
use relayhouse_testkit::conformance::{self, capability_table};

const HEAD: &str = "\
# Capabilities

What each adapter declares, and how many cases of the conformance suite show it.
This page is written by `cargo xtask capabilities`.

`Native` is an ability of the provider, `Emulated` one that the adapter builds from others, \
`Unsupported` one whose use is refused; in brackets the cases that passed, all that ran unless \
it says otherwise.
The profiles of the memory adapter have the names of what they behave like.

";

fn main() -> Result<()> {
    let mut runs = Vec::new();
    for target in TARGETS {
        let report = target.run(async |harness| conformance::run(harness, "").await)?;
        ensure!(
            report.is_ok(),
            "{} breaks the contract:
{report}",
            target.name
        );
        runs.push((report, target.capabilities()?));
    }
    let table = capability_table(&runs);
    Ok(write!(io::stdout(), "{HEAD}{table}")?)
}
