//! Topics of SNS: found by name or ARN, published to, and administered.

mod admin;
mod policy;
mod publish;

use std::sync::Arc;

use relayhouse_core::{Error, Operation, QueueName, Result};

pub(crate) use self::admin::{create, delete, delete_topic, list};
use crate::{
    arn::{self, TopicArn},
    error,
    link::{Link, at},
    location::is_fifo,
};

/// The most pages of topics that a name is looked for in: SNS allows 100,000 topics, 100 on a page.
const PAGES_MAX: usize = 1000;

/// Is one topic of SNS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Topic {
    name: QueueName,
    arn: Arc<str>,
    is_fifo: bool,
}

impl Topic {
    fn of(arn: TopicArn) -> Self {
        Self {
            is_fifo: is_fifo(arn.name.as_str()),
            name: arn.name,
            arn: arn.text,
        }
    }

    /// Returns the topic `name` if it is the one of the URL, or an ARN; without a look at SNS.
    pub(crate) async fn named(link: &Link, name: &QueueName) -> Result<Option<Self>> {
        let of_location = link.location.as_ref().and_then(|it| it.topic.as_ref());
        let arn = match of_location.filter(|it| it.is_named(name)) {
            Some(arn) => arn.clone(),
            None if arn::is_of_topic(name.as_str()) => TopicArn::read(name.as_str())?,
            None => return Ok(None),
        };
        check_region(link, &arn).await?;
        Ok(Some(Self::of(arn)))
    }

    /// Finds the topic `name`, of the account that the configuration names, or of any whose topics
    /// are listed.
    pub(crate) async fn find(
        link: &Link,
        name: &QueueName,
        operation: Operation,
    ) -> Result<Option<Self>> {
        if let Some(topic) = Self::named(link, name).await? {
            return Ok(Some(topic));
        }
        let mut next = None;
        for _ in 0..PAGES_MAX {
            let request = link.sns().await?.list_topics().set_next_token(next);
            let page = link.call_sns(operation, Box::pin(request.send())).await;
            let page = page.map_err(|error| at(error, operation, name.as_str()))?;
            let arns = page.topics().iter().filter_map(|it| it.topic_arn());
            let mut arns = arns.filter_map(|arn| TopicArn::read(arn).ok());
            if let Some(arn) = arns.find(|arn| arn.name == *name && is_of_account(link, arn)) {
                return Ok(Some(Self::of(arn)));
            }
            next = page.next_token;
            if next.is_none() {
                break;
            }
        }
        Ok(None)
    }

    /// Finds the topic `name`, or fails.
    async fn expect(link: &Link, name: &QueueName) -> Result<Self> {
        let found = Self::find(link, name, Operation::Admin).await?;
        found.ok_or_else(|| error::not_found(name, Operation::Admin))
    }

    fn at(&self, error: Error, operation: Operation) -> Error {
        at(error, operation, self.name.as_str())
    }
}

fn is_of_account(link: &Link, arn: &TopicArn) -> bool {
    let account = link.config.account.as_ref();
    account.is_none_or(|account| *account == arn.account)
}

async fn check_region(link: &Link, arn: &TopicArn) -> Result<()> {
    let ours = link.sns().await?.config().region();
    match ours {
        Some(ours) if ours.as_ref() != arn.region => {
            Err(error::other_region(&arn.region, ours.as_ref()).queue(&arn.name))
        }
        _ => Ok(()),
    }
}
