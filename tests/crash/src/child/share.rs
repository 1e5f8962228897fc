//! Children that use a queue beside each other, so that the time between them can be measured.

use std::{num::NonZeroU32, time::Duration};

use anyhow::Result;
use relayhouse_core::port::Provider;

use super::{Child, consume::Consuming, produce::Producing};
use crate::report::How;

const LEASE: Duration = Duration::from_secs(60);

/// How long one waits for a message that comes.
const WAIT: Duration = Duration::from_secs(20);

/// The producer of messages that are timed.
const PRODUCER: u64 = 1;

impl Child {
    /// Sends one message after the other, with pauses.
    pub(super) async fn ping(self, count: u64) -> Result<()> {
        let local = self.builder().build()?;
        let sender = self.sender(&local).await?;
        let random = self.random(&[PRODUCER]);
        let mut producing = Producing::new(&self, &sender, 0, PRODUCER);
        producing.delay_max = Duration::ZERO;
        for _ in 0..count {
            // Real time passes, so that the receiver in the other process waits again.
            self.pause(Duration::from_millis(3) + random.up_to(Duration::from_millis(6)))
                .await;
            producing.send(1).await?;
        }
        local.close().await?;
        Ok(())
    }

    /// Receives and acks one message at a time.
    pub(super) async fn pong(self, count: u64) -> Result<()> {
        let local = self.builder().build()?;
        let receiver = self.receiver(&local, LEASE).await?;
        let consuming = Consuming {
            child: self.clone(),
            receiver,
            task: 0,
        };
        let mut got = 0;
        while got < count {
            let deliveries = consuming.receive(NonZeroU32::MIN, WAIT).await?;
            got += deliveries.len() as u64;
            let acks = deliveries.into_iter().map(|delivery| (delivery, How::Ack));
            consuming.settle(acks.collect()).await?;
        }
        local.close().await?;
        Ok(())
    }

    /// Waits for a message that does not come.
    pub(super) async fn idle(self, time: Duration) -> Result<()> {
        let local = self.builder().build()?;
        let receiver = self.receiver(&local, LEASE).await?;
        let consuming = Consuming {
            child: self.clone(),
            receiver,
            task: 0,
        };
        consuming.receive(NonZeroU32::MIN, time).await?;
        local.close().await?;
        Ok(())
    }
}
