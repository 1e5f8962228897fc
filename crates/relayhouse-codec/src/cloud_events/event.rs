//! The event: its attributes, and its data.

use std::{
    collections::BTreeMap,
    fmt::{self, Display},
};

use relayhouse_core::{Delivery, FromDelivery, IntoMessage, Message, Result, Text, Timestamp};
use serde::{Serialize, de::DeserializeOwned};

use super::codec::CloudEventsCodec;
use crate::body::{from_message, to_message};

/// Is an event with data of type `T`.
///
/// As an argument of a handler it takes events in both modes, with data in JSON; as a value to
/// send it goes in structured mode. [`CloudEventsCodec`] does it otherwise.
///
/// ```
/// use relayhouse_codec::cloud_events::CloudEvent;
/// use relayhouse_core::IntoMessage;
///
/// let event = CloudEvent::new("7", "/orders", "com.example.order.paid")
///     .subject("order-7")
///     .data([1999]);
/// let message = event.into_message()?;
/// assert_eq!(
///     message.body,
///     "{\"specversion\":\"1.0\",\"id\":\"7\",\"source\":\"/orders\",\
///      \"type\":\"com.example.order.paid\",\"subject\":\"order-7\",\
///      \"datacontenttype\":\"application/json\",\"data\":[1999]}"
/// );
/// # Ok::<(), relayhouse_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudEvent<T> {
    /// The id, which is unique within the source.
    pub id: Text,
    /// The context in which it happened: a URI, which may be relative.
    pub source: Text,
    /// What kind of event it is, the attribute `type`: a name that begins with a reversed domain.
    pub kind: Text,
    /// What it happened to, within the source.
    pub subject: Option<Text>,
    /// When it happened: RFC 3339, with any offset.
    pub time: Option<Text>,
    /// The schema that the data adheres to, the attribute `dataschema`: a URI.
    pub data_schema: Option<Text>,
    /// All other attributes.
    pub extensions: BTreeMap<Text, ExtensionValue>,
    /// The data, if the event has any.
    pub data: Option<T>,
}

/// Is the value of an attribute that the specification does not name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExtensionValue {
    /// A string; bytes, URIs and times are strings as well.
    Text(Text),
    /// A boolean.
    Boolean(bool),
    /// An integer.
    Integer(i32),
}

impl<T> CloudEvent<T> {
    /// Makes an event of the attributes that every event has, without data.
    #[must_use]
    pub fn new(id: impl Into<Text>, source: impl Into<Text>, kind: impl Into<Text>) -> Self {
        Self {
            id: id.into(),
            source: source.into(),
            kind: kind.into(),
            subject: None,
            time: None,
            data_schema: None,
            extensions: BTreeMap::new(),
            data: None,
        }
    }

    /// Sets what it happened to.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<Text>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Sets when it happened.
    #[must_use]
    pub fn time(mut self, time: Timestamp) -> Self {
        self.time = Some(time.to_string().into());
        self
    }

    /// Sets the schema that the data adheres to.
    #[must_use]
    pub fn data_schema(mut self, uri: impl Into<Text>) -> Self {
        self.data_schema = Some(uri.into());
        self
    }

    /// Sets another attribute.
    #[must_use]
    pub fn extension(mut self, name: impl Into<Text>, value: impl Into<ExtensionValue>) -> Self {
        self.extensions.insert(name.into(), value.into());
        self
    }

    /// Sets the data.
    #[must_use]
    pub fn data(mut self, data: T) -> Self {
        self.data = Some(data);
        self
    }
}

macro_rules! from {
    ($($from:ty => $variant:ident;)*) => {$(
        impl From<$from> for ExtensionValue {
            fn from(value: $from) -> Self {
                Self::$variant(value.into())
            }
        }
    )*};
}

from! {
    &'static str => Text;
    String => Text;
    Text => Text;
    bool => Boolean;
    i32 => Integer;
}

impl Display for ExtensionValue {
    /// Prints the canonical string of the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => Display::fmt(text, f),
            Self::Boolean(value) => Display::fmt(value, f),
            Self::Integer(value) => Display::fmt(value, f),
        }
    }
}

impl<T: DeserializeOwned, S> FromDelivery<S> for CloudEvent<T> {
    fn from_delivery(delivery: &Delivery, _: &S) -> Result<Self> {
        from_message(&CloudEventsCodec::structured(), &delivery.message)
    }
}

impl<T: Serialize> IntoMessage for CloudEvent<T> {
    fn into_message(self) -> Result<Message> {
        to_message(&CloudEventsCodec::structured(), &self)
    }
}
