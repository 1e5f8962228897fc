//! Sending, receiving with settling, and sessions, by everybody.

use std::{cell::RefCell, time::Duration};

use anyhow::Result;

use super::{
    BARE, BATCH, CALLS, PORTS, PYTHON, RUNTIME, SESSION, SINGLES,
    bare::{Bare, Filler},
    child::Emulator,
    ports::Ports,
    python::{self, Python},
    queue_of,
    runtime::Through,
    sessions_of,
};
use crate::{
    compare::{Comparison, Contender, compare},
    remote::{BODY_BYTES, runtime},
    report::{Goal, Table, Unit, rate},
    spent::{NOTE, SHOWN, Spent},
    subject::World,
    workload::{Scale, nanos},
};

const RATIO_MIN: f64 = 0.85;

/// How many times fewer messages the Python SDK gets.
const PYTHON_PART: usize = 20;

/// Is what a round does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Work {
    /// Batches, each in one transfer.
    SendBatches,
    /// Messages, each in a transfer of its own.
    SendSingly,
    /// What is there is received and acked.
    Receive,
    /// The same, from one session after the other.
    Sessions,
}

impl Work {
    pub(super) fn case(self) -> String {
        match self {
            Self::SendBatches => format!("send {BATCH}, {CALLS} calls in flight"),
            Self::SendSingly => format!("send 1, {SINGLES} calls in flight"),
            Self::Receive => format!("receive and ack {BATCH}"),
            Self::Sessions => format!("receive and ack sessions of {SESSION}"),
        }
    }

    const fn verb(self) -> &'static str {
        match self {
            Self::SendBatches | Self::SendSingly => "sent",
            Self::Receive | Self::Sessions => "received and acked",
        }
    }

    /// Returns who is to reach the goal. Who sends one message at a time sends it through a producer.
    const fn goal_of(self) -> &'static str {
        match self {
            Self::SendSingly => RUNTIME,
            Self::SendBatches | Self::Receive | Self::Sessions => PORTS,
        }
    }

    /// Fills the queue of `contender` with what it will receive.
    fn fill(self, filler: &RefCell<Filler>, contender: &str, messages: usize) -> Result<()> {
        let mut filler = filler.borrow_mut();
        match self {
            Self::SendBatches | Self::SendSingly => Ok(()),
            Self::Receive => filler.fill(&queue_of(contender), messages, false),
            Self::Sessions => filler.fill(&sessions_of(contender), messages, true),
        }
    }
}

/// Is everything that is there for all contenders.
#[derive(Debug)]
pub(super) struct Bench<'a> {
    world: &'a World,
    emulator: Emulator,
    filler: RefCell<Filler>,
}

pub(super) fn batches(world: &World, scale: Scale) -> Result<Table> {
    table(world, scale, Work::SendBatches)
}

pub(super) fn singles(world: &World, scale: Scale) -> Result<Table> {
    table(world, scale, Work::SendSingly)
}

pub(super) fn receive(world: &World, scale: Scale) -> Result<Table> {
    table(world, scale, Work::Receive)
}

pub(super) fn sessions(world: &World, scale: Scale) -> Result<Table> {
    table(world, scale, Work::Sessions)
}

fn table(world: &World, scale: Scale, work: Work) -> Result<Table> {
    let case = work.case();
    let mut table = super::new_table(format!("{case}, {BODY_BYTES} B, one connection each"));
    let bench = Bench::new(world)?;
    bench.measure(&mut table, scale, work, scale.pick(32_000, 3_200))?;
    Ok(table)
}

impl<'a> Bench<'a> {
    pub(super) fn new(world: &'a World) -> Result<Self> {
        let emulator = Emulator::start()?;
        Ok(Self {
            world,
            filler: RefCell::new(Filler::open(&emulator)?),
            emulator,
        })
    }

    fn measure(&self, table: &mut Table, scale: Scale, work: Work, messages: usize) -> Result<()> {
        let mut contenders = vec![
            self.bare(work, messages)?,
            self.ports(work, messages)?,
            self.through(work, messages)?,
        ];
        let python = self.python(work, messages)?;
        let note = if python.is_some() { NOTE } else { python::NOTE };
        contenders.extend(python);
        let comparison = compare(scale.rounds(), self.world.wanted(contenders))?;
        push(table, work, &comparison);
        for note in [NOTE, note] {
            if !table.notes.iter().any(|it| it == note) {
                table.notes.push(note.to_owned());
            }
        }
        Ok(())
    }

