//! The queues in memory, for `memory://` URLs: one namespace of queues for each registry.

use std::{
    future::ready,
    sync::{Arc, Mutex, PoisonError},
};

use relayhouse_core::{Address, Context, Result};
use relayhouse_memory::Memory;

use crate::{
    registry::{Opened, Registry},
    share::{Hold, Share},
};

/// Lets `registry` open the URLs of the embedded queue.
pub(crate) fn register(registry: Registry) -> Registry {
    let namespace = Namespace::default();
    registry.with("memory", move |address, context| {
        ready(namespace.open(&address, context))
    })
}

/// Holds the namespace, once the first queue was opened: its messages live as long as the
/// registry.
#[derive(Debug, Default)]
struct Namespace(Mutex<Option<Arc<Hold<Memory>>>>);

impl Namespace {
    fn open(&self, address: &Address, context: Context) -> Result<Opened> {
        let source = address.source()?;
        let mut namespace = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = match &*namespace {
            Some(hold) => hold.provider().join(address)?,
            None => Memory::open(address, context)?,
        };
        let hold = namespace.get_or_insert_with(|| Hold::new(memory.clone()));
        let provider = Arc::new(Share::new(memory, Arc::clone(hold)));
        Ok(Opened { provider, source })
    }
}
