//! Loss of power: everything that was flushed is there, whatever became of what was not.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Display},
    num::NonZeroUsize,
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use relayhouse_core::{Random, SeededRandom};
use tempfile::TempDir;

use crate::{
    child::{QUEUE, runtime},
    content::{Name, derive, fingerprint, message},
    files::Files,
    judge::names,
    process::{Process, child},
    reading::{Reading, read_all},
    report::{Answered, How, Proof, Report, What},
};

/// A disk writes whole sectors.
const SECTOR: usize = 512;
/// The log begins with a header, and has a header before each page.
const LOG_HEADER: usize = 32;
const FRAME: usize = 24 + 4096;

/// In so many ways each frame is torn.
const TEARS: u64 = 3;
/// In so many ways the file is torn while the log is written back.
const BACK_TEARS: u64 = 40;

/// How many findings are told.
const TOLD_MAX: usize = 20;

/// Is the state of the disk at a moment at which everything had been flushed.
#[derive(Debug)]
struct Snapshot {
    files: Files,
    /// How many reports had come by then.
    reports: usize,
}

/// Is a run, as it was recorded.
#[derive(Debug)]
struct Recording {
    seed: u64,
    reports: Vec<Report>,
    snapshots: Vec<Snapshot>,
}

/// Is what must be found, and what may be found, between two snapshots.
#[derive(Debug, Default)]
struct Allowed {
    must: BTreeSet<Name>,
    may: BTreeSet<Name>,
}

/// Counts what was cut.
#[derive(Debug, Default)]
pub(crate) struct Cuts {
    steps: u64,
    boundaries: u64,
    torn: u64,
    back: u64,
    confirmed: u64,
    wrong: u64,
    words: Vec<String>,
}

/// Records a run of `steps` steps, and cuts the power at every point of it.
pub(crate) fn cuts(steps: u64, seed: u64) -> Result<Cuts> {
    let recording = &Recording::make(steps, seed)?;
    let workers = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    thread::scope(|scope| {
        let work = |worker| {
            let gaps = (worker..recording.snapshots.len() - 1).step_by(workers);
            scope.spawn(move || recording.cut_all(gaps))
        };
        let threads: Vec<_> = (0..workers).map(work).collect();
        let mut all = Cuts {
            steps,
            ..Cuts::default()
        };
        for thread in threads {
            match thread.join() {
                Ok(some) => all.add(some?),
                Err(_) => bail!("a thread panicked"),
            }
        }
        let last = recording.snapshots.last().context("there are snapshots")?;
        all.confirmed = recording.sent(last.reports).len() as u64;
        Ok(all)
    })
}

impl Recording {
    fn make(steps: u64, seed: u64) -> Result<Self> {
        let directory = TempDir::new().context("cannot create a directory")?;
        let mut process = Process::start(&child("record", directory.path(), seed)?)?;
        let (mut reports, mut snapshots) = (Vec::new(), Vec::new());
        for step in 0..=steps {
            if step != 0 {
                process.go()?;
            }
            loop {
                let report = process.next().context("the child ended")?;
                let is_reached = matches!(report.what, What::Reached { .. });
                reports.push(report);
                if is_reached {
                    break;
                }
            }
            // The child waits, so nobody writes.
            let files = Files::read(directory.path(), QUEUE)?;
            let reports = reports.len();
            snapshots.push(Snapshot { files, reports });
        }
        process.end()?.well()?;
        Ok(Self {
            seed,
            reports,
            snapshots,
        })
    }

    /// Cuts in each of the gaps between a snapshot and the next.
    fn cut_all(&self, gaps: impl Iterator<Item = usize>) -> Result<Cuts> {
        let directory = TempDir::new().context("cannot create a directory")?;
        let runtime = runtime()?;
        let mut cuts = Cuts::default();
        for gap in gaps {
            let allowed = self.allowed(gap);
            for (kind, cut) in self.states(gap, &mut cuts)? {
                cut.write(directory.path())?;
                let reading = runtime.block_on(read_all(directory.path(), QUEUE, &[]))?;
                if let Err(error) = self.check(&allowed, &reading) {
                    cuts.wrong += 1;
                    cuts.words
                        .push(format!("after step {gap}, {kind}: {error}"));
                }
            }
        }
        Ok(cuts)
    }

