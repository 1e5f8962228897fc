//! A queue as it was found: its URL, and its attributes.

use std::{collections::HashMap, num::NonZeroU32, sync::Arc, time::Duration};

use aws_sdk_sqs::types::QueueAttributeName as Name;
use futures_util::future::try_join_all;
use relayhouse_core::{ErrorKind, Operation, QueueName, Result};
use serde::Deserialize;

use crate::{
    convert::Dead,
    cost::Call,
    error,
    link::{Link, at},
    location::{Location, is_fifo, name_of_queue_url, region_of_queue_url},
    subscription,
};

/// Is one queue of SQS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Queue {
    pub(crate) name: QueueName,
    pub(crate) url: Arc<str>,
    pub(crate) is_fifo: bool,
}

/// What SQS tells of a queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    pub(crate) arn: Option<String>,
    pub(crate) lease: Option<Duration>,
    pub(crate) retention: Option<Duration>,
    pub(crate) bytes_max: Option<u64>,
    pub(crate) redrive: Option<RedrivePolicy>,
    /// Who may do what with the queue.
    #[cfg(feature = "sns")]
    pub(crate) policy: Option<String>,
    pub(crate) ready: u64,
    pub(crate) leased: u64,
    pub(crate) delayed: u64,
}

/// Where SQS moves what was received too often.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RedrivePolicy {
    #[serde(rename = "deadLetterTargetArn")]
    pub(crate) arn: String,
    #[serde(deserialize_with = "count")]
    max_receive_count: u32,
}

impl RedrivePolicy {
    pub(crate) const fn attempts_max(&self) -> Option<NonZeroU32> {
        NonZeroU32::new(self.max_receive_count)
    }
}

/// Reads a count, which stands there as a number or as text, by whoever wrote it.
fn count<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<u32, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Count {
        Number(u32),
        Text(String),
    }
    match Count::deserialize(deserializer)? {
        Count::Number(count) => Ok(count),
        Count::Text(text) => text.parse().map_err(serde::de::Error::custom),
    }
}

impl Queue {
    /// Finds the queue `name`, of the account that the configuration names.
    pub(crate) async fn find(link: &Link, name: &QueueName, operation: Operation) -> Result<Self> {
        if name.as_str().starts_with("arn:") {
            return Self::find_arn(link, name.as_str(), operation).await;
        }
        let location = link.location.as_ref();
        let known = location.and_then(|location| location.queue_url_of(name));
        let account = link.config.account.clone();
        let account = account.or_else(|| location?.account.clone());
        let url = match known {
            Some(url) => url,
            None => find_url(link, name, account, operation).await?,
        };
        Self::of(link, name.clone(), &url).await
    }

    /// Finds the queue of an ARN.
    pub(crate) async fn find_arn(link: &Link, arn: &str, operation: Operation) -> Result<Self> {
        let location = Location::of_arn(arn)?;
        let name = subscription::queue_of(&location.source.entity)?;
        check_region(link, &name, location.region.as_deref()).await?;
        let url = find_url(link, &name, location.account, operation).await?;
        Self::of(link, name, &url).await
    }

    /// Reads the URL of a queue, as SQS lists it.
    pub(crate) fn of_url(url: &str) -> Option<Self> {
        let name = name_of_queue_url(url)?;
        Some(Self {
            is_fifo: is_fifo(name.as_str()),
            name,
            url: url.into(),
        })
    }

    /// Checks that a client of this region can sign for the queue.
    async fn of(link: &Link, name: QueueName, url: &str) -> Result<Self> {
        check_region(link, &name, region_of_queue_url(url).as_deref()).await?;
        Ok(Self {
            is_fifo: is_fifo(name.as_str()),
            name,
            url: url.into(),
        })
    }

    /// Reads all attributes.
    pub(crate) async fn attributes(&self, link: &Link, operation: Operation) -> Result<Attributes> {
        let request = link.client().await?.get_queue_attributes();
        let request = request.queue_url(&*self.url).attribute_names(Name::All);
        let answer = link
            .call(Call::Other, operation, Box::pin(request.send()))
            .await;
        let answer = answer.map_err(|error| self.at(error, operation))?;
        Ok(Attributes::read(answer.attributes.unwrap_or_default()))
    }

    /// Finds the dead-letter queue, where the redrive policy names one.
    pub(crate) async fn dead_letters(
        &self,
        link: &Link,
        operation: Operation,
    ) -> Result<Option<(Self, Dead)>> {
        let attributes = self.attributes(link, operation).await?;
        let Some(policy) = attributes.redrive else {
            return Ok(None);
        };
        let dead = Dead {
            attempts_max: policy.attempts_max(),
        };
        let queue = Self::find_arn(link, &policy.arn, operation).await?;
        Ok(Some((queue, dead)))
    }

