//! `kill -9`, again and again: of a child that sends and acks, and of one that holds leases.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result};
use relayhouse_core::{Clock, Random, SeededRandom};
use tempfile::TempDir;

use crate::{
    content::derive,
    judge::{Finding, Judge},
    process::{Process, child, run},
    report::Report,
};

/// A child lives for this long at least.
const LIFE_MIN: Duration = Duration::from_millis(20);
/// And for this much more at most.
const LIFE_MORE: Duration = Duration::from_millis(230);

/// How many messages the child that holds leases finds.
const HELD: u64 = 400;

/// Kills a child that sends, receives and acks, `cycles` times, and drains the queue.
pub(crate) fn workers(cycles: u64, seed: u64) -> Result<Finding> {
    let directory = TempDir::new().context("cannot create a directory")?;
    let path = directory.path();
    let mut judge = Judge::new(seed);
    for cycle in 1..=cycles {
        let mut words = child("work", path, seed)?;
        words.push(format!("--number={cycle}"));
        one(&mut judge, cycle, &words, seed)?;
    }
    drain(judge, cycles + 1, path, seed)
}

/// Kills a child that receives and never settles, `cycles` times, and drains the queue.
pub(crate) fn holders(cycles: u64, seed: u64) -> Result<Finding> {
    let directory = TempDir::new().context("cannot create a directory")?;
    let path = directory.path();
    let mut judge = Judge::new(seed);
    let mut words = child("produce", path, seed)?;
    words.extend(["--producer=1".to_owned(), format!("--count={HELD}")]);
    note(&mut judge, 0, &run(&words)?.well()?);
    for cycle in 1..=cycles {
        one(
            &mut judge,
            cycle,
            &child("hold", path, seed)?,
            derive(seed, &[1]),
        )?;
    }
    drain(judge, cycles + 1, path, seed)
}

/// Lets a child live for a while.
fn one(judge: &mut Judge, cycle: u64, words: &[String], seed: u64) -> Result<()> {
    let random: &dyn Random = &SeededRandom::new(derive(seed, &[cycle]));
    let process = Process::start(words)?;
    wait(LIFE_MIN + random.up_to(LIFE_MORE))?;
    note(judge, cycle, &process.kill()?.reports);
    Ok(())
}

/// Receives and acks all that is left, and ends the history.
pub(crate) fn drain(mut judge: Judge, number: u64, path: &Path, seed: u64) -> Result<Finding> {
    note(
        &mut judge,
        number,
        &run(&child("drain", path, seed)?)?.well()?,
    );
    Ok(judge.end(0))
}

pub(crate) fn note(judge: &mut Judge, process: u64, reports: &[Report]) {
    for report in reports {
        judge.note(process, report);
    }
    judge.ended(process);
}

/// Waits in real time: a child can be killed in the middle of its work in no other way.
pub(crate) fn wait(time: Duration) -> Result<()> {
    let clock = relayhouse_time::TokioClock::new();
    crate::child::runtime()?.block_on(async { clock.sleep_until(clock.now() + time).await });
    Ok(())
}
