//! Binary mode: attributes as headers.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use relayhouse_core::{Headers, Message, Result, Text};

use super::{
    attributes::{Attributes, for_each, wrong},
    event::{CloudEvent, ExtensionValue},
};

/// Says how attributes are written as headers.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeaderStyle {
    /// `ce-`, with values percent-encoded: NATS, Pub/Sub, HTTP.
    #[default]
    Dash,
    /// `ce_`, with values as they are: Kafka.
    Underscore,
    /// `cloudEvents_`, with values as they are: AMQP 1.0, and so Service Bus and RabbitMQ.
    Amqp,
}

/// The beginnings that are read, of which AMQP has two.
const STYLES: [(&str, HeaderStyle); 4] = [
    ("ce-", HeaderStyle::Dash),
    ("ce_", HeaderStyle::Underscore),
    ("cloudEvents_", HeaderStyle::Amqp),
    ("cloudEvents:", HeaderStyle::Amqp),
];

/// What a value is written without: what is not printable ASCII, the space, `"` and `%`.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

impl HeaderStyle {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Dash => "ce-",
            Self::Underscore => "ce_",
            Self::Amqp => "cloudEvents_",
        }
    }

    fn encode(self, value: String) -> Text {
        match self {
            Self::Dash => utf8_percent_encode(&value, ENCODED).to_string().into(),
            Self::Underscore | Self::Amqp => value.into(),
        }
    }

    fn decode(self, value: &str) -> Option<Cow<'_, str>> {
        match (self, quoted(value)) {
            (Self::Dash, Some(value)) => {
                let value = percent_decode_str(&value).decode_utf8().ok()?;
                Some(value.into_owned().into())
            }
            (Self::Dash, None) => percent_decode_str(value).decode_utf8().ok(),
            (Self::Underscore | Self::Amqp, _) => Some(value.into()),
        }
    }
}

/// Takes the quotes of RFC 7230 off, which producers of older versions have put around values with
/// spaces.
fn quoted(value: &str) -> Option<String> {
    let inner = value.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        text.extend(match character {
            '\\' => characters.next(),
            plain => Some(plain),
        });
    }
    Some(text)
}

/// Writes the attributes of `event` on `message`.
pub(super) fn write<T>(
    style: HeaderStyle,
    event: &CloudEvent<T>,
    mut message: Message,
) -> Result<Message> {
    for_each(event, |name, value| {
        let key = format!("{}{name}", style.prefix());
        let value = style.encode(value.to_string());
        message.details_mut().headers.set(key, value);
        Ok(())
    })?;
    Ok(message)
}

/// Reads the attributes of an event from the headers of a message.
pub(super) fn read(headers: &Headers) -> Result<Attributes> {
    let mut attributes = Attributes::default();
    let has_version = |prefix: &str| headers.get(&format!("{prefix}specversion")).is_some();
    let style = STYLES.into_iter().find(|(prefix, _)| has_version(prefix));
    let Some((prefix, style)) = style else {
        return Err(wrong("specversion", "is missing"));
    };
    for (key, value) in headers.iter() {
        let Some(name) = key.strip_prefix(prefix) else {
            continue;
        };
        let text = value.as_text().and_then(|text| style.decode(text));
        let text = text.ok_or_else(|| wrong(name, "is not text"))?;
        attributes.set(name, ExtensionValue::Text(text.into_owned().into()))?;
    }
    Ok(attributes)
}
