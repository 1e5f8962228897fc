//! The queue under load, and what it runs on.

use std::{
    io::{self, Write},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use relayhouse_core::{Context, port::Provider};
use relayhouse_local::Local;
use relayhouse_memory::Memory;
use relayhouse_sqs::Sqs;
use sqs_emulator::SqsEmulator;

use crate::{
    child::{self, Child},
    local::place::Place,
    sqs::client::client,
};

/// The argument by which this program is told to be the emulator.
pub(super) const EMULATOR: &str = "--emulator";

/// Names an adapter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// A file in a directory of its own.
    #[default]
    Local,
    /// The SQS emulator, in a process of its own.
    Sqs,
    /// Memory of this process.
    Memory,
}

/// Is a provider, and what it needs for as long as it is used.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) provider: Arc<dyn Provider>,
    emulator: Option<Child>,
    place: Option<Place>,
}

/// Tells what the emulator used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Used {
    pub(super) busy: Duration,
    pub(super) resident: u64,
}

impl Kind {
    /// Returns the scheme of its URLs.
    pub(super) const fn scheme(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Sqs => "sqs",
            Self::Memory => "memory",
        }
    }
}

impl Queue {
    pub(super) fn open(kind: Kind, context: &Context) -> Result<Self> {
        let (context, mut place, mut emulator) = (context.clone(), None, None);
        let provider: Arc<dyn Provider> = match kind {
            Kind::Memory => Arc::new(Memory::builder(context).build()?),
            Kind::Local => {
                let place = place.insert(Place::new()?);
                Arc::new(Local::builder(context, place.path()).build()?)
            }
            Kind::Sqs => {
                let emulator = emulator.insert(Child::start(EMULATOR)?);
                let client = client(emulator.line());
                Arc::new(Sqs::builder(context).client(client).create(true).build()?)
            }
        };
        Ok(Self {
            provider,
            emulator,
            place,
        })
    }

    /// Says what it runs on, where that is known.
    pub(super) fn about(&self) -> String {
        let file_system = self.place.as_ref().and_then(Place::file_system);
        let emulator = self.emulator.as_ref();
        let emulator = emulator.map(|_| "the SQS emulator, in a process of its own".to_owned());
        let files = file_system.map(|kind| format!("files on {kind}"));
        emulator
            .or(files)
            .unwrap_or_else(|| self.provider.scheme().to_owned())
    }

    /// Returns what the emulator used, if there is one and the system tells.
    pub(super) fn used(&self) -> Option<Used> {
        let emulator = self.emulator.as_ref()?;
        Some(Used {
            busy: emulator.busy()?,
            resident: emulator.resident()?,
        })
    }

    /// Closes it, and returns how many connections were made to the emulator, if there is one.
    pub(super) async fn close(self) -> Result<Option<u64>> {
        self.provider.close().await?;
        let Some(emulator) = self.emulator else {
            return Ok(None);
        };
        let said = emulator.end()?;
        let count = said.trim().parse();
        count
            .map(Some)
            .with_context(|| format!("the emulator said {said:?}"))
    }
}

/// Is the emulator, as a child of this program; says at its end how many connections there were.
pub(super) async fn emulate() -> Result<()> {
    let emulator = SqsEmulator::builder().start().await?;
    child::serve(emulator.endpoint()).await?;
    writeln!(io::stdout(), "{}", emulator.connections())?;
    emulator.close().await;
    Ok(())
}
