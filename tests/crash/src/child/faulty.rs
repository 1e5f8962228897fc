//! A child whose disk fails: what it hears, and what still works.

use std::{
    num::{NonZeroU32, NonZeroU64},
    sync::Arc,
    time::Duration,
};

use anyhow::Result;
use relayhouse_core::{
    Source,
    port::{Admin, Provider},
};
use relayhouse_local::Full;

use super::{Child, consume::Consuming, produce::Producing, queue};
use crate::report::{How, What};

/// What a failed ack leaves is soon there again.
const LEASE: Duration = Duration::from_millis(300);
const SEND_BATCH: u64 = 3;
const RECEIVE_MAX: NonZeroU32 = NonZeroU32::new(2).unwrap();

/// How often it tries again after the first failure.
const AGAIN: u64 = 3;

impl Child {
    /// Sends, receives and acks; after the first failure it sends some more, and reads.
    pub(super) async fn faulty(self, rounds: u64, max: Option<NonZeroU64>) -> Result<()> {
        let builder = self.builder().full(Full::Fail);
        let local = match max {
            Some(max) => builder.file_bytes_max(max),
            None => builder,
        }
        .build()?;
        let opened = self.open(&local).await;
        let (mut producing, consuming) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                let (call, error) = ("open".to_owned(), (&error).into());
                return self.tell(0, What::Failed { call, error });
            }
        };
        for _ in 0..rounds {
            if !self.round(&mut producing, &consuming).await? {
                self.after(&mut producing, &local).await?;
                break;
            }
        }
        if let Err(error) = local.close().await {
            let (call, error) = ("close".to_owned(), (&error).into());
            self.tell(0, What::Failed { call, error })?;
        }
        Ok(())
    }

    async fn open(&self, local: &dyn Provider) -> relayhouse_core::Result<(Producing, Consuming)> {
        let name = super::QUEUE.parse()?;
        let sender = local.sender(&name).await?;
        let options = relayhouse_core::port::ReceiverOptions { lease: Some(LEASE) };
        let receiver = local.receiver(&Source::queue(name), options).await?;
        let mut producing = Producing::new(self, &sender, 0, 1);
        producing.delay_max = Duration::ZERO;
        let consuming = Consuming {
            child: self.clone(),
            receiver,
            task: 1,
        };
        Ok((producing, consuming))
    }

    /// Returns false if something failed.
    async fn round(&self, producing: &mut Producing, consuming: &Consuming) -> Result<bool> {
        if !producing.send(SEND_BATCH).await? {
            return Ok(false);
        }
        let deliveries = consuming.receive(RECEIVE_MAX, Duration::ZERO).await?;
        let acks = deliveries.into_iter().map(|delivery| (delivery, How::Ack));
        consuming.settle(acks.collect()).await
    }

    async fn after(&self, producing: &mut Producing, local: &dyn Provider) -> Result<()> {
        for _ in 0..AGAIN {
            producing.send(SEND_BATCH).await?;
        }
        let Some(admin) = local.admin() else {
            return Ok(());
        };
        let admin: Arc<dyn Admin> = admin;
        let source = Source::queue(queue()?);
        let stats = admin.stats(&source).await.map(drop);
        let peek = admin.peek(&source, 0, NonZeroU32::MIN).await.map(drop);
        for (call, result) in [("stats", stats), ("peek", peek)] {
            let call = call.to_owned();
            self.tell(
                0,
                match result {
                    Ok(()) => What::Read { call },
                    Err(error) => What::Failed {
                        call,
                        error: (&error).into(),
                    },
                },
            )?;
        }
        Ok(())
    }
}
