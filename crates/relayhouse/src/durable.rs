//! The embedded durable queue, for `local:` URLs: one set of open files for each directory.

use std::{
    future::ready,
    sync::{Arc, Mutex, PoisonError},
};

use relayhouse_core::{Address, Context, Result};
use relayhouse_local::Local;

use crate::registry::{Opened, Registry};

/// Lets `registry` open the URLs of the embedded durable queue.
pub(crate) fn register(registry: Registry) -> Registry {
    let directories = Directories::default();
    registry.with("local", move |address, context| {
        ready(directories.open(&address, context))
    })
}

/// Holds the directories that are open.
#[derive(Debug, Default)]
struct Directories(Mutex<Vec<Local>>);

impl Directories {
    fn open(&self, address: &Address, context: Context) -> Result<Opened> {
        let source = Local::source(address)?;
        let fresh = Local::open(address, context)?;
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|local| !local.is_closed());
        let same = open
            .iter()
            .find(|local| local.directory() == fresh.directory());
        let local = match same {
            Some(local) => local.join(address)?,
            None => {
                open.push(fresh.clone());
                fresh
            }
        };
        let provider = Arc::new(local);
        Ok(Opened { provider, source })
    }
}
