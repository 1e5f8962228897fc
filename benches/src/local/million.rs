//! A backlog of a million messages: opened after a kill, received from, and drained.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};

use super::{
    Bodies, PORTS, TAKEN, YARDSTICK,
    child::{Child, Role},
    place::{self, Place, Sizes},
    queue::{self, Queue},
    yardstick::Yardstick,
};
use crate::{
    clock::Mark,
    compare::{Contender, compare, median},
    report::{Goal, Line, Table, Unit, float, rate},
    subject::World,
    workload::{Scale, nanos},
};

const OPEN_MAX: Duration = Duration::from_millis(50);
const RESIDENT_MAX: u32 = 64 << 20;
const FLAT_MIN: f64 = 0.8;
/// What is left of the files of an empty queue.
const REST_MAX: u32 = 4 << 20;

/// How many messages wait in the short queue.
const FEW: usize = 1000;
/// How many are received before as many are sent again.
const STEP: usize = 500;
const DRAIN_BATCH: usize = 100;

const LOOK_EVERY: Duration = Duration::from_millis(5);
/// The files have their size when they have had it for this long.
const SETTLED: Duration = Duration::from_secs(2);

pub(super) fn table(world: &World, scale: Scale) -> Result<Table> {
    let waiting = scale.pick(1_000_000, 100_000);
    let mut table = super::new_table(format!("A backlog of {waiting} messages: 1 KiB"));
    let place = Place::new()?;
    let directory = place.path().join("many");
    fill(&mut table, &directory, waiting)?;
    open(&mut table, &directory, scale)?;
    flat(world, &mut table, &place, &directory, (waiting, scale))?;
    drain(world, &mut table, &directory, waiting)?;
    Ok(table)
}

/// Has a child fill the queue, and kills it.
fn fill(table: &mut Table, directory: &Path, waiting: usize) -> Result<()> {
    let start = Mark::now();
    let mut child = Child::start(Role::Fill, directory, waiting)?;
    child.hear()?;
    let rate = rate(waiting, start.elapsed());
    child.kill()?;
    let case = "filled by batches of 1,000";
    table.push(case, PORTS, rate, Unit::MessagesPerSecond);
    Ok(())
}

/// Has fresh processes lease from the queue, each of which is killed as well.
fn open(table: &mut Table, directory: &Path, scale: Scale) -> Result<()> {
    let (mut cold, mut warm, mut resident) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..scale.pick(11, 3) {
        for is_cold in [true, false] {
            if is_cold && !place::forget(directory)? {
                continue;
            }
            let start = Mark::now();
            let mut child = Child::start(Role::Lease, directory, 0)?;
            let peak: usize = child.hear()?.parse()?;
            let took = nanos(start.elapsed());
            child.kill()?;
            if is_cold { &mut cold } else { &mut warm }.push(took);
            resident.push(float(peak));
        }
    }
    let case = "from start of a process to the first lease, after a kill";
    let goal = Goal::at_most(nanos(OPEN_MAX));
    for (how, samples) in [("files not in memory", cold), ("files in memory", warm)] {
        if let Some(line) = push(
            table,
            &format!("{case}, {how}"),
            &samples,
            Unit::Nanoseconds,
        ) {
            line.goal = Some(goal);
        }
    }
    let case = "resident memory of that process, at most";
    resident.retain(|peak| 0.0 < *peak);
    if let Some(line) = push(table, case, &resident, Unit::Bytes) {
        line.goal = Some(Goal::at_most(f64::from(RESIDENT_MAX)));
    }
    Ok(())
}

/// Adds the median of samples, if there are any.
fn push<'a>(table: &'a mut Table, case: &str, samples: &[f64], unit: Unit) -> Option<&'a mut Line> {
    let least = samples.iter().copied().min_by(f64::total_cmp)?;
    let most = samples.iter().copied().max_by(f64::total_cmp)?;
    let line = table.push(case, PORTS, median(samples), unit);
    line.spread = Some((least, most));
    Some(line)
}

