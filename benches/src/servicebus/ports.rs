//! The adapter at its ports.

use std::{
    num::{NonZeroU32, NonZeroU64},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use relayhouse_core::{
    Context, Delivery, Message, QueueName, Sending, Settlement, Settling, Source,
    port::{Provider, ReceiveRequest, Receiver, ReceiverOptions, Sender, Sessions},
};
use relayhouse_servicebus::ServiceBus;
use tokio::task::JoinSet;

use super::{BATCH, CALLS, SESSION, SINGLES, child::Emulator, queue_of, sessions_of};
use crate::remote::{all, body};

const WAIT: Duration = Duration::from_secs(20);

/// Opens the queues of one contender by the adapter.
#[derive(Clone, Debug)]
pub(super) struct Ports {
    pub(super) sender: Arc<dyn Sender>,
    pub(super) receiver: Arc<dyn Receiver>,
    pub(super) sessions: Arc<dyn Sessions>,
    body: Bytes,
}

impl Ports {
    pub(super) async fn open(
        emulator: &Emulator,
        context: &Context,
        contender: &str,
    ) -> Result<Self> {
        let builder = ServiceBus::builder(context.clone());
        let provider = builder.connection_string(emulator.connection()).build()?;
        let queue: QueueName = queue_of(contender).parse()?;
        let with_sessions = Source::from(sessions_of(contender).parse::<QueueName>()?);
        let options = ReceiverOptions::default();
        Ok(Self {
            sender: provider.sender(&queue).await?,
            receiver: provider.receiver(&Source::from(queue), options).await?,
            sessions: provider.sessions(&with_sessions, options).await?,
            body: body().into(),
        })
    }

    pub(super) fn message(&self) -> Message {
        Message::new(self.body.clone())
    }

    /// Sends by calls of a batch.
    pub(super) async fn send_batches(&self, messages: usize) -> Result<()> {
        let sends = (0..CALLS).map(|_| self.clone().send(messages / BATCH / CALLS, BATCH));
        all(sends).await.map(drop)
    }

    /// Sends each message by a call of its own.
    pub(super) async fn send_singly(&self, messages: usize) -> Result<()> {
        let sends = (0..SINGLES).map(|_| self.clone().send(messages / SINGLES, 1));
        all(sends).await.map(drop)
    }

    async fn send(self, calls: usize, messages: usize) -> Result<()> {
        for _ in 0..calls {
            let messages = (0..messages).map(|_| Sending::new(self.message()));
            let mut batch: Vec<_> = messages.collect();
            self.sender.send(&mut batch).await?;
            for item in batch {
                ensure!(item.outcome.is_done(), "a message was not sent: {item:?}");
            }
        }
        Ok(())
    }

    /// Receives messages, and acks them by batches, while it goes on.
    pub(super) async fn receive(&self, messages: usize) -> Result<()> {
        let mut settles = JoinSet::new();
        let (mut held, mut left) = (Vec::new(), messages);
        while 0 < left {
            // As much credit as the bare client gives.
            let before = held.len();
            receive(&*self.receiver, left.min(2 * BATCH), &mut held).await?;
            left -= held.len() - before;
            while BATCH <= held.len() {
                if CALLS <= settles.len() {
                    settles.join_next().await.context("no settle")???;
                }
                let deliveries = held.drain(..BATCH).collect();
                settles.spawn(ack(Arc::clone(&self.receiver), deliveries));
            }
        }
        while let Some(settled) = settles.join_next().await {
            settled??;
        }
        Ok(())
    }

    /// Receives and acks all messages of so many sessions, one session after the other.
    pub(super) async fn receive_sessions(&self, sessions: usize) -> Result<()> {
        for _ in 0..sessions {
            let session = self.sessions.accept(None, WAIT).await?;
            let session = session.context("no session came")?;
            let mut deliveries = Vec::with_capacity(SESSION);
            while deliveries.len() < SESSION {
                let left = SESSION - deliveries.len();
                receive(&*session, left, &mut deliveries).await?;
            }
            ack(Arc::clone(&session) as _, deliveries).await?;
            session.close().await?;
        }
        Ok(())
    }
}

/// Receives up to `max` messages, and at least one.
async fn receive(receiver: &dyn Receiver, max: usize, into: &mut Vec<Delivery>) -> Result<()> {
    let before = into.len();
    let request = ReceiveRequest {
        messages_max: NonZeroU32::new(u32::try_from(max)?).context("no messages wanted")?,
        bytes_max: NonZeroU64::MAX,
        wait: WAIT,
    };
    receiver.receive(request, into).await?;
    ensure!(before < into.len(), "no message came");
    Ok(())
}

async fn ack(receiver: Arc<dyn Receiver>, deliveries: Vec<Delivery>) -> Result<()> {
    let settling = |delivery| Settling::new(delivery, Settlement::Ack);
    let mut batch: Vec<_> = deliveries.into_iter().map(settling).collect();
    receiver.settle(&mut batch).await?;
    for item in batch {
        ensure!(item.outcome.is_done(), "a delivery was not acked: {item:?}");
    }
    Ok(())
}
