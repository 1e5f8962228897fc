//! The attributes of a queue that can be set, with their bounds and defaults.

use std::time::Duration;

use super::dead::{Redrive, RedriveAllow};
use crate::api::{Code, Error, Result, queues::Texts};

/// The names of the attributes that can be set.
pub(crate) const NAMES: [&str; 15] = [
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "FifoThroughputLimit",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "Policy",
    "ReceiveMessageWaitTimeSeconds",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
];

/// What somebody set for a queue.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) delay: Duration,
    pub(crate) bytes_max: usize,
    pub(crate) retention: Duration,
    pub(crate) wait: Duration,
    pub(crate) visibility: Duration,
    pub(crate) policy: Option<String>,
    pub(crate) redrive: Option<Redrive>,
    pub(crate) redrive_allow: Option<RedriveAllow>,
    pub(crate) fifo: Option<Fifo>,
    key: Option<String>,
    key_reuse: Duration,
    is_encrypted: bool,
}

/// What only a FIFO queue has.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fifo {
    pub(crate) dedup_is_by_content: bool,
    pub(crate) dedup_is_by_group: bool,
    throughput_is_by_group: bool,
}

impl Settings {
    pub(crate) fn new(is_fifo: bool) -> Self {
        Self {
            delay: Duration::ZERO,
            bytes_max: 1_048_576,
            retention: Duration::from_secs(345_600),
            wait: Duration::ZERO,
            visibility: Duration::from_secs(30),
            policy: None,
            redrive: None,
            redrive_allow: None,
            fifo: is_fifo.then(Fifo::default),
            key: None,
            key_reuse: Duration::from_secs(300),
            is_encrypted: true,
        }
    }

    /// Sets the attributes of `texts`, all or none.
    pub(crate) fn with(&self, texts: &Texts) -> Result<Self> {
        let mut settings = self.clone();
        for (name, value) in texts {
            settings.set(name, value)?;
        }
        let throughput_needs_scope = settings
            .fifo
            .is_some_and(|fifo| fifo.throughput_is_by_group && !fifo.dedup_is_by_group);
        if throughput_needs_scope {
            return Err(bad_value("FifoThroughputLimit"));
        }
        settings.check_encryption(texts)?;
        Ok(settings)
    }

    /// Keeps one kind of encryption: what is asked for takes the place of the other kind.
    fn check_encryption(&mut self, texts: &Texts) -> Result<()> {
        let asks_key = texts.get("KmsMasterKeyId").is_some_and(|it| !it.is_empty());
        let asks_managed = texts
            .get("SqsManagedSseEnabled")
            .is_some_and(|it| it == "true");
        if asks_key && asks_managed {
            return Err(Error::new(
                Code::InvalidAttributeValue,
                "You can use one type of server-side encryption (SSE) at one time. You can either \
                 enable KMS SSE or SQS SSE.",
            ));
        }
        if asks_managed {
            self.key = None;
        }
        Ok(())
    }

    fn set(&mut self, name: &str, value: &str) -> Result<()> {
        match name {
            "DelaySeconds" => self.delay = seconds(name, value, 0, 900)?,
            "MaximumMessageSize" => {
                let bytes = number(name, value, 1024, 1_048_576)?;
                self.bytes_max = usize::try_from(bytes).map_err(|_| bad_value(name))?;
            }
            "MessageRetentionPeriod" => self.retention = seconds(name, value, 60, 1_209_600)?,
            "ReceiveMessageWaitTimeSeconds" => self.wait = seconds(name, value, 0, 20)?,
            "VisibilityTimeout" => self.visibility = seconds(name, value, 0, 43_200)?,
            "Policy" => self.policy = json(name, value)?,
            "RedrivePolicy" => self.redrive = Redrive::parse(value)?,
            "RedriveAllowPolicy" => self.redrive_allow = RedriveAllow::parse(value)?,
            "KmsMasterKeyId" => {
                self.key = Some(value.to_owned()).filter(|value| !value.is_empty());
                self.is_encrypted &= self.key.is_none();
            }
            "KmsDataKeyReusePeriodSeconds" => self.key_reuse = seconds(name, value, 60, 86_400)?,
            "SqsManagedSseEnabled" => self.is_encrypted = boolean(name, value)?,
            // What a queue is shows in its name, and never changes.
            "FifoQueue" if self.fifo.is_some() && value == "true" => {}
            "FifoQueue" => return Err(unknown_name(name)),
            _ => {
                let fifo = self.fifo.as_mut().ok_or_else(|| unknown_name(name))?;
                fifo.set(name, value)?;
            }
        }
        Ok(())
    }

