//! What stands around a port, and the policy of fair shares.

use std::{env, future::pending, slice::from_mut, sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use async_trait::async_trait;
use relayhouse_core::{
    Capabilities, Delivery, Error, ErrorKind, Extending, Message, Outcome, QueueName, Receipt,
    Sending, Sent, Settlement, Settling, Source,
    port::{Choice, Dispatch, ReceiveRequest, Receiver, Sender, Settings},
};
use relayhouse_middleware::{
    claim_check::{ClaimCheckConfig, ClaimReceiver, FileBlobs},
    dead_letter::DeadLetterReceiver,
    fair::Fair,
    outbox::Outbox,
};
use tokio::sync::Notify;

use super::{
    Add, BARE, Bench, OURS,
    drive::{Measure, Row, now},
    request::{deliveries, deliveries_of, messages},
};
use crate::{report::Table, subject::World, workload::Scale};

/// What is asked of a policy for each message: key, place in the line, choice, start and end.
const FAIR: &str = "fair, one message of one key";

/// The wrappers, in the order of the alphabet.
pub(super) const WRAPPERS: &[Add] = &[claim_check, dead_letter, fair, outbox];

/// Does nothing, at once; it has nothing to receive.
#[derive(Debug)]
struct Port {
    source: Source,
    queue: QueueName,
    capabilities: Capabilities,
    /// Ends a receive.
    closed: Notify,
}

pub(super) fn table(world: &World, scale: Scale) -> Result<Table> {
    let mut table = super::new_table("A wrapper of a port that does nothing: time of a message");
    let bench = Bench::new(world, Measure::Time, scale);
    bench.add(WRAPPERS, &mut table)?;
    Ok(table)
}

fn claim_check(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    let context = bench.context();
    let port = Port::new()?;
    let store = Arc::new(FileBlobs::new(env::temp_dir(), context));
    let config = ClaimCheckConfig::default();
    let wrapper = ClaimReceiver::new(Arc::clone(&port) as _, store, config, context);
    let row = Row::new("claim_check, ack", bench.plan, acks(bench))
        .with_call(BARE, settle(port))
        .with_call(OURS, settle(Arc::new(wrapper)));
    row.push_beside_tower(bench.world, table)
}

fn dead_letter(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    let port = Port::new()?;
    let (inner, to) = (Arc::clone(&port) as _, Arc::clone(&port) as _);
    let wrapper = DeadLetterReceiver::new(inner, to, bench.context());
    let row = Row::new("dead_letter, ack", bench.plan, acks(bench))
        .with_call(BARE, settle(port))
        .with_call(OURS, settle(Arc::new(wrapper)));
    row.push_beside_tower(bench.world, table)
}

fn fair(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    let clock = &bench.context().clock;
    let mut line = Fair::by_header("tenant").line();
    let message = Message::new("").header("tenant", "acme");
    let request = deliveries_of(message, bench.context());
    let time = clock.now();
    let row = Row::new(FAIR, bench.plan, request).with_call(OURS, move |delivery: Delivery| {
        let key = line.key(&delivery);
        line.push(&key, &delivery);
        ensure!(line.choose(time) == Choice::Start(key.clone()));
        line.start(&key, time);
        line.end(&key);
        Ok(())
    });
    row.push_beside_tower(bench.world, table)
}

fn outbox(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    let port = Port::new()?;
    let (store, stored) = (Arc::clone(&port) as _, Arc::clone(&port) as _);
    let builder = Outbox::builder(store, stored, Arc::clone(&port) as _);
    let outbox = bench
        .world
        .runtime
        .block_on(builder.start(bench.context()))?;
    let message = messages(bench.context());
    let row = Row::new("outbox, send", bench.plan, move || Sending::new(message()))
        .with_call(BARE, send(port))
        .with_call(OURS, send(outbox.sender()));
    row.push_beside_tower(bench.world, table)?;
    Ok(bench.world.runtime.block_on(outbox.close())?)
}

fn acks(bench: &Bench<'_>) -> impl Fn() -> Settling + 'static {
    let delivery = deliveries(bench.context());
    move || Settling::new(delivery(), Settlement::Ack)
}

fn settle(receiver: Arc<dyn Receiver>) -> impl FnMut(Settling) -> Result<()> {
    move |mut item| {
        now(receiver.settle(from_mut(&mut item)))??;
        ensure!(item.outcome.is_done(), "the ack failed: {item:?}");
        Ok(())
    }
}

fn send(sender: Arc<dyn Sender>) -> impl FnMut(Sending) -> Result<()> {
    move |mut item| {
        now(sender.send(from_mut(&mut item)))??;
        ensure!(item.outcome.is_done(), "the send failed: {item:?}");
        Ok(())
    }
}

impl Port {
    fn new() -> Result<Arc<Self>> {
        let queue = "bench".parse::<QueueName>()?;
        Ok(Arc::new(Self {
            source: Source::queue(queue.clone()),
            queue,
            capabilities: Capabilities::NONE,
            closed: Notify::new(),
        }))
    }
}

#[async_trait]
impl Sender for Port {
    fn queue(&self) -> &QueueName {
        &self.queue
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn send(&self, batch: &mut [Sending]) -> relayhouse_core::Result<()> {
        for item in batch {
            drop(item.done(Sent::default()));
        }
        Ok(())
    }

    async fn close(&self) -> relayhouse_core::Result<()> {
        Ok(())
    }
}

#[async_trait]
impl Receiver for Port {
    fn source(&self) -> &Source {
        &self.source
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn settings(&self) -> relayhouse_core::Result<Settings> {
        Ok(Settings::default())
    }

    async fn receive(
        &self,
        _: ReceiveRequest,
        _: &mut Vec<Delivery>,
    ) -> relayhouse_core::Result<()> {
        self.closed.notified().await;
        Err(Error::new(ErrorKind::Closed, "the port is closed"))
    }

    async fn settle(&self, batch: &mut [Settling]) -> relayhouse_core::Result<()> {
        for item in batch {
            item.outcome = Outcome::Done(());
        }
        Ok(())
    }

    async fn extend(&self, _: &mut [Extending], _: Duration) -> relayhouse_core::Result<()> {
        Ok(())
    }

    async fn lost(&self, _: &mut Vec<Receipt>) {
        pending::<()>().await;
    }

    async fn close(&self) -> relayhouse_core::Result<()> {
        self.closed.notify_one();
        Ok(())
    }
}
