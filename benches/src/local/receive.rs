//! Receiving and acking, and the steady cycle of a queue that is sent to and received from.

use anyhow::{Result, ensure};

use super::{
    Bodies, PORTS, TAKEN, YARDSTICK,
    place::Place,
    queue::{self, Queue},
    yardstick::Yardstick,
};
use crate::{
    clock::Mark,
    compare::{Contender, compare},
    report::{Goal, Table, Unit, rate},
    subject::World,
    workload::Scale,
};

/// How many wait before and after each cycle.
const WAITING: usize = 1000;
const BATCH: usize = 100;
const STEADY_MIN: f64 = 0.8;

/// The figures of a round, by place.
const STEADY: usize = 0;
const RECEIVE: usize = 1;

pub(super) fn table(world: &World, scale: Scale) -> Result<Table> {
    let mut table = super::new_table("Receive, and the steady cycle: 1 KiB, 1,000 waiting");
    let place = Place::new()?;
    let cycles = scale.pick(200, 50);
    let contenders = vec![
        yardstick(world, &place, cycles)?,
        ports(world, &place, cycles)?,
    ];
    let contenders = world.wanted(contenders);
    let comparison = compare(scale.rounds(), contenders)?;
    let unit = Unit::MessagesPerSecond;
    let goal = Some(Goal::ratio_at_least(STEADY_MIN));
    let case = "steady: send 100, then ten times lease 10 and ack 10";
    super::push_all(&mut table, case, &comparison, (STEADY, unit), goal);
    let case = "lease 10 and ack 10 alone";
    super::push_all(&mut table, case, &comparison, (RECEIVE, unit), None);
    Ok(table)
}

/// Times cycles in which `send` and `take` each move a batch; the receiving alone as well.
fn cycles(
    count: usize,
    mut send: impl FnMut() -> Result<()>,
    mut take: impl FnMut() -> Result<()>,
) -> Result<Vec<f64>> {
    let start = Mark::now();
    let mut receiving = std::time::Duration::ZERO;
    for _ in 0..count {
        send()?;
        let sent = Mark::now();
        take()?;
        receiving += sent.elapsed();
    }
    let messages = count * BATCH;
    Ok(vec![
        rate(messages, start.elapsed()),
        rate(messages, receiving),
    ])
}

fn yardstick<'a>(world: &'a World, place: &Place, count: usize) -> Result<Contender<'a>> {
    let directory = place.new_directory()?;
    let mut bodies = Bodies::new(&world.context);
    let mut yardstick = Yardstick::open(directory.path())?;
    yardstick.send(bodies.take(WAITING))?;
    let yardstick = std::cell::RefCell::new(yardstick);
    Ok(Contender::new(YARDSTICK, move || {
        let _kept = &directory;
        let send = || yardstick.borrow_mut().send(bodies.take(BATCH));
        let take = || {
            for _ in 0..BATCH / TAKEN {
                let taken = yardstick.borrow_mut().take(TAKEN)?;
                ensure!(taken == TAKEN, "{taken} messages came");
            }
            Ok(())
        };
        cycles(count, send, take)
    }))
}

fn ports<'a>(world: &'a World, place: &Place, count: usize) -> Result<Contender<'a>> {
    let directory = place.new_directory()?;
    let mut bodies = Bodies::new(&world.context);
    let runtime = &world.runtime;
    let queue = runtime.block_on(Queue::open(directory.path(), &world.context))?;
    let (mut producer, mut consumer) = (queue.producer(), queue.consumer());
    runtime.block_on(producer.send_bodies(bodies.take(WAITING)))?;
    Ok(Contender::new(PORTS, move || {
        let _kept = (&directory, &queue);
        let send = || runtime.block_on(producer.send_bodies(bodies.take(BATCH)));
        let take = || runtime.block_on(queue::take(&mut consumer, BATCH, TAKEN));
        cycles(count, send, take)
    }))
}
