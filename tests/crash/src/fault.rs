//! Disks that fail: failed writes and flushes, a full disk, a file that may not grow.

use std::{
    fmt::{self, Display},
    fs,
    num::NonZeroUsize,
    path::Path,
    thread,
};

use anyhow::{Context as _, Result, bail, ensure};
use relayhouse_core::ErrorKind;
use tempfile::TempDir;

use crate::{
    child::QUEUE,
    judge::Judge,
    kill::{drain, note},
    process::{child, run, text},
    report::{Answered, Failure, Report, What},
    trace::STRACE,
};

/// The calls that fail, the highest number of the one that does, and how many are passed over.
const CALLS: [(&str, u64, usize); 2] = [("fdatasync,fsync", 26, 1), ("pwrite64,write", 750, 25)];

const ERRORS: [&str; 2] = ["EIO", "ENOSPC"];

/// The size at which a file may not grow any more, in blocks of 512 bytes.
const FILE_BLOCKS: u64 = 1_500;

/// The bound that the adapter is told.
const FILE_BYTES_MAX: u64 = 300_000;
/// By some pages it may be more.
const FILE_BYTES_MORE: u64 = 64 * 1024;

/// Enough to reach either.
const ROUNDS: u64 = 600;

/// How many findings are told.
const TOLD_MAX: usize = 20;

/// Is one way for a disk to fail.
#[derive(Clone, Debug)]
struct Fault {
    call: &'static str,
    error: &'static str,
    number: u64,
    /// True if every later call fails as well.
    lasts: bool,
}

/// Counts what came of all faults.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    runs: u64,
    struck: u64,
    confirmed: u64,
    wrong: u64,
    words: Vec<String>,
}

/// Has each call fail in turn, once and for good.
pub(crate) fn injected(seed: u64) -> Result<Faults> {
    let faults = &faults();
    let workers = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    thread::scope(|scope| {
        let work = |worker| {
            scope.spawn(move || {
                let mut all = Faults::default();
                for fault in faults.iter().skip(worker).step_by(workers) {
                    all.inject(fault, seed)?;
                }
                anyhow::Ok(all)
            })
        };
        let threads: Vec<_> = (0..workers).map(work).collect();
        let mut all = Faults::default();
        for thread in threads {
            match thread.join() {
                Ok(some) => all.add(some?),
                Err(_) => bail!("a thread panicked"),
            }
        }
        Ok(all)
    })
}

fn faults() -> Vec<Fault> {
    let mut faults = Vec::new();
    for (call, most, step) in CALLS {
        for (index, number) in (1..=most).step_by(step).enumerate() {
            for lasts in [false, true] {
                let error = ERRORS[(index + usize::from(lasts)) % ERRORS.len()];
                faults.push(Fault {
                    call,
                    error,
                    number,
                    lasts,
                });
            }
        }
    }
    faults
}

/// Has a file reach the size that the system allows it.
pub(crate) fn limited(seed: u64) -> Result<Faults> {
    let directory = TempDir::new().context("cannot create a directory")?;
    let script = format!("trap '' XFSZ; ulimit -f {FILE_BLOCKS}; exec \"$@\"");
    let mut words = vec!["sh".to_owned(), "-c".to_owned(), script, "sh".to_owned()];
    words.extend(child("faulty", directory.path(), seed)?);
    words.push(format!("--rounds={ROUNDS}"));
    let mut faults = Faults::default();
    faults.run("a file that may not grow", &words, directory.path(), seed)?;
    ensure!(faults.struck == 1, "no limit was reached: {faults}");
    Ok(faults)
}

/// Has a file reach the size that its queue is told.
pub(crate) fn bounded(seed: u64) -> Result<Faults> {
    let directory = TempDir::new().context("cannot create a directory")?;
    let mut words = child("faulty", directory.path(), seed)?;
    words.extend([
        format!("--rounds={ROUNDS}"),
        format!("--file-bytes-max={FILE_BYTES_MAX}"),
    ]);
    let reports = run(&words)?.well()?;
    let sends = sends(&reports);
    let full = |failure: &&Failure| failure.is(ErrorKind::Full);
    let refused = sends
        .iter()
        .flat_map(|it| it.iter().filter_map(|it| it.failure()))
        .filter(full);
    ensure!(
        0 < refused.count(),
        "a queue with a bound of {FILE_BYTES_MAX} bytes took everything"
    );
    let size = fs::metadata(directory.path().join(format!("{QUEUE}.queue")));
    let size = size.context("the file is not there")?.len();
    ensure!(
        size <= FILE_BYTES_MAX + FILE_BYTES_MORE,
        "the file has {size} bytes"
    );
    let mut faults = Faults::default();
    faults.judge("a bound", &reports, directory.path(), seed)?;
    Ok(faults)
}

fn sends(reports: &[Report]) -> Vec<&Vec<Answered>> {
    let sends = reports.iter().filter_map(|report| match &report.what {
        What::Sent(answers) => Some(answers),
        _ => None,
    });
    sends.collect()
}

