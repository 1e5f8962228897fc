//! Opens a queue long after it was written, and takes out everything that is there.

use std::{collections::BTreeMap, num::NonZeroU32, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use relayhouse_core::{
    Delivery, Error, Settlement, Settling, Source,
    port::{Provider, ReceiveRequest, Receiver, ReceiverOptions, Sessions},
};
use relayhouse_local::Local;

use crate::{child::manual, content::fingerprint, report::Failure};

/// Every lease and every delay has ended by then.
const LATER: Duration = Duration::from_secs(2 * 3600);

const RECEIVE_MAX: NonZeroU32 = NonZeroU32::new(64).unwrap();

/// More receives than this find the same message again and again.
const RECEIVES_MAX: usize = 1_000;

/// Is one message that was there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) print: u64,
    pub(crate) attempt: u32,
    /// Why it is a dead letter.
    pub(crate) envelope: Option<String>,
}

/// Is everything that was there, up to the first error.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading {
    pub(crate) items: Vec<Item>,
    /// The values kept with sessions.
    pub(crate) states: BTreeMap<String, Option<Vec<u8>>>,
    /// What is counted and cannot be received.
    pub(crate) left: u64,
    pub(crate) error: Option<Failure>,
    pub(crate) has_opened: bool,
}

/// Is everything that was opened, to be kept until all of it is closed.
#[derive(Debug, Default)]
struct Opened {
    receivers: Vec<Arc<dyn Receiver>>,
    sessions: Vec<Arc<dyn Sessions>>,
}

/// Takes everything out of `queue`; its sessions too, if it has any.
pub(crate) async fn read_all(directory: &Path, queue: &str, sessions: &[&str]) -> Result<Reading> {
    let (clock, context) = manual(0);
    clock.advance(LATER);
    let local = Local::builder(context, directory.to_owned()).build()?;
    let source = Source::queue(queue.parse()?);
    let mut reading = Reading::default();
    let mut opened = Opened::default();
    let mut read = match sessions {
        [] => take_queue(&local, &source, &mut opened, &mut reading).await,
        names => take_sessions(&local, &source, names, &mut opened, &mut reading).await,
    };
    if read.is_ok() {
        read = take_dead(&local, &source, &mut opened, &mut reading).await;
    }
    // It may be that a file cannot be closed either: the first error counts.
    let closed = local.close().await;
    drop(opened);
    let error = read.and_then(|()| Ok(closed?)).err();
    reading.error = match error {
        None => None,
        Some(error) => Some(failure(error)?),
    };
    Ok(reading)
}

/// Returns the error of the adapter; any other is one of this program.
fn failure(error: anyhow::Error) -> Result<Failure> {
    let error: Error = error.downcast()?;
    Ok(Failure::from(&error))
}

async fn take_queue(
    local: &dyn Provider,
    source: &Source,
    opened: &mut Opened,
    reading: &mut Reading,
) -> Result<()> {
    let receiver = local.receiver(source, ReceiverOptions::default()).await?;
    opened.receivers.push(Arc::clone(&receiver));
    reading.has_opened = true;
    take(&*receiver, reading).await?;
    count(local, source, reading).await
}

async fn take_dead(
    local: &dyn Provider,
    source: &Source,
    opened: &mut Opened,
    reading: &mut Reading,
) -> Result<()> {
    let dead = source.dead_letters();
    let receiver = local.receiver(&dead, ReceiverOptions::default()).await?;
    opened.receivers.push(Arc::clone(&receiver));
    take(&*receiver, reading).await?;
    count(local, &dead, reading).await
}

async fn take_sessions(
    local: &dyn Provider,
    source: &Source,
    names: &[&str],
    opened: &mut Opened,
    reading: &mut Reading,
) -> Result<()> {
    let sessions = local.sessions(source, ReceiverOptions::default()).await?;
    opened.sessions.push(Arc::clone(&sessions));
    reading.has_opened = true;
    for name in names {
        let held = sessions
            .accept(Some(&name.parse()?), Duration::ZERO)
            .await?;
        let held = held.context("nobody else holds a session")?;
        let state = held.state().await?;
        reading
            .states
            .insert((*name).to_owned(), state.map(|state| state.to_vec()));
        take(&*held, reading).await?;
        held.close().await?;
    }
    while let Some(held) = sessions.accept(None, Duration::ZERO).await? {
        let before = reading.items.len();
        take(&*held, reading).await?;
        held.close().await?;
        ensure!(
            before < reading.items.len(),
            "a session was given that has nothing"
        );
    }
    count(local, source, reading).await
}

async fn count(local: &dyn Provider, source: &Source, reading: &mut Reading) -> Result<()> {
    let admin = local.admin().context("there is an admin port")?;
    let stats = admin.stats(source).await?;
    reading.left += stats.live();
    Ok(())
}

async fn take(receiver: &dyn Receiver, reading: &mut Reading) -> Result<()> {
    for _ in 0..RECEIVES_MAX {
        let mut deliveries = Vec::new();
        let request = ReceiveRequest::up_to(RECEIVE_MAX);
        let received = receiver.receive(request, &mut deliveries).await;
        reading.items.extend(deliveries.iter().map(Item::of));
        received?;
        if deliveries.is_empty() {
            return Ok(());
        }
        let acks = deliveries
            .into_iter()
            .map(|it| Settling::new(it, Settlement::Ack));
        let mut acks: Vec<_> = acks.collect();
        let call = receiver.settle(&mut acks).await;
        acks.into_iter()
            .try_for_each(|ack| ack.outcome.settle(&call))?;
    }
    Ok(())
}

impl Item {
    fn of(delivery: &Delivery) -> Self {
        let envelope = delivery.envelope.as_ref();
        Self {
            id: delivery.id.to_string(),
            print: fingerprint(&delivery.message),
            attempt: delivery.attempt,
            envelope: envelope.map(|envelope| format!("{envelope:?}")),
        }
    }
}
