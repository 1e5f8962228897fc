//! The Service Bus adapter on a service: an emulator that is a program of its own, or Azure.

mod harness;
mod namespace;
pub mod probe;

use relayhouse_core::Result;
use relayhouse_testkit::Harness;

use super::Place;

pub use self::{harness::ServiceHarness, namespace::Namespace};

impl Place for Namespace {
    fn kinds(&self) -> &'static [&'static str] {
        &["servicebus"]
    }

    fn harness(&self, kind: &'static str) -> Box<dyn Harness> {
        Box::new(ServiceHarness::new(kind, self.clone()))
    }

    fn url(&self, _kind: &'static str) -> Result<String> {
        Ok(format!("servicebus:///{}", self.queue_name()?))
    }
}
