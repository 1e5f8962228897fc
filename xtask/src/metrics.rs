//! `cargo xtask metrics`: writes or checks the table of all metrics.

use anyhow::Result;

use crate::{
    generated::{self, Options},
    program,
};

pub(crate) fn run(options: &Options) -> Result<()> {
    let mut program = program::built("relayhouse-telemetry-tests", "metrics")?;
    generated::run(options, "docs/metrics.md", "metrics", &mut program)
}
