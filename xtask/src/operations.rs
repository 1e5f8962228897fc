//! `cargo xtask operations`: writes or checks what `docs/operations.md` shows of an incident, and
//! the test of the alert rules by the same run.

use std::{fs, process::Command};

use anyhow::{Context, Result};

use crate::{
    generated::{self, Options},
    program, shell,
};

const PAGE: &str = "docs/operations.md";
const TEST: &str = "monitoring/prometheus/incident.test.yaml";
const NAME: &str = "operations";

/// What the run stands between.
const START: &str = "<!-- the run: `cargo xtask operations` -->\n```text\n";
const END: &str = "```\n<!-- the end of the run -->\n";

pub(crate) fn run(options: &Options) -> Result<()> {
    let page = fs::read_to_string(shell::root().join(PAGE));
    let page = page.with_context(|| format!("cannot read {PAGE}"))?;
    let told = shell::read(&mut example()?)?;
    let page = put(&page, &told).with_context(|| format!("{PAGE}: no place for the run"))?;
    generated::put(options, PAGE, NAME, &page)?;
    let test = shell::read(example()?.arg("--series"))?;
    generated::put(options, TEST, NAME, &test)
}

fn example() -> Result<Command> {
    program::built_example("relayhouse", "incident", "metrics,middleware")
}

/// Puts the run into its place in the page, if that has one.
fn put(page: &str, told: &str) -> Option<String> {
    let (before, rest) = page.split_once(START)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{START}{told}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_is_put_between_its_marks() {
        let page = format!("a\n{START}old\n{END}b\n");
        let new = put(&page, "new\n").unwrap();
        assert_eq!(new, format!("a\n{START}new\n{END}b\n"));
        assert_eq!(put(&new, "new\n").unwrap(), new);
        assert_eq!(put("a\n", "new\n"), None);
    }
}
