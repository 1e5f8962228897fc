//! The targets of the conformance suite: the memory adapter, by itself and in each profile, the
//! local adapter, and the SQS and Service Bus adapters on our emulators.

mod bell;
mod entities;
mod local;
mod memory;
pub mod service;
mod servicebus;
mod sqs;
pub mod tls;

use std::{num::NonZeroU32, sync::Arc};

use anyhow::Result;
use relayhouse_core::{Capabilities, port::Provider};
use relayhouse_memory::Profile;
use relayhouse_testkit::Harness;
use tokio::runtime::{Builder, Runtime};

pub use self::{
    local::LocalHarness,
    memory::MemoryHarness,
    servicebus::{Route, ServiceBusHarness},
    sqs::SqsHarness,
};

/// Is one target: an adapter, in one of its forms.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name, as tests and the capability table have it.
    pub name: &'static str,
    form: Form,
}

/// Is an adapter in one of its forms.
#[derive(Clone, Copy, Debug)]
enum Form {
    Memory(Profile),
    Local,
    Sqs(QueueKind),
    ServiceBus { has_sessions: bool },
}

/// Is a kind of queue of SQS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum QueueKind {
    Standard,
    Fifo,
    /// FIFO queues, several of which are one.
    Sharded,
    /// Standard queues, longer delays on which go in hops.
    Hopping,
}

/// How many queues are one.
const SHARDS: NonZeroU32 = NonZeroU32::new(2).unwrap();

/// Lists all targets.
pub const TARGETS: [Target; 12] = [
    memory("memory", Profile::Native),
    LOCAL,
    memory("memory.sqs-standard", Profile::SqsStandard),
    memory("memory.sqs-fifo", Profile::SqsFifo),
    memory("memory.servicebus", Profile::ServiceBus),
    memory("memory.servicebus-sessions", Profile::ServiceBusSessions),
    SQS,
    SQS_FIFO,
    SQS_SHARDED,
    SQS_HOP,
    SERVICE_BUS,
    SERVICE_BUS_SESSIONS,
];

/// Queues in files.
pub const LOCAL: Target = Target {
    name: "local",
    form: Form::Local,
};

/// Standard queues of SQS, on our emulator.
pub const SQS: Target = sqs("sqs", QueueKind::Standard);

/// FIFO queues of SQS, on our emulator.
pub const SQS_FIFO: Target = sqs("sqs.fifo", QueueKind::Fifo);

/// FIFO queues of SQS, each of which is several queues of our emulator.
pub const SQS_SHARDED: Target = sqs("sqs.sharded", QueueKind::Sharded);

/// Standard queues of SQS on our emulator, longer delays on which go in hops.
pub const SQS_HOP: Target = sqs("sqs.hop", QueueKind::Hopping);

/// Queues of Service Bus, on our emulator.
pub const SERVICE_BUS: Target = Target {
    name: "servicebus",
    form: Form::ServiceBus {
        has_sessions: false,
    },
};

/// Queues of Service Bus that require sessions, on our emulator.
pub const SERVICE_BUS_SESSIONS: Target = Target {
    name: "servicebus.sessions",
    form: Form::ServiceBus { has_sessions: true },
};

const fn memory(name: &'static str, profile: Profile) -> Target {
    Target {
        name,
        form: Form::Memory(profile),
    }
}

const fn sqs(name: &'static str, kind: QueueKind) -> Target {
    Target {
        name,
        form: Form::Sqs(kind),
    }
}

impl Target {
    /// Makes a harness of a target in process. It needs tokio's time.
    ///
    /// # Errors
    ///
    /// Returns an error for another target, and if there is no place for its files.
    pub fn harness(self) -> Result<Box<dyn Harness>> {
        Ok(match self.form {
            Form::Memory(profile) => Box::new(MemoryHarness::new(self.name, profile)),
            Form::Local => Box::new(LocalHarness::new()?),
            Form::Sqs(_) | Form::ServiceBus { .. } => anyhow::bail!("{} is a server", self.name),
        })
    }

    /// Runs `work` with a harness of its own, under paused time, or time that moves when nothing
    /// else goes on.
    ///
    /// # Errors
    ///
    /// Returns an error if tokio does not start, or if there is no place for files or no port.
    pub fn run<T>(self, work: impl AsyncFnOnce(&dyn Harness) -> T) -> Result<T> {
        match self.form {
            Form::Memory(_) => paused()?.block_on(async move { Ok(work(&*self.harness()?).await) }),
            Form::Local => {
                let harness = LocalHarness::new()?;
                Ok(harness.drive(work(&harness)))
            }
            Form::Sqs(kind) => {
                let harness = self.sqs(kind)?;
                Ok(harness.drive(work(&harness)))
            }
            Form::ServiceBus { has_sessions } => paused()?.block_on(async move {
                let harness = ServiceBusHarness::start(self.name, has_sessions).await?;
                Ok(work(&harness).await)
            }),
        }
    }

    /// Makes a harness of a target of SQS on our emulator.
    ///
    /// # Errors
    ///
    /// Returns an error for another target, and if the system gives no thread or no port.
    pub fn sqs_harness(self) -> Result<SqsHarness> {
        match self.form {
            Form::Sqs(kind) => self.sqs(kind),
            _ => anyhow::bail!("{} is no target of SQS", self.name),
        }
    }

    fn sqs(self, kind: QueueKind) -> Result<SqsHarness> {
        let is_fifo = matches!(kind, QueueKind::Fifo | QueueKind::Sharded);
        let harness = SqsHarness::new(self.name, is_fifo)?;
        Ok(match kind {
            QueueKind::Standard | QueueKind::Fifo => harness,
            QueueKind::Sharded => harness.shards(SHARDS),
            QueueKind::Hopping => harness.hops(),
        })
    }

    /// Returns what the target declares.
    ///
    /// # Errors
    ///
    /// Returns the target's error if it does not open.
    pub fn capabilities(self) -> Result<Capabilities> {
        self.run(async |harness| {
            let provider: Arc<dyn Provider> = harness.provider().await?;
            Ok(harness.capabilities(&*provider))
        })?
    }
}

/// Makes a runtime whose time stands still while something can run, and jumps when nothing can.
fn paused() -> Result<Runtime> {
    let mut builder = Builder::new_current_thread();
    Ok(builder.enable_all().start_paused(true).build()?)
}
