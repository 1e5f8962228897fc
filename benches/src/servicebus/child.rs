//! The emulator, as a child of this program: a process whose time and memory are its own.

use std::{
    io::{self, BufRead, BufReader, Write},
    process::{Child as Process, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use servicebus_emulator::{Builder, ServiceBusEmulator, model::QueueSettings};

use super::{BARE, PORTS, PYTHON, RUNTIME, queue_of, sessions_of};
use crate::machine;

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
    let mut out = io::stdout();
    writeln!(out, "{}", emulator.connection_string())?;
    out.flush()?;
    tokio::task::spawn_blocking(|| io::stdin().lock().read_line(&mut String::new())).await??;
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
pub(super) struct Emulator {
    process: Process,
    connection: String,
}

impl Emulator {
    pub(super) fn start() -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("--emulator")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let out = process.stdout.take().context("a child has no output")?;
        let mut connection = String::new();
        BufReader::new(out).read_line(&mut connection)?;
        connection.truncate(connection.trim_end().len());
        ensure!(!connection.is_empty(), "the emulator ended");
        Ok(Self {
            process,
            connection,
        })
    }

    /// Returns the connection string that a client takes.
    pub(super) fn connection(&self) -> &str {
        &self.connection
    }

    /// Returns for how long its threads were on a processor, where the system tells.
    pub(super) fn busy(&self) -> Option<Duration> {
        let (nanos, _) = machine::used_by(self.process.id())?;
        Some(Duration::from_nanos(nanos))
    }

    /// Returns how many of its bytes are in memory, where the system tells.
    pub(super) fn resident(&self) -> Option<u64> {
        machine::resident_of(self.process.id())
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // One that has ended cannot be killed.
        _ = self.process.kill();
        _ = self.process.wait();
    }
}
