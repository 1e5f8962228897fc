//! This program, started once more: a process whose time and memory are its own.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    process::{Child as Process, ChildStdout, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use crate::machine;

/// Is a child that runs until its input ends; dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Child {
    process: Process,
    #[cfg_attr(
        not(feature = "soak"),
        expect(dead_code, reason = "a soak alone hears what it says at its end")
    )]
    out: BufReader<ChildStdout>,
    line: String,
}

impl Child {
    /// Starts this program with `argument`, and waits for its first line.
    pub(crate) fn start(argument: &str) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg(argument)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let out = process.stdout.take().context("a child has no output")?;
        let (mut out, mut line) = (BufReader::new(out), String::new());
        out.read_line(&mut line)?;
        line.truncate(line.trim_end().len());
        ensure!(!line.is_empty(), "the child ended");
        Ok(Self { process, out, line })
    }

    /// Returns its first line.
    pub(crate) fn line(&self) -> &str {
        &self.line
    }

    /// Returns for how long its threads were on a processor, where the system tells.
    pub(crate) fn busy(&self) -> Option<Duration> {
        let (nanos, _) = machine::used_by(self.process.id())?;
        Some(Duration::from_nanos(nanos))
    }

    /// Returns how many of its bytes are in memory, where the system tells.
    pub(crate) fn resident(&self) -> Option<u64> {
        machine::resident_of(self.process.id())
    }

    /// Ends its input, and returns what it says until it ends.
    #[cfg_attr(
        not(feature = "soak"),
        expect(dead_code, reason = "a soak alone hears what it says at its end")
    )]
    pub(crate) fn end(mut self) -> Result<String> {
        drop(self.process.stdin.take());
        let mut rest = String::new();
        self.out.read_to_string(&mut rest)?;
        ensure!(self.process.wait()?.success(), "the child failed");
        Ok(rest)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // One that has ended cannot be killed.
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// As a child: says `line`, and waits until the input ends.
pub(crate) async fn serve(line: &str) -> Result<()> {
    let mut out = io::stdout();
    writeln!(out, "{line}")?;
    out.flush()?;
    tokio::task::spawn_blocking(|| io::stdin().lock().read_line(&mut String::new())).await??;
    Ok(())
}
