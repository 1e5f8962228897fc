//! The emulator, as a child of this program: a process whose time and memory are its own.

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use servicebus_emulator::{Builder, ServiceBusEmulator, model::QueueSettings};

use super::{BARE, PORTS, PYTHON, RUNTIME, queue_of, sessions_of};
use crate::child::{self, Child};

/// Longer than anything here is held.
const LOCK: Duration = Duration::from_secs(300);

/// Says what to do as a child.
#[derive(Args, Clone, Copy, Debug)]
pub struct Task {
    /// Serves Service Bus, as a child of this program, until its input ends.
    #[arg(long, hide = true)]
    emulator: bool,
}

impl Task {
    /// Does it; returns false if there is nothing to do.
    ///
    /// # Errors
    ///
    /// Returns the error of the emulator.
    pub fn run(self) -> Result<bool> {
        if self.emulator {
            // As the command line runs it.
            let mut runtime = tokio::runtime::Builder::new_multi_thread();
            runtime.enable_all().build()?.block_on(serve())?;
        }
        Ok(self.emulator)
    }
}

async fn serve() -> Result<()> {
    let emulator = builder().start().await?;
    child::serve(&emulator.connection_string()).await?;
    emulator.close().await;
    Ok(())
}

fn builder() -> Builder {
    let contenders = [BARE, PORTS, RUNTIME, PYTHON];
    contenders
        .into_iter()
        .fold(ServiceBusEmulator::builder(), |builder, name| {
            builder
                .queue(&queue_of(name), settings(false))
                .queue(&sessions_of(name), settings(true))
        })
}

fn settings(requires_session: bool) -> QueueSettings {
    let mut settings = QueueSettings::default();
    settings.outlet.lock_duration = LOCK;
    settings.outlet.requires_session = requires_session;
    settings
}

/// Is an emulator that runs in a process of its own; dropped, it is killed.
#[derive(Debug)]
pub(super) struct Emulator(Child);

impl Emulator {
    pub(super) fn start() -> Result<Self> {
        Child::start("--emulator").map(Self)
    }

    /// Returns the connection string that a client takes.
    pub(super) fn connection(&self) -> &str {
        self.0.line()
    }

    /// Returns for how long its threads were on a processor, where the system tells.
    pub(super) fn busy(&self) -> Option<Duration> {
        self.0.busy()
    }

    /// Returns how many of its bytes are in memory, where the system tells.
    pub(super) fn resident(&self) -> Option<u64> {
        self.0.resident()
    }
}
