//! What probes work with: queues of their own, short calls, and words for answers.

use std::time::Duration;

use anyhow::{Context, Result};
use aws_sdk_sqs::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::receive_message::builders::ReceiveMessageFluentBuilder,
    types::{BatchResultErrorEntry, Message, MessageSystemAttributeName, QueueAttributeName},
};
use relayhouse_core::Clock;
use relayhouse_time::TokioClock;

use crate::service::sqs::Site;

/// How long a probe waits for what must come.
const PATIENCE: i32 = 5;

/// Is a client, and names that nobody else uses.
#[derive(Clone, Debug)]
pub(super) struct Bench {
    pub(super) client: Client,
    site: Site,
}

impl Bench {
    pub(super) const fn new(client: Client, site: Site) -> Self {
        Self { client, site }
    }

    pub(super) fn name(&self, is_fifo: bool) -> Result<String> {
        Ok(self.site.queue_name(is_fifo)?.to_string())
    }

    /// Creates a standard queue, and returns its URL.
    pub(super) async fn standard(
        &self,
        attributes: &[(QueueAttributeName, &str)],
    ) -> Result<String> {
        self.create(&self.name(false)?, attributes).await
    }

    /// Creates a FIFO queue, and returns its URL.
    pub(super) async fn fifo(&self, attributes: &[(QueueAttributeName, &str)]) -> Result<String> {
        let fifo = [(QueueAttributeName::FifoQueue, "true")];
        self.create(&self.name(true)?, &[&fifo, attributes].concat())
            .await
    }

    pub(super) async fn create(
        &self,
        name: &str,
        attributes: &[(QueueAttributeName, &str)],
    ) -> Result<String> {
        let mut create = self.client.create_queue().queue_name(name);
        for (name, value) in attributes {
            create = create.attributes(name.clone(), *value);
        }
        let answer = create.send().await?;
        answer.queue_url.context("no URL of the queue")
    }

    /// Creates a queue whose messages go to another after `receives_max` receives; returns both.
    pub(super) async fn with_dead_letters(&self, receives_max: u32) -> Result<(String, String)> {
        let dead = self.standard(&[]).await?;
        let policy = format!(
            r#"{{"deadLetterTargetArn":"{}","maxReceiveCount":"{receives_max}"}}"#,
            self.arn(&dead).await?
        );
        let policy = [(QueueAttributeName::RedrivePolicy, policy.as_str())];
        Ok((self.standard(&policy).await?, dead))
    }

    pub(super) async fn arn(&self, url: &str) -> Result<String> {
        self.attribute(url, QueueAttributeName::QueueArn).await
    }

    pub(super) async fn attribute(&self, url: &str, name: QueueAttributeName) -> Result<String> {
        let get = self.client.get_queue_attributes().queue_url(url);
        let answer = get.attribute_names(name.clone()).send().await?;
        let mut attributes = answer.attributes.unwrap_or_default();
        attributes.remove(&name).context("no such attribute")
    }

    pub(super) async fn send(&self, url: &str, body: &str) -> Result<()> {
        let send = self.client.send_message().queue_url(url);
        send.message_body(body).send().await?;
        Ok(())
    }

    /// Sends to the group `g` of a FIFO queue, with the body as dedup id.
    pub(super) async fn send_in_group(&self, url: &str, body: &str) -> Result<()> {
        let send = self.client.send_message().queue_url(url);
        let send = send.message_group_id("g").message_deduplication_id(body);
        send.message_body(body).send().await?;
        Ok(())
    }

    /// Begins a receive of up to ten messages, which waits, with all attributes.
    pub(super) fn receive(&self, url: &str) -> ReceiveMessageFluentBuilder {
        let receive = self.client.receive_message().queue_url(url);
        receive
            .max_number_of_messages(10)
            .wait_time_seconds(PATIENCE)
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::All)
    }

    /// Receives one message, which must come.
    pub(super) async fn one(&self, url: &str) -> Result<Message> {
        let receive = self.receive(url).max_number_of_messages(1);
        let messages = receive.send().await?.messages.unwrap_or_default();
        messages.into_iter().next().context("no message came")
    }

    /// Receives what is there now.
    pub(super) async fn now(&self, url: &str) -> Result<Vec<Message>> {
        let receive = self.receive(url).wait_time_seconds(0);
        Ok(receive.send().await?.messages.unwrap_or_default())
    }

    pub(super) async fn change(&self, url: &str, message: &Message, seconds: i32) -> String {
        let change = self.client.change_message_visibility().queue_url(url);
        let change = change.set_receipt_handle(message.receipt_handle.clone());
        answer(change.visibility_timeout(seconds).send().await)
    }

    pub(super) async fn delete(&self, url: &str, message: &Message) -> String {
        let delete = self.client.delete_message().queue_url(url);
        let delete = delete.set_receipt_handle(message.receipt_handle.clone());
        answer(delete.send().await)
    }
}

/// Says whether a call was taken, and with which code and status it was not.
pub(super) fn answer<T, E: ProvideErrorMetadata>(result: Result<T, SdkError<E>>) -> String {
    let Err(error) = result else {
        return "accepted".to_owned();
    };
    let status = error.raw_response().map(|it| it.status().as_u16());
    let code = error.code().unwrap_or("no code");
    let code = code.rsplit(['.', '#']).next().unwrap_or(code);
    match status {
        Some(status) => format!("refused: {code} ({status})"),
        None => format!("no answer: {code}"),
    }
}

/// Says which entries of a batch failed, and by whose fault.
pub(super) fn failures(failed: &[BatchResultErrorEntry]) -> String {
    let failed = failed.iter().map(|entry| {
        let fault = if entry.sender_fault { "sender" } else { "SQS" };
        format!("{} failed: {}, fault of {fault}", entry.id, entry.code)
    });
    let failed: Vec<_> = failed.collect();
    if failed.is_empty() {
        "all accepted".to_owned()
    } else {
        failed.join("; ")
    }
}

pub(super) fn bodies(messages: &[Message]) -> String {
    let bodies = messages.iter().map(|it| it.body.as_deref().unwrap_or("?"));
    let bodies: Vec<_> = bodies.collect();
    if bodies.is_empty() {
        "nothing".to_owned()
    } else {
        bodies.join(", ")
    }
}

pub(super) fn system_attribute(message: &Message, name: &MessageSystemAttributeName) -> String {
    let attributes = message.attributes.as_ref();
    let value = attributes.and_then(|attributes| attributes.get(name));
    value.map_or_else(|| "none".to_owned(), Clone::clone)
}

pub(super) async fn wait(time: Duration) {
    let clock = TokioClock::new();
    clock.sleep_until(clock.now() + time).await;
}
