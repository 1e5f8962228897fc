//! Flips bits and cuts files: what comes out is what was put in, or an error that says so.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
    num::NonZeroUsize,
    thread,
};

use anyhow::{Context as _, Result, bail, ensure};
use relayhouse_core::{ErrorKind, Random, SeededRandom};
use tempfile::TempDir;

use crate::{
    child::{QUEUE, SESSIONS, SESSIONS_QUEUE, runtime},
    content::derive,
    files::Files,
    process::{Process, child},
    reading::{Item, Reading, read_all},
    report::What,
};

/// Of so many samples one is a cut.
const CUT_EVERY: u64 = 5;

/// How many findings are told.
const TOLD_MAX: usize = 40;

/// Is a queue as it was left: closed, or by a program that was killed.
#[derive(Debug)]
struct Case {
    name: &'static str,
    queue: &'static str,
    sessions: &'static [&'static str],
    files: Files,
    whole: Reading,
}

/// Is what is done to one file.
#[derive(Clone, Debug)]
enum Damage {
    Flip { file: String, byte: usize, bit: u8 },
    Cut { file: String, length: usize },
}

/// Says what came of one damage.
#[derive(Clone, Debug)]
enum End {
    Same,
    Told { kind: String, is_open: bool },
    Wrong(String),
}

/// Counts what came of all.
#[derive(Debug, Default)]
pub(crate) struct Corruption {
    samples: u64,
    same: u64,
    told: BTreeMap<(String, &'static str), u64>,
    wrong: u64,
    /// How often each file was damaged, and how often that changed nothing.
    files: BTreeMap<String, (u64, u64)>,
    words: Vec<String>,
}

/// Damages copies of files in `samples` ways.
pub(crate) fn samples(samples: u64, seed: u64) -> Result<Corruption> {
    let cases = cases(seed)?;
    let workers = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let ends = thread::scope(|scope| {
        let work = |worker| {
            let cases = &cases;
            scope.spawn(move || some(cases, (worker..samples).step_by(workers), seed))
        };
        let threads: Vec<_> = (0..).take(workers).map(work).collect();
        let mut ends = Vec::new();
        for thread in threads {
            match thread.join() {
                Ok(some) => ends.extend(some?),
                Err(_) => bail!("a thread panicked"),
            }
        }
        Ok(ends)
    })?;
    let mut corruption = Corruption::default();
    for (what, end) in ends {
        corruption.add(what, end);
    }
    Ok(corruption)
}

/// Builds each queue twice: one is closed, one is killed and has its whole log.
fn cases(seed: u64) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for name in ["closed", "killed"] {
        let directory = TempDir::new().context("cannot create a directory")?;
        let process = Process::start(&child("build", directory.path(), seed)?)?;
        while !matches!(
            process.next().context("the child ended")?.what,
            What::Reached { .. }
        ) {}
        match name {
            "killed" => drop(process.kill()?),
            _ => drop(process.end()?.well()?),
        }
        for (queue, sessions) in [(QUEUE, &[][..]), (SESSIONS_QUEUE, &SESSIONS[..])] {
            let files = Files::read(directory.path(), queue)?;
            let whole = read(&files, queue, sessions)?;
            ensure!(
                whole.error.is_none(),
                "{name} {queue} cannot be read: {:?}",
                whole.error
            );
            ensure!(
                whole.left == 0 && 20 < whole.items.len(),
                "{name} {queue} has too little"
            );
            cases.push(Case {
                name,
                queue,
                sessions,
                files,
                whole,
            });
        }
    }
    Ok(cases)
}

fn read(files: &Files, queue: &str, sessions: &[&str]) -> Result<Reading> {
    let directory = TempDir::new().context("cannot create a directory")?;
    files.write(directory.path())?;
    runtime()?.block_on(read_all(directory.path(), queue, sessions))
}

fn some(
    cases: &[Case],
    samples: impl Iterator<Item = u64>,
    seed: u64,
) -> Result<Vec<(String, End)>> {
    let directory = TempDir::new().context("cannot create a directory")?;
    let runtime = runtime()?;
    let mut ends = Vec::new();
    for sample in samples {
        let random: &dyn Random = &SeededRandom::new(derive(seed, &[u64::from(b'c'), sample]));
        let (case, damage) = choose(cases, sample, random)?;
        let mut files = case.files.clone();
        damage.apply(&mut files)?;
        files.write(directory.path())?;
        let reading = runtime.block_on(read_all(directory.path(), case.queue, case.sessions))?;
        let what = format!("{} {}", case.name, damage.file());
        ends.push(match case.compare(&reading) {
            End::Wrong(why) => (what, End::Wrong(format!("{} {damage}: {why}", case.name))),
            end => (what, end),
        });
    }
    Ok(ends)
}

