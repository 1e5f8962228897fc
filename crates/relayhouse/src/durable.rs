//! The embedded durable queue, for `local:` URLs: one set of open files for each directory.

use std::{
    future::ready,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use relayhouse_core::{Address, Context, Result};
use relayhouse_local::Local;

use crate::{
    registry::{Opened, Registry},
    share::{Hold, Share},
};

/// Lets `registry` open the URLs of the embedded durable queue.
pub(crate) fn register(registry: Registry) -> Registry {
    let directories = Directories::default();
    registry.with("local", move |address, context| {
        ready(directories.open(&address, context))
    })
}

/// Knows the directories that somebody has open.
#[derive(Debug, Default)]
struct Directories(Mutex<Vec<Weak<Hold<Local>>>>);

impl Directories {
    fn open(&self, address: &Address, context: Context) -> Result<Opened> {
        let source = Local::source(address)?;
        let fresh = Local::open(address, context)?;
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|hold| 0 < hold.strong_count());
        let same = open.iter().filter_map(Weak::upgrade).find(|hold| {
            let local = hold.provider();
            local.directory() == fresh.directory() && !local.is_closed()
        });
        let share = match same {
            Some(hold) => Share::new(hold.provider().join(address)?, hold),
            None => {
                let hold = Hold::new(fresh.clone());
                open.push(Arc::downgrade(&hold));
                Share::new(fresh, hold)
            }
        };
        let provider = Arc::new(share);
        Ok(Opened { provider, source })
    }
}
