//! Ctrl-C, readers that go away, and input that never ends.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read, Write},
    path::PathBuf,
    process::{Child, Command},
    sync::mpsc::sync_channel,
    thread,
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    program::{command, end, feed},
    stop::{interrupt, read_until},
};

/// Is a named pipe: a command that reads it waits until the test writes.
struct Gate {
    path: PathBuf,
    _directory: TempDir,
}

impl Gate {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("gate");
        let made = Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        Self {
            path,
            _directory: directory,
        }
    }

    /// Starts the program with commands that say when they start, and wait at the gate.
    fn start(&self, args: &[&str]) -> Child {
        let line = format!(
            "echo started >&2; read x < {}; echo done",
            self.path.display()
        );
        let args = [&["pipe", "--from", "-", "--exec", &line], args].concat();
        command(&args).spawn().unwrap()
    }

    fn open(&self) {
        fs::write(&self.path, "go\n").unwrap();
    }
}

#[test]
fn interrupt_lets_the_running_command_end_and_says_what_is_left() {
    let gate = Gate::new();
    let mut child = gate.start(&[]);
    feed(&mut child, b"1\n2\n3\n".to_vec());
    let mut stderr = child.stderr.take().unwrap();
    read_until(&mut stderr, "started\n");
    interrupt(&child);
    read_until(&mut stderr, "once more kills them\n");
    gate.open();
    let said = read_until(&mut stderr, "left undone\n");
    let ran = end(child).ended(130);
    assert_eq!(ran.stdout, "done\n");
    assert!(said.contains("1 done, "), "{said}");
}

#[test]
fn second_interrupt_ends_at_once_and_leaves_no_command_behind() {
    let gate = Gate::new();
    let mut child = gate.start(&["--concurrency", "2"]);
    feed(&mut child, b"1\n2\n3\n".to_vec());
    let mut stderr = child.stderr.take().unwrap();
    read_until(&mut stderr, "started\n");
    read_until(&mut stderr, "started\n");
    interrupt(&child);
    read_until(&mut stderr, "once more kills them\n");
    interrupt(&child);
    let ran = end(child).ended(130);
    assert_eq!(ran.stdout, "");
    // It ends when the last command that holds it has ended.
    let mut rest = String::new();
    stderr.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("3 lines: 0 done, 3 left undone"), "{rest}");
}

#[test]
fn interrupt_ends_a_wait_for_input() {
    let mut child = command(&["pipe", "--from", "-"]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"1\n").unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "1\n");
    interrupt(&child);
    end(child).ended(130);
}

#[test]
fn reader_that_goes_away_ends_the_program_quietly() {
    let mut child = command(&["pipe", "--from", "-"]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    thread::spawn(move || while stdin.write_all(b"{\"x\":1}\n").is_ok() {});
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    drop(stdout);
    let ran = end(child).ended(141);
    assert_eq!(ran.stderr, "");
}

#[test]
fn output_that_is_full_is_an_error() {
    if !PathBuf::from("/dev/full").exists() {
        return;
    }
    let full = File::options().write(true).open("/dev/full").unwrap();
    let mut child = command(&["pipe", "--from", "-"])
        .stdout(full)
        .spawn()
        .unwrap();
    feed(&mut child, b"1\n".to_vec());
    let ran = end(child).ended(74);
    assert!(
        ran.stderr.contains("cannot write standard output: "),
        "{}",
        ran.stderr
    );
}

#[test]
fn endless_input_is_not_read_ahead_of_the_commands() {
    const LINE_BYTES: usize = 64 << 10;
    const AHEAD_BYTES_MAX: usize = 80 << 20;
    // No reader is slower than this for one line, unless it has stopped to read.
    const STILL: Duration = Duration::from_secs(2);
    let gate = Gate::new();
    let mut child = gate.start(&[]);
    let mut stdin = child.stdin.take().unwrap();
    let (sender, receiver) = sync_channel(0);
    thread::spawn(move || {
        let line = format!("\"{}\"\n", "x".repeat(LINE_BYTES));
        while stdin.write_all(line.as_bytes()).is_ok() && sender.send(()).is_ok() {}
    });
    let mut bytes = 0;
    while receiver.recv_timeout(STILL).is_ok() {
        bytes += LINE_BYTES;
        assert!(bytes < AHEAD_BYTES_MAX, "{bytes} bytes were read ahead");
    }
    interrupt(&child);
    let mut stderr = child.stderr.take().unwrap();
    read_until(&mut stderr, "once more kills them\n");
    interrupt(&child);
    end(child).ended(130);
}
