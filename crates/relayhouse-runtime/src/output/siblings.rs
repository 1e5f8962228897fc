//! All queues of a provider, as outputs that are opened when they are sent to.

use std::sync::{Arc, Mutex};

use relayhouse_core::{Context, QueueName, Result, Text, port::Provider};

use super::Output;
use crate::sync::lock;

/// The most queues of a provider that are kept open for answers.
const SIBLINGS_MAX: usize = 64;

/// Opens queues of one provider.
#[derive(Clone, Debug)]
pub(super) struct Siblings {
    pub(super) provider: Arc<dyn Provider>,
    context: Context,
    /// The latest used is the last.
    opened: Arc<Mutex<Vec<Output>>>,
}

impl Siblings {
    pub(super) fn new(provider: Arc<dyn Provider>, context: Context) -> Self {
        Self {
            provider,
            context,
            opened: Arc::default(),
        }
    }

    /// Returns the output to the queue `name`. Of those that were opened the latest are kept: the
    /// producer of another ends with its last send.
    pub(super) fn open(&self, name: &Text) -> Result<Output> {
        let queue = QueueName::new(name.clone())?;
        let mut opened = lock(&self.opened);
        let output = match opened.iter().position(|output| output.name == *name) {
            Some(place) => opened.remove(place),
            None => Output::of(Arc::clone(&self.provider), queue, &self.context)?,
        };
        if opened.len() == SIBLINGS_MAX {
            opened.remove(0);
        }
        opened.push(output.clone());
        Ok(output)
    }
}
