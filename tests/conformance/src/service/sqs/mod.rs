//! The SQS adapter on a service: an emulator that is a program of its own, LocalStack, or AWS.

mod harness;
pub mod payloads;
pub mod probe;
mod site;
pub mod topics;

use relayhouse_core::Result;
use relayhouse_testkit::Harness;

use super::Place;

pub use self::{harness::ServiceHarness, site::Site};

const STANDARD: &str = "sqs";
/// The kind of queues that keep order.
const FIFO: &str = "sqs.fifo";

impl Place for Site {
    fn kinds(&self) -> &'static [&'static str] {
        &[STANDARD, FIFO]
    }

    fn harness(&self, kind: &'static str) -> Box<dyn Harness> {
        Box::new(ServiceHarness::new(kind, kind == FIFO, self.clone()))
    }

    fn urls(&self) -> Result<Vec<(&'static str, String)>> {
        let url = |name| format!("sqs:///{name}");
        Ok(vec![
            (STANDARD, url(self.queue_name(false)?)),
            (FIFO, url(self.queue_name(true)?)),
        ])
    }
}
