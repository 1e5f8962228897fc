//! `cargo xtask capabilities`: writes or checks the table of what targets declare and which
//! cases show it.

use anyhow::Result;

use crate::{
    generated::{self, Options},
    program,
};

pub(crate) fn run(options: &Options) -> Result<()> {
    let mut program = program::built("relayhouse-conformance", "capabilities")?;
    generated::run(
        options,
        "docs/capabilities.md",
        "capabilities",
        &mut program,
    )
}
