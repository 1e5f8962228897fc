//! The commands of the program, on a service.

use std::{
    env,
    io::Write,
    process::{Command, Output, Stdio},
};

use anyhow::{Context, Result, ensure};
use relayhouse_core::Clock;
use relayhouse_time::TokioClock;
use serde_json::Value;

use super::{Ending, Finding, Place};

/// The variable that says where the program is.
const PROGRAM: &str = "RELAYHOUSE_PROGRAM";
/// How many messages a queue gets.
const COUNT: usize = 25;
/// How many of them are received, and the others worked on.
const RECEIVED: usize = 5;

/// A name, and what is done with the queue at a URL; each begins where the one before ended.
type Verb = (&'static str, fn(&str) -> Result<()>);

const VERBS: &[Verb] = &[
    ("create", create),
    ("send", send),
    ("stats", stats),
    ("receive", receive),
    ("work", work),
    ("list", list),
];

/// Runs the commands one after the other, on a queue of each kind, and tells of each. After one that
/// failed the others of that queue are left out.
///
/// # Errors
///
/// Returns an error if no queue can be named.
pub fn run(place: &dyn Place, filter: &str, mut tell: impl FnMut(Finding)) -> Result<()> {
    for (kind, url) in place.urls()? {
        let mut has_failed = false;
        for (name, verb) in VERBS {
            let name = format!("verbs::{kind}::{name}");
            let clock = TokioClock::new();
            let start = clock.now();
            let (ending, said) = match has_failed {
                true => (Ending::LeftOut, "one before it failed".to_owned()),
                false => match verb(&url) {
                    Ok(()) => (Ending::Passed, String::new()),
                    Err(error) => (Ending::Failed, format!("{error:#}")),
                },
            };
            has_failed |= ending == Ending::Failed;
            if name.contains(filter) {
                tell(Finding::new(name, ending, said, clock.now().since(start)));
            }
        }
    }
    Ok(())
}

fn create(url: &str) -> Result<()> {
    ran(&["create", url, "--lease", "1min"], "").map(drop)
}

fn send(url: &str) -> Result<()> {
    let line = |number| format!("{{\"body\":{number},\"key\":\"k{}\"}}\n", number % 3);
    let input: String = (0..COUNT).map(line).collect();
    let told = ran(&["send", url, "--envelope", "--output", "json"], &input)?;
    let told: Value = serde_json::from_str(&told)?;
    ensure!(told["sent"] == COUNT, "it told {told}");
    Ok(())
}

fn stats(url: &str) -> Result<()> {
    let told = ran(&["stats", url, "--output", "json"], "")?;
    let told: Value = serde_json::from_str(&told)?;
    // Services approximate: AWS may tell of fewer for a minute.
    let ready = told["ready"].as_u64();
    ensure!(ready.is_some_and(|it| it <= COUNT as u64), "it told {told}");
    Ok(())
}

fn receive(url: &str) -> Result<()> {
    let max = RECEIVED.to_string();
    let told = ran(
        &["receive", url, "--max", &max, "--ack", "--wait", "20s"],
        "",
    )?;
    let lines = told.lines().count();
    ensure!(lines == RECEIVED, "it printed {lines} lines");
    Ok(())
}

fn work(url: &str) -> Result<()> {
    let args = [
        "work",
        url,
        "--exec",
        "cat",
        "--concurrency",
        "4",
        "--until-empty",
    ];
    let told = ran(&args, "")?;
    let lines = told.lines().count();
    ensure!(
        lines == COUNT - RECEIVED,
        "the handlers printed {lines} lines"
    );
    Ok(())
}

fn list(url: &str) -> Result<()> {
    let told = ran(&["list", url, "--output", "ndjson"], "")?;
    let name = url.rsplit('/').next().unwrap_or_default();
    ensure!(told.contains(name), "{name} is not among {told}");
    Ok(())
}

/// Runs the program with `input` to a good end, and returns what it printed.
#[expect(
    clippy::disallowed_methods,
    reason = "where the program is, who has built it says"
)]
fn ran(args: &[&str], input: &str) -> Result<String> {
    let program = env::var_os(PROGRAM).with_context(|| format!("{PROGRAM} is not set"))?;
    let mut program = Command::new(program);
    program.args(args);
    program.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = program.stderr(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    let Output {
        status,
        stdout,
        stderr,
    } = child.wait_with_output()?;
    let stderr = String::from_utf8_lossy(&stderr);
    ensure!(status.success(), "{status}: {stderr}");
    Ok(String::from_utf8(stdout)?)
}
