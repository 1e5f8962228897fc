//! `cargo xtask alerts`: checks and tests the alert rules with promtool.

use anyhow::Result;

use crate::{machine, shell};

const RULES: &str = "monitoring/prometheus/alerts.yaml";
const TESTS: [&str; 2] = [
    "monitoring/prometheus/alerts.test.yaml",
    "monitoring/prometheus/incident.test.yaml",
];

/// Where promtool cannot be had, that is said, and nothing is checked.
pub(crate) fn run() -> Result<()> {
    if !machine::has_or_installs("promtool", "prometheus")? {
        eprintln!("no promtool (Debian package prometheus): the alert rules are not tested");
        return Ok(());
    }
    shell::run(shell::program("promtool").args(["check", "rules", RULES]))?;
    shell::run(
        shell::program("promtool")
            .args(["test", "rules"])
            .args(TESTS),
    )
}
