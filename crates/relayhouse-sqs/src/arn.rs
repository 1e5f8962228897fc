//! The ARN of a topic.

use std::sync::Arc;

use relayhouse_core::{QueueName, Result};

use crate::{error, location::check_name_of};

/// The longest name of a topic, its suffix included.
const NAME_BYTES_MAX: usize = 256;

/// Is the ARN of a topic, and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TopicArn {
    pub(crate) text: Arc<str>,
    pub(crate) region: String,
    pub(crate) account: String,
    pub(crate) name: QueueName,
}

impl TopicArn {
    /// Reads `arn:aws:sns:REGION:ACCOUNT:NAME`.
    pub(crate) fn read(text: &str) -> Result<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let ["arn", _, "sns", region, account, name] = parts[..] else {
            return Err(error::invalid(
                "ARN is not one of a topic, expected arn:aws:sns:region:account:topic",
            ));
        };
        check_name(name)?;
        Ok(Self {
            text: text.into(),
            region: region.to_owned(),
            account: account.to_owned(),
            name: name.parse()?,
        })
    }

    /// Returns true if `name` is the name of the topic, or its ARN.
    pub(crate) fn is_named(&self, name: &QueueName) -> bool {
        *name == self.name || name.as_str() == &*self.text
    }
}

/// Returns true for what starts as the ARN of a topic does.
pub(crate) fn is_of_topic(text: &str) -> bool {
    text.starts_with("arn:") && text.split(':').nth(2) == Some("sns")
}

/// Returns the name of `topic`, which is named by itself or by its ARN.
pub(crate) fn name_of(topic: &QueueName) -> Result<QueueName> {
    if is_of_topic(topic.as_str()) {
        return TopicArn::read(topic.as_str()).map(|arn| arn.name);
    }
    check_name(topic.as_str())?;
    Ok(topic.clone())
}

/// Checks the rules of SNS for the name of a topic.
fn check_name(name: &str) -> Result<()> {
    check_name_of("topic", name, NAME_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arn_says_where_a_topic_is() {
        let arn = TopicArn::read("arn:aws:sns:eu-west-1:123456789012:events.fifo").unwrap();
        assert_eq!(arn.region, "eu-west-1");
        assert_eq!(arn.account, "123456789012");
        assert_eq!(arn.name.as_str(), "events.fifo");
        assert!(is_of_topic(&arn.text));
    }

    #[test]
    fn anything_else_is_refused() {
        for wrong in [
            "arn:aws:sqs:eu-west-1:123456789012:events",
            "arn:aws:sns:eu-west-1:123456789012:events:7f2b",
            "arn:aws:sns:eu-west-1:123456789012:ev.ents",
            "arn:aws:sns:eu-west-1:123456789012:",
            "events",
        ] {
            assert!(TopicArn::read(wrong).is_err(), "{wrong}");
        }
        assert!(!is_of_topic("arn:aws:sqs:eu-west-1:123456789012:events"));
        assert!(check_name(&"t".repeat(257)).is_err());
    }
}
