//! One namespace, as the adapter finds it, and names there that nobody else uses.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use anyhow::{Context as _, Result};
use relayhouse_core::{Address, Context, QueueName, port::Provider as _};
use relayhouse_servicebus::ServiceBus;

/// Is one namespace, found by the variables that the adapter reads.
///
/// A clone makes names of the same run.
#[derive(Clone, Debug)]
pub struct Namespace {
    run: String,
    next: Arc<AtomicU64>,
}

impl Namespace {
    /// Begins a run, whose entities have names of their own.
    ///
    /// # Errors
    ///
    /// Returns the operating system's error if it has no randomness to give.
    pub fn new() -> Result<Self> {
        let random = relayhouse_time::context()?.random.next_u64();
        Ok(Self {
            run: format!("relayhouse-{random:016x}"),
            next: Arc::default(),
        })
    }

    /// Names an entity that is not there yet.
    ///
    /// # Errors
    ///
    /// Returns an error if the name is none for a queue.
    pub fn queue_name(&self) -> relayhouse_core::Result<QueueName> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        QueueName::new(format!("{}-{number}", self.run))
    }

    /// Opens the namespace.
    ///
    /// # Errors
    ///
    /// Returns an error if the environment names none.
    pub fn open(&self, context: Context) -> relayhouse_core::Result<ServiceBus> {
        let address: Address = "servicebus:///relayhouse".parse()?;
        ServiceBus::open(&address, context)
    }

    /// Deletes all entities of this run, so that a service that goes on is left as it was.
    ///
    /// # Errors
    ///
    /// Returns what the service says.
    pub async fn clean(&self) -> Result<()> {
        let provider = self.open(relayhouse_time::context()?)?;
        let admin = provider.admin().context("no port for administration")?;
        let mut entities = Vec::new();
        let mut after = None;
        loop {
            let page = admin.list(after.as_deref()).await?;
            entities.extend(page.entities);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let start = format!("{}-", self.run);
        for entity in entities
            .iter()
            .filter(|it| it.to_string().starts_with(&start))
        {
            admin.delete(entity).await?;
        }
        Ok(provider.close().await?)
    }
}