/// Takes each byte of all files with the same chance; a file that is cut is any of them.
fn choose<'a>(cases: &'a [Case], sample: u64, random: &dyn Random) -> Result<(&'a Case, Damage)> {
    let files = || {
        let of = |case: &'a Case| case.files.0.iter().map(move |(name, it)| (case, name, it));
        cases.iter().flat_map(of)
    };
    if sample.is_multiple_of(CUT_EVERY) {
        let at = random.below(files().count() as u64);
        let (case, file, bytes) = files()
            .nth(usize::try_from(at)?)
            .context("there are files")?;
        let length = usize::try_from(random.below(bytes.len() as u64))?;
        let file = file.clone();
        return Ok((case, Damage::Cut { file, length }));
    }
    let total: usize = files().map(|(_, _, bytes)| bytes.len()).sum();
    let mut byte = usize::try_from(random.below(total as u64))?;
    let bit = u8::try_from(random.below(8))?;
    for (case, file, bytes) in files() {
        if byte < bytes.len() {
            let file = file.clone();
            return Ok((case, Damage::Flip { file, byte, bit }));
        }
        byte -= bytes.len();
    }
    bail!("the byte is in one of the files")
}

impl Damage {
    fn file(&self) -> &str {
        let (Self::Flip { file, .. } | Self::Cut { file, .. }) = self;
        file
    }

    fn apply(&self, files: &mut Files) -> Result<()> {
        let bytes = files.0.get_mut(self.file()).context("the file is there")?;
        match self {
            Self::Flip { byte, bit, .. } => bytes[*byte] ^= 1 << bit,
            Self::Cut { length, .. } => bytes.truncate(*length),
        }
        Ok(())
    }
}

impl Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flip { file, byte, bit } => {
                const PAGE: usize = 4096;
                write!(f, "{file} byte {byte} bit {bit} (page {}", byte / PAGE + 1)?;
                write!(f, ", byte {} of it)", byte % PAGE)
            }
            Self::Cut { file, length } => write!(f, "{file} cut to {length}"),
        }
    }
}

impl Case {
    /// Says whether what was read is what is there, or an error came before anything wrong.
    fn compare(&self, reading: &Reading) -> End {
        let mut whole: BTreeMap<&Item, usize> = BTreeMap::new();
        for item in &self.whole.items {
            *whole.entry(item).or_default() += 1;
        }
        for item in &reading.items {
            match whole.get_mut(item) {
                Some(count) if 0 < *count => *count -= 1,
                _ => return End::Wrong(format!("{item:?} came, which is not there")),
            }
        }
        for (session, state) in &reading.states {
            if self.whole.states.get(session) != Some(state) {
                return End::Wrong(format!("session {session} has another value"));
            }
        }
        let missing: usize = whole.values().sum();
        match &reading.error {
            Some(error) if !error.names_file() => End::Wrong(format!("no file in {error:?}")),
            Some(error) => End::Told {
                kind: error.kind.clone(),
                is_open: !reading.has_opened,
            },
            None if missing != 0 => {
                let (left, all) = (reading.left, self.whole.items.len());
                End::Wrong(format!(
                    "{missing} of {all} missing, {left} counted as left"
                ))
            }
            None if reading.items != self.whole.items => End::Wrong("the order differs".to_owned()),
            None if reading.left != 0 => End::Wrong(format!("{} counted as left", reading.left)),
            None => End::Same,
        }
    }
}

impl Corruption {
    fn add(&mut self, what: String, end: End) {
        self.samples += 1;
        let of_file = self.files.entry(what).or_default();
        of_file.0 += 1;
        of_file.1 += u64::from(matches!(end, End::Same));
        match end {
            End::Same => self.same += 1,
            End::Told { kind, is_open } => {
                let when = if is_open { "at open" } else { "later" };
                *self.told.entry((kind, when)).or_default() += 1;
            }
            End::Wrong(words) => {
                self.wrong += 1;
                self.words.push(words);
            }
        }
    }

    pub(crate) fn check(&self) -> Result<()> {
        let corrupt = format!("{:?}", ErrorKind::Corrupt);
        let noticed = self.told.keys().any(|(kind, _)| *kind == corrupt);
        ensure!(self.wrong == 0 && noticed, "{self}");
        Ok(())
    }
}

impl Display for Corruption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            samples,
            same,
            told,
            wrong,
            files,
            words,
        } = self;
        write!(
            f,
            "damages {samples}, same contents {same}, silently wrong {wrong}"
        )?;
        for ((kind, when), count) in told {
            write!(f, ", {kind} {when} {count}")?;
        }
        for (file, (count, same)) in files {
            write!(f, "\n  {file}: {count}, of these without effect {same}")?;
        }
        words
            .iter()
            .take(TOLD_MAX)
            .try_for_each(|text| write!(f, "\n  {text}"))
    }
}