    /// Makes the states in which a loss of power may leave the disk.
    fn states(&self, gap: usize, cuts: &mut Cuts) -> Result<Vec<(String, Files)>> {
        let random: &dyn Random =
            &SeededRandom::new(derive(self.seed, &[u64::from(b'p'), gap as u64]));
        let [before, after] = [gap, gap + 1].map(|at| &self.snapshots[at].files);
        let (file, log) = (format!("{QUEUE}.queue"), format!("{QUEUE}.queue-wal"));
        let mut states = Vec::new();
        if before.get(&file) != after.get(&file) {
            ensure!(
                before.get(&log) == after.get(&log),
                "the log was flushed before"
            );
            for tear in 0..BACK_TEARS {
                let torn = torn(before.get(&file), after.get(&file), 0, random);
                let state = self.state(gap, &file, torn, random);
                states.push((format!("file torn {tear}"), state));
            }
            cuts.back += BACK_TEARS;
            return Ok(states);
        }
        let (old, new) = (before.get(&log), after.get(&log));
        let differs = |at: &usize| old.get(*at) != Some(&new[*at]);
        let first = (0..new.len()).find(differs).unwrap_or(new.len());
        let last = (0..new.len()).rfind(differs).unwrap_or(0);
        let frames = (LOG_HEADER..=new.len()).step_by(FRAME);
        let is_between = |at: &usize| first <= at + FRAME && *at <= last + FRAME;
        for frame in [0].into_iter().chain(frames).filter(is_between) {
            let mut cut = new[..frame].to_vec();
            cut.extend(old.iter().skip(frame));
            states.push((
                format!("log cut at {frame}"),
                self.state(gap, &log, cut, random),
            ));
            cuts.boundaries += 1;
            for tear in 0..TEARS {
                let torn = torn(old, new, frame, random);
                let state = self.state(gap, &log, torn, random);
                states.push((format!("log torn {tear} from {frame}"), state));
                cuts.torn += 1;
            }
        }
        // Last, nothing is lost, and the bell has rung.
        states.push(("whole".to_owned(), after.clone()));
        Ok(states)
    }

    /// Puts together what a loss of power leaves: the bell is never flushed, so it may be old.
    fn state(&self, gap: usize, name: &str, bytes: Vec<u8>, random: &dyn Random) -> Files {
        let mut files = self.snapshots[gap].files.clone();
        files.0.insert(name.to_owned(), bytes);
        let bell = format!("{QUEUE}.bell");
        match random.below(6) {
            0 => drop(files.0.remove(&bell)),
            1 => files.0.entry(bell).or_default().fill(0),
            2 => {
                let before = random.below(gap as u64 + 1);
                let before = usize::try_from(before).unwrap_or(gap);
                let old = self.snapshots[before].files.get(&bell).to_vec();
                files.0.insert(bell, old);
            }
            _ => {}
        }
        files
    }

    /// Returns what was confirmed within the first `count` reports.
    fn sent(&self, count: usize) -> BTreeSet<Name> {
        let mut begun = Vec::new();
        let mut sent = BTreeSet::new();
        for report in &self.reports[..count] {
            match &report.what {
                What::Sending {
                    producer,
                    first,
                    count,
                } => begun = names((*producer, *first, *count)).collect(),
                What::Sent(answers) => {
                    let done = begun
                        .iter()
                        .zip(answers)
                        .filter(|(_, it)| it.failure().is_none());
                    sent.extend(done.map(|(name, _)| *name));
                }
                _ => {}
            }
        }
        sent
    }

