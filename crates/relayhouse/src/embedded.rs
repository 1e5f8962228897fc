//! The queues in memory, for `memory://` URLs: one namespace of queues for each registry.

use std::{
    future::ready,
    sync::{Arc, Mutex, PoisonError},
};

use relayhouse_core::{Address, Context, Result};
use relayhouse_memory::Memory;

use crate::registry::{Opened, Registry};

/// Lets `registry` open the URLs of the embedded queue.
pub(crate) fn register(registry: Registry) -> Registry {
    let namespace = Namespace::default();
    registry.with("memory", move |address, context| {
        ready(namespace.open(&address, context))
    })
}

/// Holds the namespace, once the first queue was opened.
#[derive(Debug, Default)]
struct Namespace(Mutex<Option<Memory>>);

impl Namespace {
    fn open(&self, address: &Address, context: Context) -> Result<Opened> {
        let source = address.source()?;
        let mut namespace = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = match &*namespace {
            Some(memory) => memory.join(address)?,
            None => Memory::open(address, context)?,
        };
        namespace.get_or_insert_with(|| memory.clone());
        let provider = Arc::new(memory);
        Ok(Opened { provider, source })
    }
}