    /// Returns the value of one attribute; the outer `None` is for a name that there is not.
    pub(crate) fn get(&self, name: &str) -> Option<Option<String>> {
        let text = |duration: Duration| Some(duration.as_secs().to_string());
        let value = match name {
            "DelaySeconds" => text(self.delay),
            "MaximumMessageSize" => Some(self.bytes_max.to_string()),
            "MessageRetentionPeriod" => text(self.retention),
            "ReceiveMessageWaitTimeSeconds" => text(self.wait),
            "VisibilityTimeout" => text(self.visibility),
            "Policy" => self.policy.clone(),
            "RedrivePolicy" => self.redrive.as_ref().map(Redrive::to_json),
            "RedriveAllowPolicy" => self.redrive_allow.as_ref().map(RedriveAllow::to_json),
            "KmsMasterKeyId" => self.key.clone(),
            "KmsDataKeyReusePeriodSeconds" => self.key.as_ref().and(text(self.key_reuse)),
            "SqsManagedSseEnabled" => Some(self.is_encrypted.to_string()),
            _ if NAMES.contains(&name) => self.fifo.and_then(|fifo| fifo.get(name)),
            _ => return None,
        };
        Some(value)
    }
}

impl Fifo {
    fn set(&mut self, name: &str, value: &str) -> Result<()> {
        let field = match name {
            "ContentBasedDeduplication" => {
                self.dedup_is_by_content = boolean(name, value)?;
                return Ok(());
            }
            "DeduplicationScope" => &mut self.dedup_is_by_group,
            "FifoThroughputLimit" => &mut self.throughput_is_by_group,
            _ => return Err(unknown_name(name)),
        };
        *field = match value {
            "messageGroup" if name == "DeduplicationScope" => true,
            "perMessageGroupId" if name == "FifoThroughputLimit" => true,
            "queue" if name == "DeduplicationScope" => false,
            "perQueue" if name == "FifoThroughputLimit" => false,
            _ => return Err(bad_value(name)),
        };
        Ok(())
    }

    fn get(self, name: &str) -> Option<String> {
        let value = match name {
            "FifoQueue" => "true",
            "ContentBasedDeduplication" if self.dedup_is_by_content => "true",
            "ContentBasedDeduplication" => "false",
            "DeduplicationScope" if self.dedup_is_by_group => "messageGroup",
            "DeduplicationScope" => "queue",
            "FifoThroughputLimit" if self.throughput_is_by_group => "perMessageGroupId",
            "FifoThroughputLimit" => "perQueue",
            _ => return None,
        };
        Some(value.to_owned())
    }
}

fn number(name: &str, value: &str, min: u64, max: u64) -> Result<u64> {
    let number = value.parse::<u64>().map_err(|_| bad_value(name))?;
    let is_within = min <= number && number <= max;
    is_within.then_some(number).ok_or_else(|| bad_value(name))
}

fn seconds(name: &str, value: &str, min: u64, max: u64) -> Result<Duration> {
    number(name, value, min, max).map(Duration::from_secs)
}

fn boolean(name: &str, value: &str) -> Result<bool> {
    value.parse().map_err(|_| bad_value(name))
}

/// Takes JSON as it is; an empty value takes the attribute away.
fn json(name: &str, value: &str) -> Result<Option<String>> {
    if value.is_empty() {
        return Ok(None);
    }
    match serde_json::from_str::<serde_json::Value>(value) {
        Ok(serde_json::Value::Object(_)) => Ok(Some(value.to_owned())),
        _ => Err(bad_value(name)),
    }
}

pub(crate) fn bad_value(name: &str) -> Error {
    let message = format!("Invalid value for the parameter {name}.");
    Error::new(Code::InvalidAttributeValue, message)
}

pub(crate) fn unknown_name(name: &str) -> Error {
    Error::new(
        Code::InvalidAttributeName,
        format!("Unknown Attribute {name}."),
    )
}