    fn bare(&self, work: Work, messages: usize) -> Result<Contender<'_>> {
        let runtime = runtime()?;
        let mut bare = runtime.block_on(Bare::open(&self.emulator))?;
        Ok(Contender::new(BARE, move || {
            work.fill(&self.filler, BARE, messages)?;
            self.watch(messages, || {
                let work = async {
                    match work {
                        Work::SendBatches => bare.send_batches(messages).await,
                        Work::SendSingly => bare.send_singly(messages).await,
                        Work::Receive => bare.receive(messages).await,
                        Work::Sessions => bare.receive_sessions(messages / SESSION).await,
                    }
                };
                Ok(Spent::on(&runtime, work)?.1)
            })
        }))
    }

    pub(super) fn ports(&self, work: Work, messages: usize) -> Result<Contender<'_>> {
        let runtime = runtime()?;
        let ports = Ports::open(&self.emulator, &self.world.context, PORTS);
        let ports = runtime.block_on(ports)?;
        Ok(Contender::new(PORTS, move || {
            work.fill(&self.filler, PORTS, messages)?;
            self.watch(messages, || {
                let work = async {
                    match work {
                        Work::SendBatches => ports.send_batches(messages).await,
                        Work::SendSingly => ports.send_singly(messages).await,
                        Work::Receive => ports.receive(messages).await,
                        Work::Sessions => ports.receive_sessions(messages / SESSION).await,
                    }
                };
                Ok(Spent::on(&runtime, work)?.1)
            })
        }))
    }

    fn through(&self, work: Work, messages: usize) -> Result<Contender<'_>> {
        let runtime = runtime()?;
        let through = Through::open(&self.emulator, &self.world.context);
        let through = runtime.block_on(through)?;
        Ok(Contender::new(RUNTIME, move || {
            work.fill(&self.filler, RUNTIME, messages)?;
            self.watch(messages, || {
                let work = async {
                    match work {
                        Work::SendBatches => through.send_batches(messages).await,
                        Work::SendSingly => through.send_singly(messages).await,
                        Work::Receive => through.receive(messages).await,
                        Work::Sessions => through.receive_sessions(messages).await,
                    }
                };
                Ok(Spent::on(&runtime, work)?.1)
            })
        }))
    }

    fn python(&self, work: Work, messages: usize) -> Result<Option<Contender<'_>>> {
        let Some(mut python) = Python::start(&self.emulator)? else {
            return Ok(None);
        };
        let messages = messages / PYTHON_PART / BATCH * BATCH;
        Ok(Some(Contender::new(PYTHON, move || {
            work.fill(&self.filler, PYTHON, messages)?;
            self.watch(messages, || python.run(work, messages))
        })))
    }

    /// Returns the figures of a round, with what the emulator took meanwhile.
    fn watch(&self, messages: usize, round: impl FnOnce() -> Result<Spent>) -> Result<Vec<f64>> {
        let before = self.emulator.busy();
        let spent = round()?;
        let busy = before.zip(self.emulator.busy());
        let mut figures = Vec::from(spent.figures(messages));
        figures.push(rate(messages, spent.clock));
        figures.extend(busy.map(|(before, after)| {
            let rate = rate(messages, after.saturating_sub(before));
            nanos(Duration::from_secs(1)) / rate
        }));
        Ok(figures)
    }
}

fn push(table: &mut Table, work: Work, comparison: &Comparison) {
    let more = [
        (Unit::MessagesPerSecond, ", by the clock"),
        (Unit::Nanoseconds, ", the emulator's processor time"),
    ];
    for (figure, (unit, what)) in SHOWN.into_iter().chain(more).enumerate() {
        let goal = (work.goal_of(), Goal::ratio_at_least(RATIO_MIN));
        let goal = Some(goal).filter(|_| what.is_empty());
        let case = format!("{}{what}", work.verb());
        super::push_all(table, &case, comparison, (figure, unit), goal);
    }
}
