//! Queues of ours: at the ports, and through the runtime.

mod ports;
mod producer;

use std::{num::NonZeroU64, sync::Arc};

use anyhow::Result;
use relayhouse_core::{Context, port::Provider};
use relayhouse_memory::Memory;

pub use self::{
    ports::{Buffered, BufferedProducer, PortConsumer, PortProducer, Ports},
    producer::{RuntimeProducer, Sent},
};

/// Opens a provider of queues in memory, whose bounds no workload reaches.
fn provider(context: &Context) -> Result<Arc<dyn Provider>> {
    let memory = Memory::builder(context.clone())
        .messages_max(NonZeroU64::MAX)
        .bytes_max(NonZeroU64::MAX)
        .build()?;
    Ok(Arc::new(memory))
}
