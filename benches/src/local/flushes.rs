//! How often a confirmed send has the disk flush, as the system sees it.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Result, ensure};

use super::{
    PORTS,
    child::{self, Role},
    place::Place,
};
use crate::{
    report::{Goal, Table, Unit, ratio},
    subject::World,
    workload::Scale,
};

const TRACER: &str = "strace";
const FEW: usize = 100;
const MANY: usize = 300;
const FLUSHES_MAX: f64 = 1.0;

const NO_TRACER: &str = "Flushes are not counted: there is no `strace`.";

pub(super) fn table(_: &World, _: Scale) -> Result<Table> {
    let mut table = super::new_table("Flushes, counted by strace");
    if Command::new(TRACER)
        .arg("-V")
        .stdout(Stdio::null())
        .status()
        .is_err()
    {
        table.notes.push(NO_TRACER.to_owned());
        return Ok(table);
    }
    let place = Place::new()?;
    let few = flushes(&place, "few", FEW)?;
    let many = flushes(&place, "many", MANY)?;
    // What opening and closing cost is in both.
    let each = ratio(many.saturating_sub(few), MANY - FEW);
    let case = "of one confirmed send, one after another";
    let line = table.push(case, PORTS, each, Unit::PerMessage);
    line.goal = Some(Goal::at_most(FLUSHES_MAX));
    let rest = few.saturating_sub(FEW);
    let case = "of making a file, opening and closing it";
    table.push(case, PORTS, ratio(rest, 1), Unit::Count);
    Ok(table)
}

/// Has a child send `count` messages under the tracer, and returns how often it flushed.
fn flushes(place: &Place, name: &str, count: usize) -> Result<usize> {
    let calls = place.path().join(format!("{name}.calls"));
    let directory = place.path().join(name);
    trace(&calls, &directory, count)?;
    let text = std::fs::read_to_string(calls)?;
    let is_flush = |line: &&str| line.contains("fsync(") || line.contains("fdatasync(");
    Ok(text.lines().filter(is_flush).count())
}

fn trace(calls: &Path, directory: &Path, count: usize) -> Result<()> {
    let status = Command::new(TRACER)
        .args([
            "-f",
            "-q",
            "-e",
            "trace=fsync,fdatasync,sync_file_range,msync",
            "-o",
        ])
        .arg(calls)
        .args(child::arguments(Role::Send, directory, count)?)
        .stdout(Stdio::null())
        .status()?;
    ensure!(status.success(), "{TRACER} ended with {status}");
    Ok(())
}
