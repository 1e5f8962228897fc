//! A child whose every step is recorded: lazy calls first, then a send that is flushed.

use std::{num::NonZeroU32, time::Duration};

use anyhow::{Context as _, Result};
use relayhouse_core::{QueueName, port::Provider};
use rusqlite::Connection;

use super::{Child, QUEUE, consume::Consuming, may_go, produce::Producing};
use crate::report::{How, What};

const LEASE: Duration = Duration::from_secs(60);

/// The steps after which the log is written back.
const CHECKPOINT_EVERY: u64 = 5;

/// How many messages are sent before the first step that is recorded.
const FIRST: u64 = 12;

impl Child {
    /// Does one step after the other, each when it is told to.
    pub(super) async fn record(self) -> Result<()> {
        let local = self.builder().build()?;
        let sender = self.sender(&local).await?;
        let receiver = self.receiver(&local, LEASE).await?;
        let mut producing = Producing::new(&self, &sender, 0, 1);
        let consuming = Consuming {
            child: self.clone(),
            receiver,
            task: 1,
        };
        let random = self.random(&[0]);
        producing.send(FIRST).await?;
        let mut step = 0;
        self.reached(step)?;
        while may_go()? {
            step += 1;
            if step % CHECKPOINT_EVERY == 0 {
                self.checkpoint()?;
                self.reached(step)?;
                continue;
            }
            for _ in 0..random.below(4) {
                self.lazy(&consuming, random.below(6)).await?;
            }
            producing.send(1 + random.below(6)).await?;
            self.reached(step)?;
        }
        local.close().await?;
        Ok(())
    }

    fn reached(&self, step: u64) -> Result<()> {
        self.tell(0, What::Reached { step })
    }

    /// Does what is written and not flushed.
    async fn lazy(&self, consuming: &Consuming, chance: u64) -> Result<()> {
        let max = NonZeroU32::new(3).context("three is not zero")?;
        let deliveries = consuming.receive(max, Duration::ZERO).await?;
        let how = match chance {
            0 => return Ok(()),
            1 => How::Release { delay_ms: 1000 },
            2 => How::Release { delay_ms: 0 },
            _ => How::Ack,
        };
        consuming
            .settle(deliveries.into_iter().map(|it| (it, how)).collect())
            .await?;
        Ok(())
    }

    /// Writes the log back, as happens by itself once it has grown to some megabytes.
    fn checkpoint(&self) -> Result<()> {
        let name: QueueName = QUEUE.parse()?;
        let connection = Connection::open(self.directory.join(format!("{name}.queue")))?;
        let mut checkpoint = connection.prepare("PRAGMA wal_checkpoint(PASSIVE)")?;
        let busy: i64 = checkpoint.query_row([], |row| row.get(0))?;
        anyhow::ensure!(busy == 0, "the log could not be written back");
        Ok(())
    }
}