/// Receives from the long queue and from a short one, in turns; and so does the yardstick.
fn flat(
    world: &World,
    table: &mut Table,
    place: &Place,
    directory: &Path,
    (waiting, scale): (usize, Scale),
) -> Result<()> {
    const FEW_NAMES: [&str; 2] = ["ports, 1,000 waiting", "yardstick, 1,000 waiting"];
    const ALL_NAMES: [&str; 2] = ["ports, all waiting", "yardstick, all waiting"];
    let steps = scale.pick(20, 5);
    // The yardstick has just written its file: ours is as much in memory.
    place::remember(directory)?;
    let contenders = vec![
        ports(world, FEW_NAMES[0], &place.path().join("few"), FEW, steps)?,
        ports(world, ALL_NAMES[0], directory, 0, steps)?,
        yardstick(world, FEW_NAMES[1], place, FEW, steps)?,
        yardstick(world, ALL_NAMES[1], place, waiting, steps)?,
    ];
    let comparison = compare(scale.rounds(), contenders)?;
    let queues = [PORTS, YARDSTICK].into_iter().zip(FEW_NAMES).zip(ALL_NAMES);
    for ((queue, few), all) in queues {
        for (name, waits) in [(few, "1,000"), (all, "all")] {
            let value = comparison.median(name, 0).context("nothing was received")?;
            let case = format!("lease 10 and ack 10, {waits} waiting");
            let line = table.push(&case, queue, value, Unit::MessagesPerSecond);
            line.spread = comparison.spread(name, 0);
        }
        let by_few = comparison.ratio(all, few, 0).unwrap_or_default();
        let case = "lease 10 and ack 10, all waiting by 1,000";
        let line = table.push(case, queue, by_few, Unit::Ratio);
        line.goal = (queue == PORTS).then_some(Goal::at_least(FLAT_MIN));
    }
    Ok(())
}

fn ports<'w>(
    world: &'w World,
    name: &'static str,
    directory: &Path,
    before: usize,
    steps: usize,
) -> Result<Contender<'w>> {
    let runtime = &world.runtime;
    let mut bodies = Bodies::new(&world.context);
    let queue = runtime.block_on(Queue::open(directory, &world.context))?;
    let (mut producer, mut consumer) = (queue.producer(), queue.consumer());
    if 0 < before {
        runtime.block_on(producer.send_bodies(bodies.take(before)))?;
    }
    Ok(Contender::new(name, move || {
        let _open = &queue;
        let mut took = Duration::ZERO;
        for _ in 0..steps {
            let start = Mark::now();
            runtime.block_on(queue::take(&mut consumer, STEP, TAKEN))?;
            took += start.elapsed();
            runtime.block_on(producer.send_bodies(bodies.take(STEP)))?;
        }
        Ok(vec![rate(steps * STEP, took)])
    }))
}

fn yardstick<'w>(
    world: &World,
    name: &'static str,
    place: &Place,
    before: usize,
    steps: usize,
) -> Result<Contender<'w>> {
    let directory = place.new_directory()?;
    let mut bodies = Bodies::new(&world.context);
    let mut yardstick = Yardstick::open(directory.path())?;
    for _ in 0..before / FEW {
        yardstick.send(bodies.take(FEW))?;
    }
    Ok(Contender::new(name, move || {
        let _kept = &directory;
        let mut took = Duration::ZERO;
        for _ in 0..steps {
            let start = Mark::now();
            for _ in 0..STEP / TAKEN {
                let taken = yardstick.take(TAKEN)?;
                ensure!(taken == TAKEN, "{taken} messages came");
            }
            took += start.elapsed();
            yardstick.send(bodies.take(STEP))?;
        }
        Ok(vec![rate(steps * STEP, took)])
    }))
}

/// Empties the queue, and watches its files get shorter.
fn drain(world: &World, table: &mut Table, directory: &Path, waiting: usize) -> Result<()> {
    let full = Sizes::of(directory);
    let (rate, empty, idle) = world.runtime.block_on(async {
        let queue = Queue::open(directory, &world.context).await?;
        let mut consumer = queue.consumer();
        let start = Mark::now();
        queue::take(&mut consumer, waiting, DRAIN_BATCH).await?;
        let rate = rate(waiting, start.elapsed());
        let empty = Sizes::of(directory);
        let idle = settle(world, directory).await;
        queue.close().await?;
        anyhow::Ok((rate, empty, idle))
    })?;
    table.push("drained by 100", PORTS, rate, Unit::MessagesPerSecond);
    let (took, rest) = idle;
    let closed = Sizes::of(directory);
    let states = [
        ("full", full),
        ("just drained", empty),
        ("idle", rest),
        ("closed", closed),
    ];
    for (state, sizes) in states {
        for (file, bytes) in [("queue", sizes.queue), ("log", sizes.log)] {
            let case = format!("bytes of the {file}, {state}");
            let line = table.push(&case, PORTS, float(usize::try_from(bytes)?), Unit::Bytes);
            line.goal = (state == "idle").then_some(Goal::at_most(f64::from(REST_MAX)));
        }
    }
    table.push(
        "idle until they are so short",
        PORTS,
        nanos(took),
        Unit::Nanoseconds,
    );
    Ok(())
}

/// Waits until the files keep their size; returns how long they have changed, and the size.
async fn settle(world: &World, directory: &Path) -> (Duration, Sizes) {
    let clock = &world.context.clock;
    let start = Mark::now();
    let (mut changed, mut sizes) = (Duration::ZERO, Sizes::of(directory));
    while start.elapsed() < changed + SETTLED {
        clock.sleep_until(clock.now() + LOOK_EVERY).await;
        let now = Sizes::of(directory);
        if now != sizes {
            (changed, sizes) = (start.elapsed(), now);
        }
    }
    (changed, sizes)
}
