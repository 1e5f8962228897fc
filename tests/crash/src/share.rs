//! Several processes at once: each message acked once, order kept, and one wakes the other.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
    fs,
    path::Path,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::{
    judge::{Finding, Judge},
    kill::wait,
    process::{Ended, Process, child},
    report::{Report, What},
};

const PRODUCERS: u64 = 2;
const CONSUMERS: u64 = 3;

/// A message that takes longer from one process to another says that nobody was woken.
const LATENCY_MAX: Duration = Duration::from_secs(1);

/// A child that waits is watched for this long.
const IDLE: Duration = Duration::from_secs(5);
/// After it has begun to wait, until it is watched.
const SETTLE: Duration = Duration::from_millis(300);
/// More than this is polling.
const IDLE_CPU_MAX: Duration = Duration::from_millis(250);

/// Is what was measured between two processes.
#[derive(Debug)]
pub(crate) struct Wake {
    /// From the begin of a send to the delivery, in order.
    latencies: Vec<Duration>,
    /// How much of the processor a process used that waited.
    idle: Option<Duration>,
}

/// Has five processes use one queue until `count` messages of each producer are acked.
pub(crate) fn together(count: u64, seed: u64) -> Result<Finding> {
    let directory = TempDir::new().context("cannot create a directory")?;
    let path = directory.path();
    let consumers = (0..CONSUMERS).map(|_| Process::start(&child("consume", path, seed)?));
    let consumers: Vec<_> = consumers.collect::<Result<_>>()?;
    let producers = (1..=PRODUCERS).map(|producer| {
        let mut words = child("produce", path, seed)?;
        words.extend([format!("--producer={producer}"), format!("--count={count}")]);
        Process::start(&words)
    });
    let producers: Vec<_> = producers.collect::<Result<_>>()?;
    let mut processes = Vec::new();
    for process in producers.into_iter().chain(consumers) {
        processes.push(process.end()?.well()?);
    }
    let finding = judge(processes, seed);
    let sent = finding.verdict.sent;
    ensure!(sent == PRODUCERS * count, "{sent} were sent\n{finding}");
    Ok(finding)
}

/// Reads what several processes told in the order of its time.
fn judge(processes: Vec<Vec<Report>>, seed: u64) -> Finding {
    let count = processes.len() as u64;
    let mut all = Vec::new();
    for (process, reports) in (0..).zip(processes) {
        all.extend(reports.into_iter().map(|report| (process, report)));
    }
    all.sort_by_key(|(_, report)| report.at);
    let mut judge = Judge::new(seed);
    for (process, report) in &all {
        judge.note(*process, report);
    }
    (0..count).for_each(|process| judge.ended(process));
    judge.end(0)
}

/// Measures how soon a send of one process wakes a receiver of another, and what waiting costs.
pub(crate) fn wake(count: u64, seed: u64) -> Result<Wake> {
    let directory = TempDir::new().context("cannot create a directory")?;
    let [receiver, sender] = ["pong", "ping"].map(|what| {
        let mut words = child(what, directory.path(), seed)?;
        words.push(format!("--count={count}"));
        Process::start(&words)
    });
    let reports = [receiver?, sender?].map(|process| process.end().and_then(Ended::well));
    let [received, sent] = reports;
    let mut latencies = latencies(&sent?, &received?);
    latencies.sort_unstable();
    ensure!(
        latencies.len() as u64 == count,
        "{} of {count} came",
        latencies.len()
    );
    Ok(Wake {
        latencies,
        idle: idle(directory.path(), seed)?,
    })
}

fn latencies(sent: &[Report], received: &[Report]) -> Vec<Duration> {
    let begun = sent.iter().filter_map(|report| match report.what {
        What::Sending { first, .. } => Some((first, report.at)),
        _ => None,
    });
    let begun: BTreeMap<_, _> = begun.collect();
    let mut latencies = Vec::new();
    for report in received {
        let What::Received(all) = &report.what else {
            continue;
        };
        for name in all.iter().filter_map(|got| got.name) {
            let begun = begun.get(&name.sequence).copied();
            let nanos = begun.map_or(0, |begun| report.at.saturating_sub(begun));
            latencies.push(Duration::from_nanos(nanos));
        }
    }
    latencies
}

/// Watches a process that waits for a message.
fn idle(directory: &Path, seed: u64) -> Result<Option<Duration>> {
    let mut words = child("idle", directory, seed)?;
    words.push(format!("--seconds={}", IDLE.as_secs() + 30));
    let process = Process::start(&words)?;
    while !matches!(
        process.next().context("the child ended")?.what,
        What::Receiving
    ) {}
    wait(SETTLE)?;
    let before = processor_time(process.number());
    wait(IDLE)?;
    let after = processor_time(process.number());
    process.kill()?;
    Ok(before.and_then(|before| Some(after?.saturating_sub(before))))
}

/// Returns how much of the processor all threads of a process have used, where that is told.
fn processor_time(process: u32) -> Option<Duration> {
    let mut nanos = 0;
    for task in fs::read_dir(format!("/proc/{process}/task")).ok()? {
        let text = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        nanos += text.split(' ').next()?.parse::<u64>().ok()?;
    }
    Some(Duration::from_nanos(nanos))
}

impl Wake {
    fn percentile(&self, percent: usize) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies
            .get(last * percent / 100)
            .copied()
            .unwrap_or_default()
    }

    pub(crate) fn check(&self) -> Result<()> {
        ensure!(self.percentile(99) < LATENCY_MAX, "{self}");
        ensure!(self.idle.is_none_or(|idle| idle < IDLE_CPU_MAX), "{self}");
        Ok(())
    }
}

impl Display for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.latencies.len();
        let [median, high, most] = [50, 99, 100].map(|percent| self.percentile(percent));
        write!(
            f,
            "{count} sends to another process: p50 {median:.1?}, p99 {high:.1?}"
        )?;
        write!(
            f,
            ", most {most:.1?}; processor used in {IDLE:?} of waiting: "
        )?;
        match self.idle {
            Some(idle) => write!(f, "{idle:.1?}"),
            None => write!(f, "not told by this system"),
        }
    }
}
