//! The memory adapter behind `dyn Sender` and `dyn Receiver`, as the runtime uses it.

use std::{
    num::{NonZeroU32, NonZeroU64},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use bytes::{Bytes, BytesMut};
use relayhouse_core::{
    Context, Delivery, Message, MessageIds, QueueName, Sending, Settlement, Settling, Source,
    port::{Provider, ReceiveRequest, Receiver, ReceiverOptions, Sender},
};

use crate::subject::{Consume, Produce, Subject};

/// Longer than any workload waits for its next message.
const WAIT: Duration = Duration::from_secs(600);

/// What one buffer holds: some fifteen bodies of 1 KiB.
const BUFFER_BYTES: usize = 16 * 1024;

/// Is a queue of the memory adapter as a subject.
#[derive(Debug)]
pub struct Ports {
    sender: Arc<dyn Sender>,
    receiver: Arc<dyn Receiver>,
    ids: Arc<MessageIds>,
    // Closed with the queue.
    _provider: Arc<dyn Provider>,
}

/// Is a queue of the memory adapter whose producers write bodies into a buffer that many share,
/// as an encoder may.
#[derive(Debug)]
pub struct Buffered(Ports);

/// Sends bodies from one buffer at the port.
#[derive(Debug)]
pub struct BufferedProducer {
    producer: PortProducer,
    buffer: BytesMut,
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
    /// Opens the queue `bench` of `provider`.
    pub(crate) async fn of(
        provider: Arc<dyn Provider>,
        context: &Context,
        options: ReceiverOptions,
    ) -> Result<Self> {
        let queue = "bench".parse::<QueueName>()?;
        let source = Source::from(queue.clone());
        Ok(Self {
            sender: provider.sender(&queue).await?,
            receiver: provider.receiver(&source, options).await?,
            ids: Arc::new(MessageIds::new(&*context.random)),
            _provider: provider,
        })
    }

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
        Self::of(
            super::provider(context)?,
            context,
            ReceiverOptions::default(),
        )
        .await
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

impl Subject for Buffered {
    const NAME: &'static str = "ports, bodies from one buffer";
    type Producer = BufferedProducer;
    type Consumer = PortConsumer;

    async fn open(context: &Context) -> Result<Self> {
        Ok(Self(Ports::open(context).await?))
    }

    fn producer(&self) -> BufferedProducer {
        BufferedProducer {
            producer: self.0.producer(),
            buffer: BytesMut::new(),
        }
    }

    fn consumer(&self) -> PortConsumer {
        self.0.consumer()
    }
}

impl Produce for BufferedProducer {
    async fn send(&mut self, body: &[u8], count: usize) -> Result<()> {
        let Self { producer, buffer } = self;
        let bodies = (0..count).map(|_| {
            if buffer.capacity() < body.len() {
                *buffer = BytesMut::with_capacity(BUFFER_BYTES.max(body.len()));
            }
            buffer.extend_from_slice(body);
            buffer.split().freeze()
        });
        producer.send_bodies(bodies).await
    }
}

impl PortProducer {
    /// Sends a message with each of `bodies`, all in one call.
    pub(crate) async fn send_bodies(
        &mut self,
        bodies: impl Iterator<Item = Bytes> + Send,
    ) -> Result<()> {
        let Self { sender, ids, batch } = self;
        batch.clear();
        batch.extend(bodies.map(|body| Sending::new(Message::new(body).id(ids.next_id()))));
        sender.send(batch).await?;
        for item in batch {
            ensure!(item.outcome.is_done(), "a message was not sent: {item:?}");
        }
        Ok(())
    }
}

impl Produce for PortProducer {
    async fn send(&mut self, body: &[u8], count: usize) -> Result<()> {
        let bodies = (0..count).map(|_| Bytes::copy_from_slice(body));
        self.send_bodies(bodies).await
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
