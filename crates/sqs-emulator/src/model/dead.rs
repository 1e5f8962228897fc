//! Dead letters: where messages go that were received too often, and who may send them there.

use serde_json::{Value, json};

use super::{Model, names::QueueKey, settings::Settings};
use crate::api::{Code, Error, Result};

const RECEIVES_MAX: u64 = 1_000;
const SOURCES_MAX: usize = 10;

/// Where dead messages go, and when a message is dead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Redrive {
    target_arn: String,
    pub(crate) target: QueueKey,
    /// A message that was received this often is not handed out again.
    pub(crate) receives_max: u64,
}

impl Redrive {
    /// Reads a policy; an empty one takes it away.
    pub(crate) fn parse(text: &str) -> Result<Option<Self>> {
        if text.is_empty() {
            return Ok(None);
        }
        let invalid = |reason: &str| Error::invalid("RedrivePolicy", text, reason);
        let policy = serde_json::from_str::<Value>(text)
            .map_err(|_| invalid("Redrive policy is not a valid JSON map."))?;
        let arn = policy["deadLetterTargetArn"].as_str();
        let target = arn.and_then(QueueKey::of_arn);
        let (Some(arn), Some(target)) = (arn, target) else {
            return Err(invalid("Invalid value for deadLetterTargetArn."));
        };
        let count = match &policy["maxReceiveCount"] {
            Value::String(text) => text.parse().ok(),
            other => other.as_u64(),
        };
        let Some(receives_max) = count.filter(|count| (1..=RECEIVES_MAX).contains(count)) else {
            return Err(invalid(
                "Invalid value for maxReceiveCount: 1 to 1000 are possible.",
            ));
        };
        Ok(Some(Self {
            target_arn: arn.to_owned(),
            target,
            receives_max,
        }))
    }

    pub(crate) fn to_json(&self) -> String {
        let arn = &self.target_arn;
        json!({"deadLetterTargetArn": arn, "maxReceiveCount": self.receives_max}).to_string()
    }
}

/// Which queues may name a queue as the target of their dead messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RedriveAllow {
    All,
    None,
    Only(Vec<String>),
}

impl RedriveAllow {
    /// Reads a policy; an empty one takes it away.
    pub(crate) fn parse(text: &str) -> Result<Option<Self>> {
        if text.is_empty() {
            return Ok(None);
        }
        let invalid = || {
            let reason = "Amazon SQS can't create the redrive allow policy.";
            Error::invalid("RedriveAllowPolicy", text, reason)
        };
        let policy = serde_json::from_str::<Value>(text).map_err(|_| invalid())?;
        let arns = policy["sourceQueueArns"].as_array();
        let policy = match (policy["redrivePermission"].as_str(), arns) {
            (Some("allowAll"), None) => Self::All,
            (Some("denyAll"), None) => Self::None,
            (Some("byQueue"), Some(arns)) if (1..=SOURCES_MAX).contains(&arns.len()) => {
                let arns = arns.iter().map(|arn| arn.as_str().map(str::to_owned));
                Self::Only(arns.collect::<Option<_>>().ok_or_else(invalid)?)
            }
            _ => return Err(invalid()),
        };
        Ok(Some(policy))
    }

    pub(crate) fn to_json(&self) -> String {
        let policy = match self {
            Self::All => json!({"redrivePermission": "allowAll"}),
            Self::None => json!({"redrivePermission": "denyAll"}),
            Self::Only(arns) => json!({"redrivePermission": "byQueue", "sourceQueueArns": arns}),
        };
        policy.to_string()
    }

    fn allows(&self, arn: &str) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Only(arns) => arns.iter().any(|it| it == arn),
        }
    }
}

impl Model {
    /// Checks that the target of dead messages is there, of the same kind, and lets them in.
    pub(super) fn check_redrive(&self, key: &QueueKey, settings: &Settings) -> Result<()> {
        let Some(redrive) = &settings.redrive else {
            return Ok(());
        };
        let invalid = |reason| Error::invalid("RedrivePolicy", redrive.to_json(), reason);
        let target = self.find(&redrive.target_arn);
        let Some(target) = target.and_then(|target| self.queues.get(&target)) else {
            return Err(invalid("Dead letter target does not exist."));
        };
        if redrive.target.account != key.account {
            return Err(invalid(
                "Dead letter target owner should be same as the source.",
            ));
        }
        if redrive.target.is_fifo() != key.is_fifo() {
            return Err(invalid(
                "Dead-letter queue must be same type of queue as the source.",
            ));
        }
        let allow = target.settings.redrive_allow.as_ref();
        if allow.is_some_and(|allow| !allow.allows(&self.arn(key))) {
            return Err(invalid(
                "The dead-letter queue does not allow this queue as a source.",
            ));
        }
        Ok(())
    }

    /// Returns the queues whose dead messages go to `target`, sorted.
    pub(super) fn sources_of(&self, target: &QueueKey) -> Vec<QueueKey> {
        let sources = self.queues.iter().filter(|(_, queue)| {
            let redrive = queue.settings.redrive.as_ref();
            redrive.is_some_and(|redrive| redrive.target == *target)
        });
        sources.map(|(key, _)| key.clone()).collect()
    }

    /// Checks that a queue is the target of some other, as only then it holds dead messages.
    pub(super) fn check_is_target(&self, key: &QueueKey) -> Result<()> {
        if self.sources_of(key).is_empty() {
            return Err(Error::new(
                Code::InvalidParameterValue,
                "Source queue must be configured as a Dead Letter Queue.",
            ));
        }
        Ok(())
    }
}
