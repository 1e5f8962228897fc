//! Children of this program, which is its own child program: started, listened to, killed.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    sync::mpsc::{Receiver, sync_channel},
    thread::{self, JoinHandle},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::report::Report;

/// The most reports that wait for the parent.
const REPORTS_MAX: usize = 64 * 1024;

/// Is a child that runs.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    reports: Receiver<Report>,
    reader: JoinHandle<Result<()>>,
}

/// Is a child that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) reports: Vec<Report>,
    pub(crate) status: ExitStatus,
}

/// Builds the command of a child: what it does, in which directory, from which seed.
pub(crate) fn child(what: &str, directory: &Path, seed: u64) -> Result<Vec<String>> {
    let program = env::current_exe().context("this program does not know where it is")?;
    let words = [
        text(&program)?,
        "child".to_owned(),
        format!("--directory={}", text(directory)?),
        format!("--seed={seed}"),
        what.to_owned(),
    ];
    Ok(words.to_vec())
}

/// Returns a path as text, which it is on the machines that this runs on.
pub(crate) fn text(path: &Path) -> Result<String> {
    let text = path
        .to_str()
        .with_context(|| format!("{} is not UTF-8", path.display()))?;
    Ok(text.to_owned())
}

impl Process {
    /// Starts a child.
    pub(crate) fn start(words: &[String]) -> Result<Self> {
        let (program, arguments) = words.split_first().context("no program was named")?;
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", words.join(" ")))?;
        let output = child.stdout.take().context("the child has no output")?;
        let (sender, reports) = sync_channel(REPORTS_MAX);
        let reader = thread::spawn(move || {
            read(output, |report| {
                // Who does not listen any more does not want to know.
                drop(sender.send(report));
            })
        });
        Ok(Self {
            stdin: child.stdin.take(),
            child,
            reports,
            reader,
        })
    }

    pub(crate) fn number(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the next report; `None` if the child has ended.
    pub(crate) fn next(&self) -> Option<Report> {
        self.reports.recv().ok()
    }

    /// Lets a child go on that waits for its parent.
    pub(crate) fn go(&mut self) -> Result<()> {
        let stdin = self.stdin.as_mut().context("the child was told to end")?;
        stdin
            .write_all(b"go\n")
            .and_then(|()| stdin.flush())
            .context("the child does not listen")
    }

    /// Ends the child at once, whatever it does: `kill -9`.
    pub(crate) fn kill(mut self) -> Result<Ended> {
        self.child.kill().context("cannot kill the child")?;
        self.end()
    }

    /// Tells the child that nothing more comes, and waits for its end.
    pub(crate) fn end(mut self) -> Result<Ended> {
        drop(self.stdin.take());
        let reports = self.reports.iter().collect();
        let status = self.child.wait().context("cannot wait for the child")?;
        match self.reader.join() {
            Ok(read) => read?,
            Err(_) => bail!("the reader of a child panicked"),
        }
        Ok(Ended { reports, status })
    }
}

impl Ended {
    /// Fails unless the child ended well.
    pub(crate) fn well(self) -> Result<Vec<Report>> {
        ensure!(self.status.success(), "a child ended with {}", self.status);
        Ok(self.reports)
    }
}

/// Runs a child to its end.
pub(crate) fn run(words: &[String]) -> Result<Ended> {
    Process::start(words)?.end()
}

fn read(output: ChildStdout, mut each: impl FnMut(Report)) -> Result<()> {
    let mut output = BufReader::new(output);
    let mut line = String::new();
    loop {
        line.clear();
        output
            .read_line(&mut line)
            .context("cannot read what a child tells")?;
        // A kill may have cut the last line.
        if !line.ends_with('\n') {
            return Ok(());
        }
        let report = serde_json::from_str(&line);
        each(report.with_context(|| format!("a child told {line:?}"))?);
    }
}
