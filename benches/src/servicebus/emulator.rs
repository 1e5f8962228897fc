//! The emulator alone: whether it is what limits the adapter, and its memory.

use anyhow::Result;

use super::{
    BARE, PORTS,
    bare::Filler,
    child::Emulator,
    queue_of,
    rate::{Bench, Work},
};
use crate::{
    compare::compare,
    report::{Goal, Table, Unit},
    subject::World,
    workload::Scale,
};

const EMULATOR: &str = "emulator";

/// More than this, and the emulator would limit what is measured.
const RATIO_MIN: f64 = 1.0;

const RESIDENT_MAX: f64 = 30.0 * 1024.0 * 1024.0;

/// Where a round's figures have the adapter's rate, and the emulator's time for a message.
const RATE: usize = 0;
const EMULATOR_NANOS: usize = 3;

pub(super) fn table(world: &World, scale: Scale) -> Result<Table> {
    let mut table = Table::new("The emulator, in a process of its own");
    PORTS.clone_into(&mut table.limit);
    memory(&mut table, scale)?;
    for work in [
        Work::SendBatches,
        Work::SendSingly,
        Work::Receive,
        Work::Sessions,
    ] {
        rates(&mut table, &Bench::new(world)?, scale, work)?;
    }
    table.notes.push(format!(
        "The rates are by processor time: `{PORTS}` of the adapter's one thread, `{EMULATOR}` of all \
         threads of the emulator in the same rounds."
    ));
    Ok(table)
}

/// Adds what the adapter does, and what the emulator could do in the same time on a processor.
fn rates(table: &mut Table, bench: &Bench<'_>, scale: Scale, work: Work) -> Result<()> {
    let messages = scale.pick(32_000, 3_200);
    let comparison = compare(scale.rounds(), vec![bench.ports(work, messages)?])?;
    let unit = Unit::MessagesPerSecond;
    let Some(ports) = comparison.median(PORTS, RATE) else {
        return Ok(());
    };
    table.push(&work.case(), PORTS, ports, unit);
    if let Some(nanos) = comparison.median(PORTS, EMULATOR_NANOS) {
        let emulator = 1e9 / nanos;
        let line = table.push(&work.case(), EMULATOR, emulator, unit);
        line.ratio = Some(emulator / ports);
        line.goal = Some(Goal::ratio_at_least(RATIO_MIN));
    }
    Ok(())
}

/// Adds what is in memory before and after many messages were queued.
fn memory(table: &mut Table, scale: Scale) -> Result<()> {
    let messages = scale.pick(100_000, 10_000);
    let emulator = Emulator::start()?;
    let mut filler = Filler::open(&emulator)?;
    let Some(before) = emulator.resident() else {
        let note = "Memory was not measured: this system has no `/proc`.";
        table.notes.push(note.to_owned());
        return Ok(());
    };
    filler.fill(&queue_of(BARE), messages, false)?;
    let after = emulator.resident().unwrap_or_default();
    let line = table.push(
        "resident, nothing queued",
        EMULATOR,
        bytes(before),
        Unit::Bytes,
    );
    line.goal = Some(Goal::at_most(RESIDENT_MAX));
    let case = format!("resident, {messages} messages queued");
    table.push(&case, EMULATOR, bytes(after), Unit::Bytes);
    let each = bytes(after.saturating_sub(before)) / bytes(messages as u64);
    table.push("of each message", EMULATOR, each, Unit::BytesPerMessage);
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "no memory has 2^53 bytes")]
fn bytes(count: u64) -> f64 {
    count as f64
}
