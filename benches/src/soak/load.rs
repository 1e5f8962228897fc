//! Sends what is due when it is due, whether or not the queue keeps up, and handles what comes.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use bytes::Bytes;
use relayhouse_core::{Clock, Message, Settlement};
use relayhouse_runtime::Producer;
use tokio::task::JoinSet;

use super::{
    ledger::Ledger,
    scenario::{STAMP_BYTES, Scenario},
    watch::Latency,
};
use crate::{clock::Mark, workload::wait_until};

/// The most calls of senders at a time; a burst beyond them is late, and its latency says so.
const SENDS_MAX: usize = 10_000;

/// Is what senders and handlers share.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) scenario: Scenario,
    pub(super) start: Mark,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) ledger: Ledger,
    pub(super) latency: Latency,
}

/// Says which message a body is of, and when it was due, in nanoseconds from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    number: u64,
    due: u64,
}

impl Stamp {
    fn write(self, bytes: usize) -> Bytes {
        let mut body = Vec::with_capacity(bytes);
        body.extend_from_slice(&self.number.to_le_bytes());
        body.extend_from_slice(&self.due.to_le_bytes());
        body.resize(bytes, b'.');
        body.into()
    }

    fn read(body: &[u8]) -> Option<Self> {
        let (number, rest) = body.split_first_chunk()?;
        let due = rest.first_chunk()?;
        Some(Self {
            number: u64::from_le_bytes(*number),
            due: u64::from_le_bytes(*due),
        })
    }
}

impl Load {
    /// Sends everything, each burst when it is due, and ends when all sends have ended.
    pub(super) async fn offer(self: Arc<Self>, producer: Producer, lasts: Duration) -> Result<()> {
        let burst = self.scenario.burst.get() as usize;
        let mut sends = JoinSet::new();
        for (index, due) in self.scenario.bursts(lasts).enumerate() {
            wait_until(self.start.after(due), &self.clock).await;
            while let Some(sent) = sends.try_join_next() {
                sent?;
            }
            if SENDS_MAX <= sends.len() {
                sends.join_next().await.transpose()?;
            }
            let (load, producer) = (Arc::clone(&self), producer.clone());
            sends.spawn(async move { load.send(&producer, index * burst, due).await });
        }
        while let Some(sent) = sends.join_next().await {
            sent?;
        }
        Ok(())
    }

    /// Sends a burst. A send that fails is told to the observer, and is in no ledger.
    async fn send(&self, producer: &Producer, first: usize, due: Duration) {
        let burst = self.scenario.burst.get() as usize;
        let due = u64::try_from(due.as_nanos()).unwrap_or(u64::MAX);
        let messages = (first..first + burst).map(|number| {
            let stamp = Stamp {
                number: number as u64,
                due,
            };
            Message::new(stamp.write(self.scenario.body_bytes))
        });
        let sent = producer.send_all(messages).await;
        for (number, sent) in (first..).zip(sent) {
            if sent.is_ok() {
                self.ledger.sent(number);
            }
        }
    }

    /// Handles a delivery as the scenario says.
    pub(super) async fn handle(self: Arc<Self>, body: Bytes) -> Settlement {
        debug_assert!(STAMP_BYTES <= body.len(), "every body has a stamp");
        let Some(Stamp { number, due }) = Stamp::read(&body) else {
            return Settlement::dead_letter("no stamp", "a body that no sender here wrote");
        };
        let due = self.start.after(Duration::from_nanos(due));
        self.latency.begun(due.elapsed());
        let work = self.scenario.work;
        self.clock.sleep_until(self.clock.now() + work).await;
        self.latency.handled(due.elapsed());
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        self.ledger.handled(number);
        if self.scenario.is_rejected(number) {
            return Settlement::dead_letter("rejected", "the scenario has this one rejected");
        }
        Settlement::Ack
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamp_is_read_as_it_was_written() {
        let stamp = Stamp {
            number: 7,
            due: 1 << 40,
        };
        let body = stamp.write(32);
        assert_eq!(body.len(), 32);
        assert_eq!(Stamp::read(&body), Some(stamp));
        assert_eq!(Stamp::read(&body[..15]), None);
    }
}
