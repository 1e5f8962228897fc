//! The official Python SDK, in a process of its own that is told what to do.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use super::{BATCH, PYTHON, SESSION, child::Emulator, queue_of, rate::Work, sessions_of};
use crate::{remote::body, spent::Spent};

/// What the SDK does here.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python/servicebus.py");

/// Names the Python that has the SDK; set by `cargo xtask bench`.
const VARIABLE: &str = "RELAYHOUSE_BENCH_PYTHON";

/// Says why it has no figures.
pub(super) const NOTE: &str =
    "The Python SDK was not run: no Python that has it was named by `RELAYHOUSE_BENCH_PYTHON`.";

/// Is a Python that runs; dropped, it is killed.
#[derive(Debug)]
pub(super) struct Python {
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// Is what a piece of work took, in seconds.
#[derive(Deserialize)]
struct Took {
    busy: f64,
    clock: f64,
}

impl Python {
    /// Starts the SDK, where there is a Python that has it.
    #[expect(
        clippy::disallowed_methods,
        reason = "what the automation has prepared stands in the environment"
    )]
    pub(super) fn start(emulator: &Emulator) -> Result<Option<Self>> {
        let Some(python) = std::env::var_os(VARIABLE) else {
            return Ok(None);
        };
        let mut process = Command::new(python)
            .arg(SCRIPT)
            .args([&queue_of(PYTHON), &sessions_of(PYTHON)])
            .args([BATCH, SESSION].map(|count| count.to_string()))
            .arg(body())
            .env("SERVICEBUS_CONNECTION", emulator.connection())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start Python")?;
        let orders = process.stdin.take().context("Python has no input")?;
        let answers = process.stdout.take().context("Python has no output")?;
        Ok(Some(Self {
            process,
            orders,
            answers: BufReader::new(answers),
        }))
    }

    /// Does `work` with so many messages.
    pub(super) fn run(&mut self, work: Work, messages: usize) -> Result<Spent> {
        let name = match work {
            Work::SendBatches => "send_batches",
            Work::SendSingly => "send_singly",
            Work::Receive => "receive",
            Work::Sessions => "receive_sessions",
        };
        writeln!(self.orders, "{name} {messages}")?;
        let mut line = String::new();
        let length = self.answers.read_line(&mut line)?;
        ensure!(0 < length, "Python ended");
        let Took { busy, clock } = serde_json::from_str(&line)?;
        Ok(Spent {
            busy: Duration::from_secs_f64(busy),
            clock: Duration::from_secs_f64(clock),
        })
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        // One that has ended cannot be killed.
        _ = self.process.kill();
        _ = self.process.wait();
    }
}
