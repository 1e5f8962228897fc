//! The Service Bus adapter on a service that runs elsewhere, in real time.

use anyhow::Result;
use relayhouse_testkit::Harness;

use super::suite::Place;
use crate::servicebus::{Names, ServiceBusHarness, admin, open};

/// The kind of queues that have sessions.
const WITH_SESSIONS: &str = "servicebus.sessions";

/// Is one namespace, found by the variables of the adapter, and names there that nobody else uses.
#[derive(Clone, Debug)]
pub struct Namespace {
    names: Names,
}

impl Namespace {
    /// Begins a run, whose entities have names of their own.
    ///
    /// # Errors
    ///
    /// Returns the operating system's error if it has no randomness to give.
    pub fn new() -> Result<Self> {
        let random = relayhouse_time::context()?.random.next_u64();
        let names = Names::new(format!("relayhouse-{random:016x}"));
        Ok(Self { names })
    }

    /// Deletes all entities of this run, so that a service that goes on is left as it was.
    ///
    /// # Errors
    ///
    /// Returns what the service says.
    pub async fn clean(&self) -> Result<()> {
        let admin = admin(&open(relayhouse_time::context()?)?)?;
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
        for entity in entities.iter().filter(|it| self.names.made(it)) {
            admin.delete(entity).await?;
        }
        Ok(())
    }
}

impl Place for Namespace {
    fn kinds(&self) -> &'static [&'static str] {
        &["servicebus", WITH_SESSIONS]
    }

    fn harness(&self, kind: &'static str) -> Box<dyn Harness> {
        let has_sessions = kind == WITH_SESSIONS;
        let names = self.names.clone();
        Box::new(ServiceBusHarness::of_service(kind, has_sessions, names))
    }
}
