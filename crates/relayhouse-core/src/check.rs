//! What every adapter checks of a message before it leaves.

use std::time::Duration;

use crate::{
    capability::Capabilities,
    error::{Error, ErrorKind, Result},
    message::{Details, Message},
    name::SESSION_ID_BYTES_MAX,
    text::Text,
    time::Timestamp,
};

/// The longest content type, correlation id, dedup id or reply-to, in bytes.
pub const DETAIL_BYTES_MAX: usize = 256;

impl Message {
    /// Checks the message against the rules of headers and the limits of a provider.
    ///
    /// `now` is the wall-clock time from which a scheduled time is measured. An adapter calls
    /// this for each message of a send, and fails the item alone that breaks a rule.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::MessageTooLarge`], [`ErrorKind::MessageInvalid`] or
    /// [`ErrorKind::Unsupported`], which name the rule, the value and the limit.
    pub fn check(&self, capabilities: &Capabilities, now: Timestamp) -> Result<()> {
        let size = self.size();
        if let Some(max) = capabilities
            .message_bytes_max
            .filter(|max| max.get() < size)
        {
            return Err(Error::new(
                ErrorKind::MessageTooLarge,
                format!("message has {size} bytes, at most {max} are allowed"),
            ));
        }
        if self.is_plain() {
            return Ok(());
        }
        check_details(self.details(), capabilities, now)
    }
}

fn check_details(details: &Details, capabilities: &Capabilities, now: Timestamp) -> Result<()> {
    let Details {
        headers,
        content_type,
        ordering_key,
        dedup_id,
        not_before,
        ttl,
        priority: _,
        correlation_id,
        reply_to,
    } = details;
    headers.check()?;
    let count = headers.len() as u64;
    if let Some(max) = capabilities
        .header_count_max
        .filter(|max| u64::from(max.get()) < count)
    {
        let rule = format!("{count} headers, at most {max} are allowed");
        return Err(Error::new(ErrorKind::MessageInvalid, rule));
    }
    check_text("content type", content_type.as_ref(), DETAIL_BYTES_MAX)?;
    check_text("ordering key", ordering_key.as_ref(), SESSION_ID_BYTES_MAX)?;
    check_text("dedup id", dedup_id.as_ref(), DETAIL_BYTES_MAX)?;
    check_text("correlation id", correlation_id.as_ref(), DETAIL_BYTES_MAX)?;
    check_text("reply-to", reply_to.as_ref(), DETAIL_BYTES_MAX)?;
    let delay = not_before.map_or(Duration::ZERO, |time| time.delay(now));
    if !delay.is_zero() {
        require(capabilities.schedule.is_supported(), "a delay")?;
    }
    if let Some(max) = capabilities.schedule_max.filter(|max| *max < delay) {
        let rule = format!("delay of {delay:?} is too long, at most {max:?} is allowed");
        return Err(Error::new(ErrorKind::MessageInvalid, rule));
    }
    require(
        ttl.is_none() || capabilities.ttl.is_supported(),
        "a time to live",
    )
}

fn check_text(what: &str, text: Option<&Text>, max: usize) -> Result<()> {
    let Some(text) = text else {
        return Ok(());
    };
    let rule = if text.is_empty() {
        "is empty".to_owned()
    } else if max < text.len() {
        format!("has {} bytes, at most {max} are allowed", text.len())
    } else if crate::header::has_control(text) {
        "has a control character".to_owned()
    } else {
        return Ok(());
    };
    Err(Error::new(
        ErrorKind::MessageInvalid,
        format!("{what} {rule}"),
    ))
}

fn require(is_supported: bool, what: &str) -> Result<()> {
    if is_supported {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Unsupported,
        format!("message has {what}, which this queue does not support"),
    ))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use super::*;
    use crate::capability::Support;

    const LIMITED: Capabilities = Capabilities {
        schedule: Support::Native,
        schedule_max: Some(Duration::from_secs(900)),
        message_bytes_max: NonZeroU64::new(8),
        ..Capabilities::NONE
    };

    fn kind(message: &Message) -> Option<ErrorKind> {
        message
            .check(&LIMITED, Timestamp::default())
            .err()
            .map(|error| error.kind())
    }

    #[test]
    fn each_rule_has_its_error() {
        assert_eq!(kind(&Message::new("12345678")), None);
        assert_eq!(
            kind(&Message::new("123456789")),
            Some(ErrorKind::MessageTooLarge)
        );
        let plain = || Message::new("x");
        assert_eq!(kind(&plain().delay(Duration::from_secs(900))), None);
        let invalid = Some(ErrorKind::MessageInvalid);
        assert_eq!(kind(&plain().delay(Duration::from_secs(901))), invalid);
        assert_eq!(kind(&plain().header("a b", "v")), invalid);
        assert_eq!(kind(&plain().ordering_key("")), invalid);
        assert_eq!(kind(&plain().dedup_id("a\nb")), invalid);
        assert_eq!(kind(&plain().ordering_key("k".repeat(129))), invalid);
        let unsupported = Some(ErrorKind::Unsupported);
        assert_eq!(kind(&plain().ttl(Duration::from_secs(1))), unsupported);
    }
}
