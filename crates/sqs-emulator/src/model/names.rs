//! The names of queues: in URLs, in ARNs and by themselves.

use std::fmt;

use crate::api::{Code, Error, Result};

const NAME_LENGTH_MAX: usize = 80;
const FIFO_SUFFIX: &str = ".fifo";

/// A queue's place in the world: its account and its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct QueueKey {
    pub(crate) account: String,
    pub(crate) name: String,
}

impl QueueKey {
    pub(crate) fn new(account: &str, name: &str) -> Self {
        Self {
            account: account.to_owned(),
            name: name.to_owned(),
        }
    }

    /// Reads a queue's URL: its last two segments are the account and the name.
    ///
    /// The host is not looked at: a client may reach the emulator by another name.
    pub(crate) fn of_url(url: &str) -> Result<Self> {
        if url.is_empty() {
            return Err(Error::missing("QueueUrl"));
        }
        let mut segments = url.rsplit('/');
        match (segments.next(), segments.next()) {
            (Some(name), Some(account)) if !name.is_empty() && !account.is_empty() => {
                Ok(Self::new(account, name))
            }
            _ => {
                let message = format!("The address {url} is not valid for this endpoint.");
                Err(Error::new(Code::InvalidAddress, message))
            }
        }
    }

    /// Reads a queue's ARN, for example `arn:aws:sqs:us-east-1:000000000000:orders`.
    pub(crate) fn of_arn(arn: &str) -> Option<Self> {
        let parts = arn.split(':').collect::<Vec<_>>();
        match parts.as_slice() {
            ["arn", _, "sqs", _, account, name] => Some(Self::new(account, name)),
            _ => None,
        }
    }

    pub(crate) fn is_fifo(&self) -> bool {
        self.name.ends_with(FIFO_SUFFIX)
    }
}

impl fmt::Display for QueueKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account, self.name)
    }
}

/// Checks the name of a queue that is to be made.
pub(crate) fn check_name(name: &str, is_fifo: bool) -> Result<()> {
    if name.is_empty() {
        return Err(Error::missing("QueueName"));
    }
    let stem = if is_fifo {
        name.strip_suffix(FIFO_SUFFIX)
    } else {
        Some(name)
    };
    let is_valid = stem.is_some_and(is_word) && name.len() <= NAME_LENGTH_MAX;
    if is_valid {
        return Ok(());
    }
    let reason = if is_fifo {
        "The name of a FIFO queue can only include alphanumeric characters, hyphens, or \
         underscores, must end with .fifo suffix and be 1 to 80 in length."
    } else {
        "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
    };
    Err(Error::new(Code::InvalidParameterValue, reason))
}

/// Whether text is made of letters, digits, hyphens and underscores, and of one at least.
pub(crate) fn is_word(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !text.is_empty() && text.bytes().all(is_part)
}
