//! The adapter at its ports.

use std::{
    num::{NonZeroU32, NonZeroU64},
    sync::Arc,
    time::Duration,
};

use anyhow::{Result, ensure};
use bytes::Bytes;
use relayhouse_core::{
    Context, Delivery, Message, MessageIds, Sending, Settlement, Settling, Source,
    port::{Provider, ReceiveRequest, Receiver, ReceiverOptions, Sender},
};
use relayhouse_sqs::{Config, Sqs};

use super::{BATCH, QUEUE, bare::Calls, body, client::client};

const WAIT: Duration = Duration::from_secs(20);

/// Opens a queue by the adapter, and makes calls of 10 messages.
#[derive(Clone, Debug)]
pub(super) struct Ports {
    pub(super) sender: Arc<dyn Sender>,
    pub(super) receiver: Arc<dyn Receiver>,
    ids: Arc<MessageIds>,
    body: Bytes,
}

impl Ports {
    /// Opens the queue at `endpoint`, which must be there.
    pub(super) async fn open(endpoint: &str, context: &Context) -> Result<Self> {
        Self::open_with(endpoint, context, Config::default()).await
    }

    pub(super) async fn open_with(
        endpoint: &str,
        context: &Context,
        config: Config,
    ) -> Result<Self> {
        let builder = Sqs::builder(context.clone()).config(config);
        let provider = builder.client(client(endpoint)).build()?;
        let queue = QUEUE.parse()?;
        let source = Source::from(QUEUE.parse::<relayhouse_core::QueueName>()?);
        let options = ReceiverOptions::default();
        Ok(Self {
            sender: provider.sender(&queue).await?,
            receiver: provider.receiver(&source, options).await?,
            ids: Arc::new(MessageIds::new(&*context.random)),
            body: body().into(),
        })
    }

    pub(super) fn message(&self) -> Message {
        Message::new(self.body.clone())
    }

    /// Sends `count` messages in one call.
    pub(super) async fn send_batch(&self, count: usize) -> Result<()> {
        let messages = (0..count).map(|_| self.message().id(self.ids.next_id()));
        let mut batch: Vec<_> = messages.map(Sending::new).collect();
        self.sender.send(&mut batch).await?;
        for item in batch {
            ensure!(item.outcome.is_done(), "a message was not sent: {item:?}");
        }
        Ok(())
    }
}

impl Calls for Ports {
    type Taken = Vec<Delivery>;

    async fn send(&self) -> Result<()> {
        self.send_batch(BATCH).await
    }

    async fn receive(&self) -> Result<Vec<Delivery>> {
        let request = ReceiveRequest {
            messages_max: NonZeroU32::MIN.saturating_add(9),
            bytes_max: NonZeroU64::MAX,
            wait: WAIT,
        };
        let mut deliveries = Vec::with_capacity(BATCH);
        self.receiver.receive(request, &mut deliveries).await?;
        ensure!(deliveries.len() == BATCH, "{} came", deliveries.len());
        Ok(deliveries)
    }

    async fn delete(&self, deliveries: Vec<Delivery>) -> Result<()> {
        let settling = |delivery| Settling::new(delivery, Settlement::Ack);
        let mut batch: Vec<_> = deliveries.into_iter().map(settling).collect();
        self.receiver.settle(&mut batch).await?;
        for item in batch {
            ensure!(item.outcome.is_done(), "a delivery was not acked: {item:?}");
        }
        Ok(())
    }
}
