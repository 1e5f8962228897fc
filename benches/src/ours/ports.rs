//! The memory adapter behind `dyn Sender` and `dyn Receiver`, as the runtime uses it.

use std::{
    num::{NonZeroU32, NonZeroU64},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use relayhouse_core::{
    Context, Delivery, Message, MessageIds, QueueName, Sending, Settlement, Settling, Source,
    port::{Provider, ReceiveRequest, Receiver, ReceiverOptions, Sender},
};

use crate::subject::{Consume, Produce, Subject};

/// Longer than any workload waits for its next message.
const WAIT: Duration = Duration::from_secs(600);

/// Is a queue of the memory adapter as a subject.
#[derive(Debug)]
pub struct Ports {
    sender: Arc<dyn Sender>,
    receiver: Arc<dyn Receiver>,
    ids: Arc<MessageIds>,
    // Closed with the queue.
    _provider: Arc<dyn Provider>,
}

/// Sends at the port; gives each message an id, as a producer does.
#[derive(Debug)]
pub struct PortProducer {
    sender: Arc<dyn Sender>,
    ids: Arc<MessageIds>,
    batch: Vec<Sending>,
}

/// Receives and settles at the port.
#[derive(Debug)]
pub struct PortConsumer {
    receiver: Arc<dyn Receiver>,
    deliveries: Vec<Delivery>,
    batch: Vec<Settling>,
}

impl Ports {
    /// Returns the port that sends.
    pub(crate) fn sender(&self) -> Arc<dyn Sender> {
        Arc::clone(&self.sender)
    }

    /// Returns the port that receives.
    pub(crate) fn receiver(&self) -> Arc<dyn Receiver> {
        Arc::clone(&self.receiver)
    }
}

impl Subject for Ports {
    const NAME: &'static str = "ports";
    type Producer = PortProducer;
    type Consumer = PortConsumer;

    async fn open(context: &Context) -> Result<Self> {
        let provider = super::provider(context)?;
        let queue = "bench".parse::<QueueName>()?;
        let source = Source::from(queue.clone());
        let options = ReceiverOptions::default();
        Ok(Self {
            sender: provider.sender(&queue).await?,
            receiver: provider.receiver(&source, options).await?,
            ids: Arc::new(MessageIds::new(&*context.random)),
            _provider: provider,
        })
    }

    fn producer(&self) -> PortProducer {
        PortProducer {
            sender: Arc::clone(&self.sender),
            ids: Arc::clone(&self.ids),
            batch: Vec::new(),
        }
    }

    fn consumer(&self) -> PortConsumer {
        PortConsumer {
            receiver: Arc::clone(&self.receiver),
            deliveries: Vec::new(),
            batch: Vec::new(),
        }
    }
}

impl Produce for PortProducer {
    async fn send(&mut self, body: &[u8], count: usize) -> Result<()> {
        let Self { sender, ids, batch } = self;
        batch.clear();
        batch.extend((0..count).map(|_| {
            let message = Message::new(Bytes::copy_from_slice(body));
            Sending::new(message.id(ids.next_id()))
        }));
        sender.send(batch).await?;
        for item in batch {
            ensure!(item.outcome.is_done(), "a message was not sent: {item:?}");
        }
        Ok(())
    }
}

impl Consume for PortConsumer {
    async fn take<F: FnMut(&[u8]) + Send>(&mut self, max: usize, mut seen: F) -> Result<usize> {
        let messages_max = NonZeroU32::new(u32::try_from(max)?).context("no messages wanted")?;
        let request = ReceiveRequest {
            messages_max,
            bytes_max: NonZeroU64::MAX,
            wait: WAIT,
        };
        self.receiver.receive(request, &mut self.deliveries).await?;
        self.batch.clear();
        self.batch.extend(self.deliveries.drain(..).map(|delivery| {
            seen(&delivery.message.body);
            Settling::new(delivery, Settlement::Ack)
        }));
        self.receiver.settle(&mut self.batch).await?;
        for item in &self.batch {
            ensure!(item.outcome.is_done(), "a delivery was not acked: {item:?}");
        }
        Ok(self.batch.len())
    }
}
