//! The targets of the conformance suite: the memory adapter, by itself and in each profile.

mod memory;

use std::sync::Arc;

use anyhow::Result;
use relayhouse_core::{Capabilities, port::Provider};
use relayhouse_memory::Profile;
use relayhouse_testkit::Harness;
use tokio::runtime::{Builder, Runtime};

pub use self::memory::MemoryHarness;

/// Is one target: an adapter, in one of its forms.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name, as tests and the capability table have it.
    pub name: &'static str,
    profile: Profile,
}

/// Lists all targets.
pub const TARGETS: [Target; 5] = [
    target("memory", Profile::Native),
    target("sqs-standard", Profile::SqsStandard),
    target("sqs-fifo", Profile::SqsFifo),
    target("servicebus", Profile::ServiceBus),
    target("servicebus-sessions", Profile::ServiceBusSessions),
];

const fn target(name: &'static str, profile: Profile) -> Target {
    Target { name, profile }
}

impl Target {
    /// Makes a harness of this target. It needs tokio's time.
    #[must_use]
    pub fn harness(self) -> MemoryHarness {
        MemoryHarness::new(self.name, self.profile)
    }

    /// Runs `work` with a harness of its own, under paused time.
    ///
    /// # Errors
    ///
    /// Returns an error if tokio does not start.
    pub fn run<T>(self, work: impl AsyncFnOnce(&dyn Harness) -> T) -> Result<T> {
        Ok(paused()?.block_on(async move { work(&self.harness()).await }))
    }

    /// Returns what the target declares.
    ///
    /// # Errors
    ///
    /// Returns the target's error if it does not open.
    pub fn capabilities(self) -> Result<Capabilities> {
        self.run(async |harness| {
            let provider: Arc<dyn Provider> = harness.provider().await?;
            Ok(provider.capabilities().clone())
        })?
    }
}

/// Makes a runtime whose time stands still while something can run, and jumps when nothing can.
fn paused() -> Result<Runtime> {
    let mut builder = Builder::new_current_thread();
    Ok(builder.enable_time().start_paused(true).build()?)
}
