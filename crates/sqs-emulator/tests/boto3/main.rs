//! The emulator driven by boto3, the SDK of AWS for Python: all operations, errors by type.
//!
//! It needs Python 3.10 or newer, and the network once, to install what `requirements.txt` pins.
#![cfg(test)]

mod venv;

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use sqs_emulator::{ManualClock, Operation, SqsEmulator};
use tokio::task;

/// Runs the suite with every operation of SQS; none may be left out.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn boto3_drives_every_operation() {
    let clock = ManualClock::new();
    let builder = SqsEmulator::builder().clock(clock.clone());
    let emulator = builder.start().await.unwrap();
    let endpoint = emulator.endpoint().to_owned();
    let said = task::spawn_blocking(move || run_suite(&endpoint, &clock)).await;
    assert!(said.unwrap().starts_with("passed "));
    for operation in Operation::ALL {
        let calls = emulator.count(operation).calls;
        assert_ne!(calls, 0, "the suite does not call {}", operation.name());
    }
    emulator.close().await;
}

/// Runs the suite to its end, and returns the last line that it wrote.
fn run_suite(endpoint: &str, clock: &ManualClock) -> String {
    let python = venv::python();
    let mut child = suite(&python, endpoint).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut last = String::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        println!("{line}");
        if let Some(seconds) = line.strip_prefix("advance ") {
            clock.advance(Duration::from_secs(seconds.parse().unwrap()));
            stdin.write_all(b"advanced\n").unwrap();
        }
        last = line;
    }
    let status = child.wait().unwrap();
    assert!(status.success(), "the suite failed after: {last}");
    last
}

fn suite(python: &Path, endpoint: &str) -> Command {
    let mut command = Command::new(python);
    command
        .arg(folder().join("suite.py"))
        .arg(endpoint)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_CONFIG_FILE", "none")
        .env("AWS_SHARED_CREDENTIALS_FILE", "none")
        .env("NO_PROXY", "127.0.0.1")
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env_remove("AWS_PROFILE")
        .env_remove("AWS_SESSION_TOKEN")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/boto3")
}
