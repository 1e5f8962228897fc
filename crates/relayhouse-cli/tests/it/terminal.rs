//! What a person sees on a terminal.

use std::{fs::File, io::Read, os::fd::OwnedFd, process::Child};

use rustix::{
    fs::{Mode, OFlags, open},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};

use crate::program::{command, end, feed, run};

/// Is a terminal of which both ends are ours.
struct Terminal(OwnedFd);

impl Terminal {
    fn new() -> Self {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        Self(terminal)
    }

    /// Starts the program with this for standard error.
    fn start(&self, args: &[&str], no_color: Option<&str>) -> Child {
        let name = ptsname(&self.0, Vec::new()).unwrap();
        let side = open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let mut command = command(args);
        command.env_remove("NO_COLOR").env("TERM", "xterm-256color");
        if let Some(value) = no_color {
            command.env("NO_COLOR", value);
        }
        command.stderr(side).spawn().unwrap()
    }

    /// Starts the program with this for standard input as well, and types `answer`.
    fn ask(&self, args: &[&str], answer: &str) -> Child {
        let name = ptsname(&self.0, Vec::new()).unwrap();
        let side = || open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let (stdin, stderr) = (side(), side());
        rustix::io::write(&self.0, answer.as_bytes()).unwrap();
        command(args).stdin(stdin).stderr(stderr).spawn().unwrap()
    }

    /// Reads all that was written.
    fn text(self) -> String {
        let mut bytes = Vec::new();
        // It ends with an error once nobody has the other side.
        let _ = File::from(self.0).read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

fn shown(args: &[&str], input: &str, no_color: Option<&str>, code: i32) -> String {
    let terminal = Terminal::new();
    let mut child = terminal.start(args, no_color);
    feed(&mut child, input.into());
    let reader = std::thread::spawn(move || terminal.text());
    end(child).ended(code);
    reader.join().unwrap()
}

const SEND: [&str; 4] = ["send", "memory://orders", "--rate", "8/s"];

#[test]
fn send_shows_a_bar_with_rate_and_remaining_time() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("input");
    std::fs::write(&path, "1\n2\n3\n4\n").unwrap();
    let args = [&SEND[..], &["--file", path.to_str().unwrap()]].concat();
    let text = shown(&args, "", Some("1"), 0);
    assert!(
        text.contains("% ") && text.contains(" sent, ") && text.contains("s left"),
        "{text:?}"
    );
    assert!(text.contains("relayhouse: 4 sent, "), "{text:?}");

    let text = shown(&SEND, "1\n2\n3\n", Some("1"), 0);
    assert!(
        text.contains(" sent, ") && !text.contains("left"),
        "{text:?}"
    );
}

#[test]
fn colour_is_for_terminals_and_never_with_no_color() {
    let args = ["send", "memory://orders"];
    let text = shown(&args, "x\n", None, 65);
    assert!(
        text.contains("\x1b[1;31mrelayhouse:\x1b[0m line 1: "),
        "{text:?}"
    );
    let text = shown(&args, "x\n", Some("1"), 65);
    assert!(
        text.contains("relayhouse: line 1: ") && !text.contains("[1;31m"),
        "{text:?}"
    );
}

#[test]
fn purge_is_done_for_whoever_types_yes() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("local:{}/orders", directory.path().display());
    let audit = directory.path().join("audit.jsonl");
    let audit = ["--audit", audit.to_str().unwrap()];
    run(&["send", &url], "1\n").ended(0);
    for (answer, code, left) in [("no\n", 2, "1"), ("yes\n", 0, "0")] {
        let terminal = Terminal::new();
        let child = terminal.ask(&[&["purge", &url][..], &audit].concat(), answer);
        let reader = std::thread::spawn(move || terminal.text());
        end(child).ended(code);
        let text = reader.join().unwrap();
        assert!(text.contains("for good? Type yes: "), "{text:?}");
        let stats = run(&["stats", &url, "--output", "ndjson"], "").ended(0);
        assert!(
            stats.stdout.contains(&format!("\"ready\":{left},")),
            "{stats:?}"
        );
    }
}