impl Fault {
    /// Builds the command that runs `words` with this fault in the files of its queue.
    fn command(&self, directory: &Path, words: Vec<String>) -> Result<Vec<String>> {
        let Self {
            call,
            error,
            number,
            lasts,
        } = self;
        let lasts = if *lasts { "+" } else { "" };
        let mut all = vec![
            STRACE.to_owned(),
            "--follow-forks".to_owned(),
            "-qqq".to_owned(),
            "--output=/dev/null".to_owned(),
            format!("--trace={call}"),
            format!("--inject={call}:error={error}:when={number}{lasts}"),
        ];
        for suffix in ["queue", "queue-wal", "bell"] {
            let file = text(&directory.join(format!("{QUEUE}.{suffix}")))?;
            all.push(format!("--trace-path={file}"));
        }
        all.extend(words);
        Ok(all)
    }
}

impl Faults {
    fn inject(&mut self, fault: &Fault, seed: u64) -> Result<()> {
        let directory = TempDir::new().context("cannot create a directory")?;
        let words = fault.command(directory.path(), child("faulty", directory.path(), seed)?)?;
        self.run(&fault.to_string(), &words, directory.path(), seed)
    }

    fn run(&mut self, fault: &str, words: &[String], directory: &Path, seed: u64) -> Result<()> {
        let ended = run(words)?;
        let status = ended.status;
        let reports = ended.reports;
        if !status.success() {
            self.found(format!("{fault}: the child ended with {status}"));
        }
        match check(&reports) {
            Ok(has_struck) => self.struck += u64::from(has_struck),
            Err(error) => self.found(format!("{fault}: {error}")),
        }
        self.judge(fault, &reports, directory, seed)
    }

    /// Opens the queue again, and looks whether everything confirmed is there.
    fn judge(
        &mut self,
        fault: &str,
        reports: &[Report],
        directory: &Path,
        seed: u64,
    ) -> Result<()> {
        self.runs += 1;
        let mut judge = Judge::new(seed);
        note(&mut judge, 0, reports);
        match drain(judge, 1, directory, seed) {
            Ok(finding) => {
                self.confirmed += finding.verdict.sent;
                if let Err(error) = finding.check() {
                    self.found(format!("{fault}: {error}"));
                }
            }
            Err(error) => self.found(format!("{fault}: cannot be drained: {error}")),
        }
        Ok(())
    }

    fn found(&mut self, words: String) {
        self.wrong += 1;
        self.words.push(words);
    }

    fn add(&mut self, other: Self) {
        self.runs += other.runs;
        self.struck += other.struck;
        self.confirmed += other.confirmed;
        self.wrong += other.wrong;
        self.words.extend(other.words);
    }

    pub(crate) fn check(&self) -> Result<()> {
        ensure!(self.wrong == 0, "{self}");
        Ok(())
    }

    /// Fails unless most of the faults were noticed: those of the bell alone need not be.
    pub(crate) fn check_struck(&self) -> Result<()> {
        ensure!(
            self.runs / 3 < self.struck,
            "too few faults were noticed: {self}"
        );
        Ok(())
    }
}

/// Checks what a child told whose disk failed; returns true if it noticed.
fn check(reports: &[Report]) -> Result<bool> {
    let mut first: Option<&Failure> = None;
    for report in reports {
        match &report.what {
            What::Sent(answers) => {
                let failures: Vec<_> = answers.iter().filter_map(Answered::failure).collect();
                let is_done = failures.len() < answers.len();
                ensure!(
                    first.is_none() || !is_done,
                    "a send was confirmed after {first:?}"
                );
                for failure in failures {
                    ensure!(
                        failure.names_file(),
                        "a send failed without a file: {failure:?}"
                    );
                    first = first.or(Some(failure));
                }
            }
            What::Settled(answers) => {
                for failure in answers.iter().filter_map(Answered::failure) {
                    ensure!(
                        failure.names_file(),
                        "an ack failed without a file: {failure:?}"
                    );
                    first = first.or(Some(failure));
                }
            }
            What::Failed { call, error } => {
                ensure!(
                    error.names_file(),
                    "{call} failed without a file: {error:?}"
                );
                let is_read = ["stats", "peek"].contains(&call.as_str());
                ensure!(!is_read, "{call} did not work any more: {error:?}");
                first = first.or(Some(error));
            }
            _ => {}
        }
    }
    Ok(first.is_some())
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            call,
            error,
            number,
            lasts,
        } = self;
        let lasts = if *lasts { " and on" } else { "" };
        write!(f, "{error} at {call} {number}{lasts}")
    }
}

impl Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            runs,
            struck,
            confirmed,
            wrong,
            words,
        } = self;
        write!(
            f,
            "runs {runs}, noticed {struck}, confirmed {confirmed}, wrong {wrong}"
        )?;
        words
            .iter()
            .take(TOLD_MAX)
            .try_for_each(|text| write!(f, "\n  {text}"))
    }
}
