//! The requests that wait for their answers.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use relayhouse_core::{Message, Text};
use tokio::sync::oneshot;

use crate::sync::lock;

/// Knows the requests that wait, by their correlation ids.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    requests: Mutex<BTreeMap<Text, oneshot::Sender<Message>>>,
    /// Answers that nobody waited for.
    unclaimed: AtomicU64,
}

/// Is the place of one request, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    waiting: Arc<Waiting>,
    correlation_id: Text,
}

impl Waiting {
    pub(super) fn wait(
        self: &Arc<Self>,
        correlation_id: Text,
    ) -> (Place, oneshot::Receiver<Message>) {
        let (answered, answer) = oneshot::channel();
        lock(&self.requests).insert(correlation_id.clone(), answered);
        let place = Place {
            waiting: Arc::clone(self),
            correlation_id,
        };
        (place, answer)
    }

    /// Hands `answer` to the request that it belongs to, if that still waits.
    pub(super) fn answer(&self, answer: Message) {
        let request = answer.details().correlation_id.as_ref();
        let request = request.and_then(|id| lock(&self.requests).remove(id));
        let is_heard = request.is_some_and(|request| request.send(answer).is_ok());
        if !is_heard {
            self.unclaimed.fetch_add(1, Relaxed);
        }
    }

    pub(super) fn len(&self) -> usize {
        lock(&self.requests).len()
    }

    pub(super) fn unclaimed(&self) -> u64 {
        self.unclaimed.load(Relaxed)
    }

    /// Ends every wait.
    pub(super) fn close(&self) {
        lock(&self.requests).clear();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.waiting.requests).remove(&self.correlation_id);
    }
}
