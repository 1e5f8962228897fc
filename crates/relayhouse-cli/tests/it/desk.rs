//! A directory with queues in files and an audit log, as somebody on call has them.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::program::{Ran, command, end, feed};

pub(crate) const QUEUE: &str = "local:./q/orders";
pub(crate) const DEAD: &str = "local:./q/orders/$deadletterqueue";

/// Is a directory that the program runs in.
pub(crate) struct Desk(TempDir);

impl Desk {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = command(args);
        command
            .current_dir(self.0.path())
            .env("HOME", self.0.path())
            .env("USER", "nightowl")
            .env_remove("XDG_STATE_HOME")
            .env_remove("RELAYHOUSE_AUDIT");
        command
    }

    #[track_caller]
    pub(crate) fn run(&self, args: &[&str], input: &str, code: i32) -> Ran {
        self.ran(args, input).ended(code)
    }

    /// Runs a command to its end, whichever that is.
    #[track_caller]
    pub(crate) fn ran(&self, args: &[&str], input: &str) -> Ran {
        let mut child = self.command(args).spawn().unwrap();
        feed(&mut child, input.into());
        end(child)
    }

    /// Runs a command, and returns the lines of JSON that it printed.
    #[track_caller]
    pub(crate) fn lines(&self, args: &[&str]) -> Vec<Value> {
        let args = [args, &["--output", "ndjson"]].concat();
        parsed(&self.run(&args, "", 0).stdout)
    }

    /// Puts bodies on the dead-letter queue for `reason`, with one header and key each.
    #[track_caller]
    pub(crate) fn kill(&self, bodies: &[Value], reason: &str) {
        let line = |body| json!({"body": body, "headers": {"tenant": "acme"}, "key": "k"});
        let lines = bodies.iter().map(|body| format!("{}\n", line(body)));
        self.run(
            &["send", QUEUE, "--envelope"],
            &lines.collect::<String>(),
            0,
        );
        let max = bodies.len().to_string();
        let args = ["receive", QUEUE, "--max", &max, "--dead-letter", reason];
        let killed = self.lines(&args);
        assert_eq!(killed.len(), bodies.len());
    }

    /// Takes all messages of a queue for good.
    #[track_caller]
    pub(crate) fn drain(&self, url: &str) -> Vec<Value> {
        self.lines(&["receive", url, "--max", "100000", "--wait", "0s", "--ack"])
    }

    /// Returns how many dead letters there are.
    #[track_caller]
    pub(crate) fn dead(&self) -> u64 {
        let stats = self.run(&["stats", QUEUE, "--output", "json"], "", 0);
        parsed(&stats.stdout)[0]["dead"].as_u64().unwrap()
    }

    /// Returns the lines of the audit log.
    pub(crate) fn audit(&self) -> Vec<Value> {
        let file = self.path(".local/state/relayhouse/audit.jsonl");
        let text = fs::read_to_string(file).unwrap_or_default();
        // What is being written meanwhile ends without a line feed.
        parsed(text.rsplit_once('\n').map_or("", |(whole, _)| whole))
    }
}

#[track_caller]
pub(crate) fn parsed(text: &str) -> Vec<Value> {
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).expect(line))
        .collect()
}

/// Writes an editor that leaves `body`, and is to be called with `-w`.
pub(crate) fn write_editor(path: &Path, body: &str) {
    let script = format!("#!/bin/sh\ntest \"$1\" = -w && printf '%s\\n' '{body}' > \"$2\"\n");
    fs::write(path, script).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
