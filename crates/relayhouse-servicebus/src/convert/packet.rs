//! A message as it is sent, before it is encoded.

use std::borrow::Cow;

use bytes::Bytes;
use fe2o3_amqp_types::{
    messaging::{
        ApplicationProperties, Batch, Body, Data, Header, Message as AmqpMessage,
        MessageAnnotations, MessageId as AmqpId, Priority as AmqpPriority, Properties,
        annotations::OwnedKey,
    },
    primitives::{OrderedMap, SimpleValue, Symbol, Timestamp as AmqpTimestamp, Value},
};
use relayhouse_core::{HeaderValue, Headers, Text};
use serde_amqp::primitives::Binary;

use super::names;

/// Is a message as it is sent. Times are in milliseconds since 1970.
#[derive(Clone, Debug)]
pub(crate) struct Packet {
    pub(crate) message_id: String,
    pub(crate) correlation_id: Option<Text>,
    pub(crate) reply_to: Option<Text>,
    /// ASCII, as a symbol is.
    pub(crate) content_type: Option<Text>,
    /// The session, or the key by which messages are kept in order.
    pub(crate) group_id: Option<Text>,
    pub(crate) level: u8,
    /// The time to live in milliseconds.
    pub(crate) ttl: Option<u32>,
    pub(crate) creation_time: Option<i64>,
    pub(crate) expiry_time: Option<i64>,
    /// Until when the broker is to hold it back.
    pub(crate) scheduled_time: Option<i64>,
    pub(crate) headers: Headers,
    /// The application properties beside the headers, each name once.
    pub(crate) more: Vec<(&'static str, Property)>,
    pub(crate) body: Bytes,
}

/// Is the value of an application property.
#[derive(Clone, Debug)]
pub(crate) enum Property {
    Text(Text),
    Ubyte(u8),
    Uint(u32),
    Long(i64),
}

impl Packet {
    /// Returns true if the broker is to hold it back.
    pub(crate) const fn is_scheduled(&self) -> bool {
        self.scheduled_time.is_some()
    }

    /// Returns the key that all messages of one batch have in common.
    pub(crate) fn key(&self) -> Option<&str> {
        self.group_id.as_deref()
    }

    /// Returns it as the client library sends it by itself.
    pub(crate) fn into_message(self) -> AmqpMessage<Body<Value>> {
        let annotations = self.scheduled_time.map(|time| {
            let time = Value::Timestamp(AmqpTimestamp::from(time));
            let annotations = [(OwnedKey::from(names::SCHEDULED_TIME), time)];
            MessageAnnotations(annotations.into_iter().collect())
        });
        let text = |text: Text| text.as_str().to_owned();
        let headers = self.headers.iter();
        let headers = headers.map(|(key, value)| (key_of(key).into_owned(), value_of(value)));
        let more = self.more.into_iter();
        let more = more.map(|(name, value)| (name.to_owned(), value.into()));
        let more = more.chain(headers).collect::<OrderedMap<_, _>>();
        AmqpMessage {
            header: Some(Header {
                durable: true,
                priority: AmqpPriority(self.level),
                ttl: self.ttl,
                first_acquirer: false,
                delivery_count: 0,
            }),
            delivery_annotations: None,
            message_annotations: annotations,
            properties: Some(Properties {
                message_id: Some(AmqpId::String(self.message_id)),
                correlation_id: self.correlation_id.map(text).map(AmqpId::String),
                reply_to: self.reply_to.map(text),
                content_type: self.content_type.map(text).map(Symbol),
                group_id: self.group_id.map(text),
                absolute_expiry_time: self.expiry_time.map(AmqpTimestamp::from),
                creation_time: self.creation_time.map(AmqpTimestamp::from),
                ..Properties::default()
            }),
            application_properties: (!more.is_empty()).then_some(ApplicationProperties(more)),
            body: Body::Data(Batch::new(vec![Data(Binary::from(self.body.to_vec()))])),
            footer: None,
        }
    }
}

impl From<Property> for SimpleValue {
    fn from(property: Property) -> Self {
        match property {
            Property::Text(text) => Self::String(text.as_str().to_owned()),
            Property::Ubyte(number) => Self::Ubyte(number),
            Property::Uint(number) => Self::Uint(number),
            Property::Long(number) => Self::Long(number),
        }
    }
}

/// Returns the key of a header as a property has it: one that starts as ours do gets a prefix.
pub(super) fn key_of(key: &str) -> Cow<'_, str> {
    if key.starts_with(names::OURS) {
        format!("{}{key}", names::HEADER).into()
    } else {
        key.into()
    }
}

/// Turns the value of a header into that of a property.
pub(crate) fn value_of(value: &HeaderValue) -> SimpleValue {
    match value {
        HeaderValue::Text(text) => SimpleValue::String(text.as_str().to_owned()),
        other => SimpleValue::Binary(Binary::from(other.as_bytes().to_vec())),
    }
}
