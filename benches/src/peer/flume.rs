//! A channel that keeps nothing after it has handed a message over: no lease, no ack.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use flume::{Receiver, Sender};
use relayhouse_core::Context;

use crate::subject::{Consume, Produce, Subject};

/// More messages than any workload has waiting.
const CAPACITY: usize = 1 << 22;

/// Is a flume channel as a subject.
#[derive(Debug)]
pub struct Flume {
    sender: Sender<Arc<[u8]>>,
    receiver: Receiver<Arc<[u8]>>,
}

impl Subject for Flume {
    const NAME: &'static str = "flume (no lease, no ack)";
    type Producer = Sender<Arc<[u8]>>;
    type Consumer = Receiver<Arc<[u8]>>;

    async fn open(_: &Context) -> Result<Self> {
        let (sender, receiver) = flume::bounded(CAPACITY);
        Ok(Self { sender, receiver })
    }

    fn producer(&self) -> Self::Producer {
        self.sender.clone()
    }

    fn consumer(&self) -> Self::Consumer {
        self.receiver.clone()
    }
}

impl Produce for Sender<Arc<[u8]>> {
    async fn send(&mut self, body: &[u8], count: usize) -> Result<()> {
        for _ in 0..count {
            self.send_async(Arc::from(body))
                .await
                .ok()
                .context("flume is closed")?;
        }
        Ok(())
    }
}

impl Consume for Receiver<Arc<[u8]>> {
    async fn take<F: FnMut(&[u8]) + Send>(&mut self, max: usize, mut seen: F) -> Result<usize> {
        let first = self.recv_async().await?;
        seen(&first);
        let mut count = 1;
        for payload in self.try_iter().take(max - 1) {
            seen(&payload);
            count += 1;
        }
        Ok(count)
    }
}
