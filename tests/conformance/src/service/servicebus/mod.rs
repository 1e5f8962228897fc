//! The Service Bus adapter on a service: an emulator that is a program of its own, or Azure.

mod harness;
mod namespace;
pub mod probe;

use relayhouse_core::Result;
use relayhouse_testkit::Harness;

use super::Place;

pub use self::{harness::ServiceHarness, namespace::Namespace};

/// The kind of queues without sessions.
const QUEUES: &str = "servicebus";
/// The kind of queues that require them.
const SESSIONS: &str = "servicebus.sessions";

impl Place for Namespace {
    fn kinds(&self) -> &'static [&'static str] {
        &[QUEUES, SESSIONS]
    }

    fn harness(&self, kind: &'static str) -> Box<dyn Harness> {
        Box::new(ServiceHarness::new(kind, kind == SESSIONS, self.clone()))
    }

    fn urls(&self) -> Result<Vec<(&'static str, String)>> {
        let url = format!("servicebus:///{}", self.queue_name()?);
        Ok(vec![(QUEUES, url)])
    }
}
