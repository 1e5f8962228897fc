//! An outbox through an outage of the broker: every send is done, and nothing is lost.
//!
//! `cargo run -p relayhouse --example outbox --features middleware`
//!
//! Sends go to a queue in a file of this machine first, and are forwarded from there; what is in the
//! file survives the end of the program as well. The broker, a queue in memory behind a switch, is
//! out while most of the orders are sent. Time is real here, as that of files is.
#![cfg_attr(
    not(test),
    expect(clippy::print_stdout, reason = "an example shows what it does")
)]

use std::{
    collections::{HashMap, HashSet},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use relayhouse::{
    Capabilities, QueueName, Sending,
    middleware::outbox::Outbox,
    port::{ReceiverOptions, Sender},
    prelude::*,
    runtime::Producer,
};

/// The orders that are sent before the outage, while it lasts, and after it.
pub(crate) const ORDERS: [u32; 3] = [100, 400, 100];
const CUSTOMERS: u32 = 5;

/// Is how it went.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// How long the sends in the outage took, all together.
    pub(crate) took: Duration,
    /// What the broker has, and what is kept here, at the end of the outage.
    pub(crate) at_its_end: (u64, u64),
    pub(crate) arrived: usize,
    pub(crate) twice: u32,
    pub(crate) out_of_order: u32,
}

/// Is the way to a broker that may be out.
#[derive(Debug)]
struct Broker {
    sender: Arc<dyn Sender>,
    is_out: Arc<AtomicBool>,
}

#[async_trait]
impl Sender for Broker {
    fn queue(&self) -> &QueueName {
        self.sender.queue()
    }

    fn capabilities(&self) -> &Capabilities {
        self.sender.capabilities()
    }

    async fn send(&self, batch: &mut [Sending]) -> Result<()> {
        if self.is_out.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::ConnectionFailed, "the broker is out"));
        }
        self.sender.send(batch).await
    }

    async fn close(&self) -> Result<()> {
        self.sender.close().await
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let directory = tempfile::tempdir().map_err(|error| Error::from_boxed(error.into()))?;
    let outcome = run(directory.path()).await?;
    let [before, within, after] = ORDERS;
    let (arrived, kept) = outcome.at_its_end;
    println!("{before} orders are sent, and then the broker is out");
    println!(
        "{within} orders are sent all the same, in {:.0?} together",
        outcome.took
    );
    println!("the broker has {arrived} orders, and the file {kept}");
    println!("the broker is back, and {after} more are sent");
    println!(
        "the broker has got {} orders: {} twice, {} out of the order of their customer",
        outcome.arrived, outcome.twice, outcome.out_of_order
    );
    Ok(())
}

pub(crate) async fn run(directory: &Path) -> Result<Outcome> {
    let broker = Registry::new()?.open("memory://orders").await?;
    let is_out = Arc::new(AtomicBool::new(false));
    let forward = Arc::new(Broker {
        sender: broker.provider().sender(&"orders".parse()?).await?,
        is_out: Arc::clone(&is_out),
    });

    let url = format!("local:{}/outbox", directory.display());
    let file = Registry::new()?.open(&url).await?;
    let store = file.provider().sender(&"outbox".parse()?).await?;
    let options = ReceiverOptions::default();
    let stored = file.provider().receiver(file.source(), options).await?;
    let outbox = Outbox::builder(store, stored, forward);
    let outbox = outbox.start(file.context()).await?;
    let orders = Producer::builder(outbox.sender(), file.context().clone()).build()?;

    let [before, within, after] = ORDERS;
    send(&orders, 0..before).await?;
    until_empty(&file).await?;
    is_out.store(true, Ordering::Relaxed);
    let clock = &file.context().clock;
    let began = clock.now();
    send(&orders, before..before + within).await?;
    let mut outcome = Outcome {
        took: clock.now().since(began),
        at_its_end: (left(&broker).await?, left(&file).await?),
        ..Outcome::default()
    };
    is_out.store(false, Ordering::Relaxed);
    let sent = before + within;
    send(&orders, sent..sent + after).await?;
    until_empty(&file).await?;
    orders.close().await?;
    outbox.close().await?;
    file.close().await?;
    count(&broker, &mut outcome).await?;
    Ok(outcome)
}

async fn send(orders: &Producer, numbers: std::ops::Range<u32>) -> Result<()> {
    let messages = numbers.map(|number| {
        let customer = format!("customer {}", number % CUSTOMERS);
        Message::new(number.to_string()).ordering_key(customer)
    });
    for sent in orders.send_all(messages).await {
        sent?;
    }
    Ok(())
}

async fn left(queue: &Queue) -> Result<u64> {
    let stats = queue.admin()?.stats(queue.source()).await?;
    Ok(stats.live())
}

async fn until_empty(queue: &Queue) -> Result<()> {
    let clock = &queue.context().clock;
    while 0 < left(queue).await? {
        let soon = clock.now() + Duration::from_millis(5);
        clock.sleep_until(soon).await;
    }
    Ok(())
}

/// Takes all that has come to the broker, and looks at its order.
async fn count(broker: &Queue, outcome: &mut Outcome) -> Result<()> {
    let (mut seen, mut latest) = (HashSet::new(), HashMap::new());
    let wait = Duration::from_millis(10);
    let pull = broker.consumer().receive_wait(wait).pull().await?;
    while let Some(delivery) = pull.next().await? {
        let text = String::from_utf8_lossy(&delivery.message.body);
        let number: u32 = text.parse().unwrap_or(u32::MAX);
        if !seen.insert(number) {
            outcome.twice += 1;
        } else if Some(number) < latest.insert(number % CUSTOMERS, number) {
            outcome.out_of_order += 1;
        }
        pull.settle(delivery, Settlement::Ack).await?;
    }
    outcome.arrived = seen.len();
    pull.close().await
}
