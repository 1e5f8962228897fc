//! A handler that computes for 100 µs, in a bare loop and under the runtime: what the runtime
//! adds.

use std::{hint::black_box, time::Duration};

use anyhow::Result;

use super::{Scale, handled::Handled};
use crate::{
    clock::Mark,
    compare::{Contender, Rounds, compare},
    report::{Goal, Table, Unit},
    subject::World,
};

const BODY: [u8; 100] = [7; 100];
const WORK: Duration = Duration::from_micros(100);
const BARE: &str = "bare loop";
const CONSUMER: &str = "Consumer, concurrency 1";
const ADDED_MAX: f64 = 1.1;

pub(super) fn table(world: &World, scale: Scale) -> Result<Table> {
    let messages = scale.pick(5_000, 1_000);
    let steps = calibrate();
    let rounds = Rounds {
        count: scale.pick(9, 3),
        warm_up: 1,
    };
    let contenders = vec![
        Contender::new(BARE, || {
            let task = world.runtime.spawn(async move {
                let start = Mark::now();
                (0..messages).for_each(|_| burn(steps));
                start.elapsed()
            });
            let took = world.runtime.block_on(task)?;
            Ok(vec![each(took, messages)])
        }),
        Contender::new(CONSUMER, || {
            world.runtime.block_on(async {
                let queue = Handled::open(&world.context).await?;
                queue.fill(&BODY, messages).await?;
                let took = queue.drain(messages, 1, move |_| burn(steps)).await?;
                Ok(vec![each(took, messages)])
            })
        }),
    ];
    let comparison = compare(rounds, contenders)?;
    let mut table = Table::new("A handler of 100 µs CPU: time of one message");
    for name in comparison.names() {
        if let Some(nanos) = comparison.median(name, 0) {
            table.push("time of one message", name, nanos, Unit::Nanoseconds);
        }
    }
    if let Some(ratio) = comparison.ratio(CONSUMER, BARE, 0) {
        let line = table.push("by the bare loop", CONSUMER, ratio, Unit::Ratio);
        line.goal = Some(Goal::at_most(ADDED_MAX));
    }
    Ok(table)
}

fn each(took: Duration, messages: usize) -> f64 {
    1e9 / crate::report::rate(messages, took)
}

/// Returns the steps that take about as long as the work should.
fn calibrate() -> u32 {
    const STEPS: u32 = 100_000;
    let best = (0..10).map(|_| {
        let start = Mark::now();
        burn(STEPS);
        start.elapsed()
    });
    let best = best.min().unwrap_or_default().as_nanos().max(1);
    u32::try_from(WORK.as_nanos() * u128::from(STEPS) / best).unwrap_or(STEPS)
}

/// Computes, without memory and without a clock.
fn burn(steps: u32) {
    let mut state = black_box(7_u64);
    for step in 0..steps {
        state = (state ^ u64::from(step)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
    black_box(state);
}