    pub(crate) fn at(
        &self,
        error: relayhouse_core::Error,
        operation: Operation,
    ) -> relayhouse_core::Error {
        at(error, operation, self.name.as_str())
    }
}

/// Finds the dead-letter queues of `queues`, each once, however many of them it serves.
pub(crate) async fn dead_letters(
    link: &Link,
    queues: &[Queue],
    operation: Operation,
) -> Result<Vec<(Queue, Dead)>> {
    let finds = queues
        .iter()
        .map(|queue| queue.dead_letters(link, operation));
    let mut letters: Vec<(Queue, Dead)> = Vec::new();
    for found in try_join_all(finds).await?.into_iter().flatten() {
        if letters.iter().all(|(known, _)| known.url != found.0.url) {
            letters.push(found);
        }
    }
    Ok(letters)
}

async fn find_url(
    link: &Link,
    name: &QueueName,
    account: Option<String>,
    operation: Operation,
) -> Result<String> {
    let request = link.client().await?.get_queue_url();
    let request = request
        .queue_name(name.as_str())
        .set_queue_owner_aws_account_id(account);
    let answer = link
        .call(Call::Other, operation, Box::pin(request.send()))
        .await;
    let answer = answer.map_err(|error| match error.kind() {
        ErrorKind::QueueNotFound => error::not_found(name, operation),
        _ => at(error, operation, name.as_str()),
    })?;
    answer
        .queue_url
        .ok_or_else(|| error::not_found(name, operation))
}

async fn check_region(link: &Link, name: &QueueName, region: Option<&str>) -> Result<()> {
    let of_client = link.client().await?.config().region();
    match (of_client, region) {
        (Some(ours), Some(theirs)) if ours.as_ref() != theirs => {
            Err(error::other_region(theirs, ours.as_ref()).queue(name))
        }
        _ => Ok(()),
    }
}

impl Attributes {
    /// Returns the ARN of the dead-letter queue, where the redrive policy names one.
    pub(crate) fn dead_letters(&self) -> Option<&str> {
        Some(&self.redrive.as_ref()?.arn)
    }

    /// Returns how many messages there are, in any state.
    pub(crate) const fn messages(&self) -> u64 {
        self.ready + self.leased + self.delayed
    }

    fn read(mut attributes: HashMap<Name, String>) -> Self {
        let number = |name: &Name| -> Option<u64> { attributes.get(name)?.parse().ok() };
        let seconds = |name: &Name| number(name).map(Duration::from_secs);
        let count = |name: &Name| number(name).unwrap_or(0);
        let policy = attributes.get(&Name::RedrivePolicy);
        Self {
            lease: seconds(&Name::VisibilityTimeout),
            retention: seconds(&Name::MessageRetentionPeriod),
            bytes_max: number(&Name::MaximumMessageSize),
            redrive: policy.and_then(|policy| serde_json::from_str(policy).ok()),
            ready: count(&Name::ApproximateNumberOfMessages),
            leased: count(&Name::ApproximateNumberOfMessagesNotVisible),
            delayed: count(&Name::ApproximateNumberOfMessagesDelayed),
            #[cfg(feature = "sns")]
            policy: attributes.remove(&Name::Policy),
            arn: attributes.remove(&Name::QueueArn),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_read() {
        let policy = r#"{"deadLetterTargetArn":"arn:aws:sqs:r:1:dead","maxReceiveCount":"5"}"#;
        let text = [
            (Name::VisibilityTimeout, "30"),
            (Name::ApproximateNumberOfMessages, "7"),
            (Name::RedrivePolicy, policy),
            (Name::QueueArn, "arn:aws:sqs:r:1:orders"),
        ];
        let text = text.map(|(name, value)| (name, value.to_owned()));
        let attributes = Attributes::read(text.into_iter().collect());
        assert_eq!(attributes.lease, Some(Duration::from_secs(30)));
        assert_eq!(attributes.ready, 7);
        let redrive = attributes.redrive.unwrap();
        assert_eq!(redrive.arn, "arn:aws:sqs:r:1:dead");
        assert_eq!(redrive.attempts_max(), NonZeroU32::new(5));
        assert_eq!(attributes.arn.as_deref(), Some("arn:aws:sqs:r:1:orders"));
    }

    #[test]
    fn counts_may_be_numbers() {
        let policy = r#"{"deadLetterTargetArn":"a","maxReceiveCount":5}"#;
        let policy: RedrivePolicy = serde_json::from_str(policy).unwrap();
        assert_eq!(policy.attempts_max(), NonZeroU32::new(5));
    }
}
