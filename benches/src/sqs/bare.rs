//! Loops on the bare SDK, and the calls that another library makes of it.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use anyhow::{Result, ensure};
use aws_sdk_sqs::{
    Client,
    types::{
        DeleteMessageBatchRequestEntry, Message, MessageAttributeValue,
        MessageSystemAttributeName as System, SendMessageBatchRequestEntry,
    },
};

use super::{
    ATTRIBUTE, BATCH, BODIES, QUEUE, SDK, attribute, body, client::client, server::Server,
};

/// Makes the calls that a workload is of, each of 10 messages.
pub(super) trait Calls: Clone + Send + Sync + 'static {
    /// Is what was received.
    type Taken: Send + 'static;

    fn send(&self) -> impl Future<Output = Result<()>> + Send;
    fn receive(&self) -> impl Future<Output = Result<Self::Taken>> + Send;
    fn delete(&self, taken: Self::Taken) -> impl Future<Output = Result<()>> + Send;
}

/// Says what a loop on the SDK does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// Full batches, with the attribute that the adapter writes: the same bytes.
    Attribute,
    /// Full batches, and no attribute is sent or asked for.
    Bodies,
    /// The calls of omniqueue 0.3: it sends full batches, and deletes each message by itself.
    Omniqueue,
}

/// Fills batches by hand.
#[derive(Clone, Debug)]
pub(super) struct Bare {
    client: Client,
    queue_url: Arc<str>,
    body: Arc<str>,
    next: Arc<AtomicU64>,
    style: Style,
}

impl Style {
    pub(super) const ALL: [Self; 3] = [Self::Attribute, Self::Bodies, Self::Omniqueue];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Attribute => SDK,
            Self::Bodies => BODIES,
            Self::Omniqueue => "SDK, the calls of omniqueue",
        }
    }
}

impl Bare {
    pub(super) fn new(server: &Server, style: Style) -> Self {
        let endpoint = server.endpoint();
        Self {
            client: client(&endpoint),
            queue_url: format!("{endpoint}/000000000000/{QUEUE}").into(),
            body: body().into(),
            next: Arc::default(),
            style,
        }
    }

    /// Sends `count` messages in one call.
    pub(super) async fn send_batch(&self, count: usize) -> Result<()> {
        let entries = (0..count).map(|index| self.entry(index));
        let request = self.client.send_message_batch();
        let request = request.queue_url(&*self.queue_url);
        let request = request.set_entries(Some(entries.collect::<Result<_>>()?));
        let answer = request.send().await?;
        ensure!(answer.successful.len() == count, "a message was not sent");
        Ok(())
    }

    /// Sends one message by the call for one message.
    pub(super) async fn send_one(&self) -> Result<()> {
        let request = self.client.send_message().queue_url(&*self.queue_url);
        let request = request.message_body(&*self.body);
        request
            .message_attributes(ATTRIBUTE, self.attribute()?)
            .send()
            .await?;
        Ok(())
    }

    fn entry(&self, index: usize) -> Result<SendMessageBatchRequestEntry> {
        let entry = SendMessageBatchRequestEntry::builder()
            .id(index.to_string())
            .message_body(&*self.body);
        let entry = match self.style {
            Style::Attribute => entry.message_attributes(ATTRIBUTE, self.attribute()?),
            Style::Bodies | Style::Omniqueue => entry,
        };
        Ok(entry.build()?)
    }

    fn attribute(&self) -> Result<MessageAttributeValue> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let value = MessageAttributeValue::builder().data_type("String");
        Ok(value.string_value(attribute(id)).build()?)
    }

    async fn delete_one(&self, message: Message) -> Result<()> {
        let request = self.client.delete_message().queue_url(&*self.queue_url);
        let request = request.set_receipt_handle(message.receipt_handle);
        request.send().await?;
        Ok(())
    }
}

impl Calls for Bare {
    type Taken = Vec<Message>;

    async fn send(&self) -> Result<()> {
        self.send_batch(BATCH).await
    }

    async fn receive(&self) -> Result<Vec<Message>> {
        let request = self.client.receive_message().queue_url(&*self.queue_url);
        let request = request.max_number_of_messages(10).wait_time_seconds(20);
        let request = match self.style {
            Style::Attribute => request
                .message_system_attribute_names(System::ApproximateReceiveCount)
                .message_system_attribute_names(System::SentTimestamp)
                .message_attribute_names("All"),
            Style::Bodies | Style::Omniqueue => request,
        };
        let messages = request.send().await?.messages.unwrap_or_default();
        ensure!(messages.len() == BATCH, "{} messages came", messages.len());
        Ok(messages)
    }

    async fn delete(&self, messages: Vec<Message>) -> Result<()> {
        if self.style == Style::Omniqueue {
            for message in messages {
                self.delete_one(message).await?;
            }
            return Ok(());
        }
        let count = messages.len();
        let messages = messages.into_iter().enumerate();
        let entries = messages.map(|(index, message)| {
            let entry = DeleteMessageBatchRequestEntry::builder().id(index.to_string());
            Ok(entry.set_receipt_handle(message.receipt_handle).build()?)
        });
        let request = self.client.delete_message_batch();
        let request = request.queue_url(&*self.queue_url);
        let request = request.set_entries(Some(entries.collect::<Result<_>>()?));
        let answer = request.send().await?;
        ensure!(
            answer.successful.len() == count,
            "a message was not deleted"
        );
        Ok(())
    }
}
