//! `examples/night.sh`: it ends well, and prints what `docs/night.md` shows.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use crate::program::{Ran, end_within};

/// Visibility, counts that are approximate and a canary take real time: half a minute in all.
const DEADLINE: Duration = Duration::from_secs(110);

const START: &str = "<!-- the run: `examples/night.sh --write docs/night.md` -->\n```text\n";
const END: &str = "```\n<!-- the end of the run -->\n";

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(name)
}

fn play() -> Ran {
    let child = Command::new(path("examples/night.sh"))
        .env("RELAYHOUSE", env!("CARGO_BIN_EXE_relayhouse"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    end_within(DEADLINE, child.unwrap())
}

/// Returns what the page shows of a run.
fn shown() -> String {
    let page = fs::read_to_string(path("docs/night.md")).unwrap();
    let (_, rest) = page.split_once(START).unwrap();
    let (shown, _) = rest.split_once(END).unwrap();
    shown.to_owned()
}

/// Ids, times and ports are placeholders in both; all else is the same in each run.
#[test]
fn night_ends_well_and_its_page_shows_what_it_prints() {
    let ran = play().ended(0);
    assert_eq!(ran.stderr, "");
    let (printed, shown) = (ran.stdout, shown());
    for (printed, shown) in printed.lines().zip(shown.lines()) {
        assert_eq!(
            printed, shown,
            "docs/night.md is written by `examples/night.sh --write`"
        );
    }
    assert_eq!(printed.lines().count(), shown.lines().count());
}
