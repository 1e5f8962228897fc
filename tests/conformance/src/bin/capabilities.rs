//! Prints the capability table: what each target declares, and how many cases show it.

use std::io::{self, Write};

use anyhow::Result;
use relayhouse_conformance::TARGETS;
use relayhouse_testkit::conformance::{Column, capability_table};

const HEAD: &str = "\
# Capabilities

What each adapter declares, and how many cases of the conformance suite show it.
This page is written by `cargo xtask capabilities`.

`Native` is an ability of the provider, `Emulated` one that the adapter builds from others, \
`Unsupported` one whose use is refused; in brackets the cases that show it, each of which is a test \
that has to pass.
Behind `memory.` stand the profiles of the memory adapter, by the names of what they behave like.

";

fn main() -> Result<()> {
    let mut columns = Vec::new();
    for target in TARGETS {
        columns.push(target.run(async |harness| Column::of(harness).await)??);
    }
    let table = capability_table(&columns);
    Ok(write!(io::stdout(), "{HEAD}{table}")?)
}
