//! Many callers that each send one message at a time, beside batches that are filled by hand.

use std::sync::Arc;

use anyhow::Result;
use relayhouse_runtime::Producer;

use super::{
    AT_ONCE, BATCH, BODY_BYTES, CALLS, PRODUCER, SDK, all,
    bare::{Bare, Calls as _, Style},
    client,
    ports::Ports,
    server::{Counts, Server},
    spent::{FIGURES, NOTE, SHOWN, Spent},
};
use crate::{
    compare::{Contender, compare},
    report::{Goal, Table, Unit, ratio},
    subject::World,
    workload::Scale,
};

pub(super) const CALLERS: usize = 256;
const RATIO_MIN: f64 = 0.8;
const FILL_MIN: f64 = 9.0;

const SINGLES: &str = "SDK, a call for each message";

pub(super) fn table(world: &World, scale: Scale) -> Result<Table> {
    let mut table = super::new_table(format!(
        "{CALLERS} callers that send one message at a time, {BODY_BYTES} B"
    ));
    let server = Server::start()?;
    let messages = scale.pick(40 * CALLERS * BATCH, 4 * CALLERS * BATCH);
    let contenders = vec![
        by_hand(&server, messages)?,
        singles(&server, messages)?,
        producer(world, &server, messages)?,
    ];
    let contenders = world.wanted(contenders);
    let comparison = compare(scale.rounds(), contenders)?;
    for (figure, (unit, what)) in SHOWN.into_iter().enumerate() {
        let goal = Some(Goal::ratio_at_least(RATIO_MIN)).filter(|_| what.is_empty());
        let case = format!("sent{what}");
        super::push_all(&mut table, &case, &comparison, (figure, unit), goal);
    }
    let goal = Some(Goal::at_least(FILL_MIN));
    let fill = (FIGURES, Unit::PerMessage);
    super::push_all(&mut table, "messages of one call", &comparison, fill, goal);
    table.notes.push(format!(
        "`{SDK}` fills its batches by hand. Both have {AT_ONCE} calls in flight. {NOTE}"
    ));
    Ok(table)
}

/// Returns the figures of a round, with how full its calls were at last.
fn figures(spent: Spent, counts: Counts) -> Vec<f64> {
    let mut figures = Vec::from(spent.figures(counts.sent));
    figures.push(ratio(counts.sent, counts.send_calls));
    figures
}

fn by_hand(server: &Server, messages: usize) -> Result<Contender<'_>> {
    let runtime = client::runtime()?;
    let bare = Bare::new(server, Style::Attribute);
    Ok(Contender::new(Style::Attribute.name(), move || {
        let before = server.counts();
        let sends = (0..AT_ONCE).map(|_| {
            let bare = bare.clone();
            async move {
                for _ in 0..messages / BATCH / AT_ONCE {
                    bare.send().await?;
                }
                Ok(())
            }
        });
        let (_, spent) = Spent::on(&runtime, all(sends))?;
        Ok(figures(spent, server.counts().since(before)))
    }))
}

fn singles(server: &Server, messages: usize) -> Result<Contender<'_>> {
    let runtime = client::runtime()?;
    let bare = Bare::new(server, Style::Attribute);
    Ok(Contender::new(SINGLES, move || {
        let before = server.counts();
        // A tenth of the messages: each costs ten times as much.
        let sends = (0..CALLERS).map(|_| {
            let bare = bare.clone();
            async move {
                for _ in 0..messages / BATCH / CALLERS {
                    bare.send_one().await?;
                }
                Ok(())
            }
        });
        let (_, spent) = Spent::on(&runtime, all(sends))?;
        Ok(figures(spent, server.counts().since(before)))
    }))
}

fn producer<'a>(world: &'a World, server: &'a Server, messages: usize) -> Result<Contender<'a>> {
    let runtime = client::runtime()?;
    let ports = runtime.block_on(Ports::open(&server.endpoint(), &world.context))?;
    let sender = Arc::clone(&ports.sender);
    let producer = Producer::builder(sender, world.context.clone());
    let producer = producer.calls_in_flight(CALLS).build()?;
    Ok(Contender::new(PRODUCER, move || {
        let before = server.counts();
        let (_, spent) = Spent::on(&runtime, send_singly(&producer, &ports, messages))?;
        Ok(figures(spent, server.counts().since(before)))
    }))
}

/// Sends messages by many callers, each of which waits for its answer.
pub(super) async fn send_singly(producer: &Producer, ports: &Ports, messages: usize) -> Result<()> {
    let sends = (0..CALLERS).map(|caller| {
        let (producer, message) = (producer.clone(), ports.message());
        let count = messages / CALLERS + usize::from(caller < messages % CALLERS);
        async move {
            for _ in 0..count {
                producer.send(message.clone()).await?;
            }
            Ok(())
        }
    });
    all(sends).await.map(drop)
}