    /// Returns what was acked within the first `count` reports, or if `is_begun` may have been.
    fn acked(&self, count: usize, is_begun: bool) -> BTreeSet<Name> {
        let mut got: BTreeMap<Proof, Name> = BTreeMap::new();
        let mut begun = Vec::new();
        let mut acked = BTreeSet::new();
        for report in &self.reports[..count] {
            match &report.what {
                What::Received(all) => {
                    got.extend(all.iter().filter_map(|it| Some((it.proof, it.name?))));
                }
                What::Settling(items) => {
                    let acks = items.iter().filter(|(_, how)| *how == How::Ack);
                    begun = acks
                        .filter_map(|(proof, _)| got.get(proof).copied())
                        .collect();
                    acked.extend(begun.iter().filter(|_| is_begun));
                }
                What::Settled(answers) => {
                    let is_done = |it: &&Answered| it.failure().is_none();
                    let done = answers.iter().filter(is_done).count();
                    acked.extend(begun.iter().filter(|_| done == answers.len()));
                }
                _ => {}
            }
        }
        acked
    }

    fn allowed(&self, gap: usize) -> Allowed {
        let [before, after] = [gap, gap + 1].map(|at| self.snapshots[at].reports);
        let gone = self.acked(before, false);
        let may_be_gone = self.acked(after, true);
        Allowed {
            must: self
                .sent(before)
                .difference(&may_be_gone)
                .copied()
                .collect(),
            may: self.sent(after).difference(&gone).copied().collect(),
        }
    }

    fn check(&self, allowed: &Allowed, reading: &Reading) -> Result<()> {
        if let Some(error) = &reading.error {
            bail!("{error:?}");
        }
        let mut missing = allowed.must.clone();
        let may = allowed.may.iter();
        let mut may: BTreeMap<_, _> = may.map(|name| (name.id().to_string(), *name)).collect();
        for item in &reading.items {
            let name = may.remove(&item.id);
            let name = name.with_context(|| format!("{} is not to be there", item.id))?;
            let sent = fingerprint(&message(self.seed, name, Duration::ZERO));
            ensure!(sent == item.print, "{name:?} is not what was sent");
            missing.remove(&name);
        }
        ensure!(
            missing.is_empty(),
            "{} are lost: {missing:?}",
            missing.len()
        );
        ensure!(
            reading.left == 0,
            "{} are counted and not there",
            reading.left
        );
        Ok(())
    }
}

/// Returns `new`, of whose sectors behind `from` that are not those of `old` some were not written.
fn torn(old: &[u8], new: &[u8], from: usize, random: &dyn Random) -> Vec<u8> {
    let mut torn = new.to_vec();
    torn.extend(old.iter().skip(new.len()));
    let old_at = |at: usize| old.get(at).copied().unwrap_or(0);
    for start in (0..torn.len()).step_by(SECTOR) {
        let end = torn.len().min(start + SECTOR);
        let part = start.max(from)..end;
        if part.is_empty() || part.clone().all(|at| torn[at] == old_at(at)) {
            continue;
        }
        match random.below(4) {
            0 | 1 => part.for_each(|at| torn[at] = old_at(at)),
            2 if old.len() <= start => torn[part].fill(0),
            _ => {}
        }
    }
    // What was not written may be missing at the end.
    if old.len() < torn.len() && random.below(2) == 0 {
        let used = torn
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |at| at + 1);
        torn.truncate(used.max(old.len()).max(from));
    }
    torn
}

impl Cuts {
    fn add(&mut self, other: Self) {
        self.boundaries += other.boundaries;
        self.torn += other.torn;
        self.back += other.back;
        self.wrong += other.wrong;
        self.words.extend(other.words);
    }

    pub(crate) fn check(&self) -> Result<()> {
        ensure!(self.wrong == 0, "{self}");
        ensure!(
            self.steps < self.boundaries && 0 < self.back,
            "too little was cut: {self}"
        );
        Ok(())
    }
}

impl Display for Cuts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            steps,
            boundaries,
            torn,
            back,
            confirmed,
            wrong,
            words,
        } = self;
        let all = boundaries + torn + back;
        write!(
            f,
            "steps {steps}, confirmed {confirmed}, cuts {all} ({boundaries} between frames"
        )?;
        write!(
            f,
            ", {torn} within, {back} while writing back), wrong {wrong}"
        )?;
        words
            .iter()
            .take(TOLD_MAX)
            .try_for_each(|text| write!(f, "\n  {text}"))
    }
}
