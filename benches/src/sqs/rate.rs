//! The full cycle and its parts, with full batches and many calls in flight.

use anyhow::Result;
use tokio::runtime::Runtime;

use super::{
    AT_ONCE, BATCH, BODY_BYTES, PORTS, all,
    bare::{Bare, Calls, Style},
    client,
    ports::Ports,
    runtime::Through,
    server::Server,
    spent::{FIGURES, NOTE, SHOWN, Spent},
};
use crate::{
    compare::{Comparison, Contender, compare},
    report::{Goal, Table},
    subject::World,
    workload::Scale,
};

const RATIO_MIN: f64 = 0.85;

/// How many batches of one contender wait between a receive and its delete.
const HELD: usize = 160;

/// Is what a round does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Work {
    /// Each task sends, receives and deletes in turn.
    Cycle,
    Send,
    /// All tasks receive, and then all delete: both together, and each alone.
    Parts,
}

impl Work {
    /// Returns the cases that its figures are of, in their order.
    const fn cases(self) -> &'static [&'static str] {
        match self {
            Self::Cycle => &["send 10, receive 10, delete 10"],
            Self::Send => &["send 10 alone"],
            Self::Parts => &[
                "receive 10, delete 10",
                "receive 10 alone",
                "delete 10 alone",
            ],
        }
    }
}

pub(super) fn table(world: &World, scale: Scale) -> Result<Table> {
    let mut table = super::new_table(format!(
        "{BODY_BYTES} B, batches of {BATCH}, {AT_ONCE} calls in flight"
    ));
    let server = Server::start()?;
    let batches = scale.pick(4_000, 320);
    for work in [Work::Cycle, Work::Send, Work::Parts] {
        let contenders = contenders(world, &server, work, batches)?;
        let comparison = compare(scale.rounds(), world.wanted(contenders))?;
        for (place, case) in work.cases().iter().enumerate() {
            push(&mut table, case, &comparison, place);
        }
    }
    table.notes.push(NOTE.to_owned());
    Ok(table)
}

fn push(table: &mut Table, case: &str, comparison: &Comparison, place: usize) {
    for (figure, (unit, what)) in SHOWN.into_iter().enumerate() {
        let goal = Goal::ratio_at_least(RATIO_MIN);
        let goal = Some(goal).filter(|_| what.is_empty());
        let figure = (place * FIGURES + figure, unit);
        super::push_all(table, &format!("{case}{what}"), comparison, figure, goal);
    }
}

fn contenders<'a>(
    world: &'a World,
    server: &'a Server,
    work: Work,
    batches: usize,
) -> Result<Vec<Contender<'a>>> {
    let mut contenders = Vec::new();
    for style in Style::ALL {
        let calls = Bare::new(server, style);
        contenders.push(contender(
            style.name(),
            client::runtime()?,
            calls,
            work,
            batches,
        ));
    }
    let runtime = client::runtime()?;
    let ports = runtime.block_on(Ports::open(&server.endpoint(), &world.context))?;
    contenders.push(contender(PORTS, runtime, ports, work, batches));
    let through = Through::open(world, server)?;
    contenders.push(Contender::new(Through::name(work), move || {
        through.round(work, batches)
    }));
    Ok(contenders)
}

fn contender<'a>(
    name: &'static str,
    runtime: Runtime,
    calls: impl Calls,
    work: Work,
    batches: usize,
) -> Contender<'a> {
    Contender::new(name, move || match work {
        Work::Cycle => {
            let cycles = (0..AT_ONCE).map(|_| cycle(calls.clone(), batches / AT_ONCE));
            let (_, spent) = Spent::on(&runtime, all(cycles))?;
            Ok(spent.figures(batches * BATCH).into())
        }
        Work::Send => {
            let sends = (0..AT_ONCE).map(|_| send(calls.clone(), batches / AT_ONCE));
            let (_, spent) = Spent::on(&runtime, all(sends))?;
            Ok(spent.figures(batches * BATCH).into())
        }
        Work::Parts => parts(&runtime, &calls, batches),
    })
}

async fn cycle(calls: impl Calls, batches: usize) -> Result<()> {
    for _ in 0..batches {
        calls.send().await?;
        let taken = calls.receive().await?;
        calls.delete(taken).await?;
    }
    Ok(())
}

async fn send(calls: impl Calls, batches: usize) -> Result<()> {
    for _ in 0..batches {
        calls.send().await?;
    }
    Ok(())
}

fn parts(runtime: &Runtime, calls: &impl Calls, batches: usize) -> Result<Vec<f64>> {
    let [mut both, mut received, mut deleted] = [Spent::default(); 3];
    for _ in 0..batches / HELD {
        let receives = (0..AT_ONCE).map(|_| receive(calls.clone(), HELD / AT_ONCE));
        let (taken, spent) = Spent::on(runtime, all(receives))?;
        received += spent;
        both += spent;
        let deletes = taken.into_iter().map(|taken| delete(calls.clone(), taken));
        let (_, spent) = Spent::on(runtime, all(deletes))?;
        deleted += spent;
        both += spent;
    }
    let messages = batches / HELD * HELD * BATCH;
    let figures = [both, received, deleted].map(|spent| spent.figures(messages));
    Ok(figures.concat())
}

async fn receive<C: Calls>(calls: C, batches: usize) -> Result<Vec<C::Taken>> {
    let mut taken = Vec::with_capacity(batches);
    for _ in 0..batches {
        taken.push(calls.receive().await?);
    }
    Ok(taken)
}

async fn delete<C: Calls>(calls: C, taken: Vec<C::Taken>) -> Result<()> {
    for taken in taken {
        calls.delete(taken).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use relayhouse_core::MessageId;

    use super::*;

    #[test]
    fn every_contender_makes_the_calls_that_are_counted() {
        let (world, server) = (World::new().unwrap(), Server::start().unwrap());
        let runtime = client::runtime().unwrap();
        for style in Style::ALL {
            let calls = Bare::new(&server, style);
            runtime.block_on(cycle(calls, 1)).unwrap();
        }
        let endpoint = server.endpoint();
        let ports = runtime.block_on(Ports::open(&endpoint, &world.context));
        let ports = ports.unwrap();
        let before = server.counts();
        runtime.block_on(cycle(ports, 1)).unwrap();
        let counts = server.counts();
        assert_eq!(counts.since(before).calls, 3);
        let messages = [counts.sent, counts.received, counts.deleted];
        assert_eq!(messages, [BATCH * (Style::ALL.len() + 1); 3]);
    }

    #[test]
    fn adapter_reads_its_attribute() {
        let (world, server) = (World::new().unwrap(), Server::start().unwrap());
        let runtime = client::runtime().unwrap();
        let taken = runtime.block_on(async {
            let ports = Ports::open(&server.endpoint(), &world.context).await?;
            ports.receive().await
        });
        assert_eq!(taken.unwrap()[0].id, MessageId::from(0));
    }
}
