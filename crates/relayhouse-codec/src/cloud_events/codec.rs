//! The codec: one mode to write in, and both to read.

use bytes::BytesMut;
use relayhouse_core::{Error, ErrorKind, Message, Result, Text};

use super::{
    attributes,
    binary::{self, HeaderStyle},
    event::CloudEvent,
    structured,
};
use crate::{
    bounds::Bounds,
    codec::{Decoder, Encoder, Format, check_content_type, foreign},
    json::JsonCodec,
    media,
};

const CONTENT_TYPE: &str = "application/cloudevents+json";

/// What the content types of all formats of events begin with.
const EVENTS: &str = "application/cloudevents";

/// Encodes and decodes events, whose data is encoded by `C`.
///
/// A message goes out in the mode that the codec is made for; both modes come in.
///
/// ```
/// use relayhouse_codec::{
///     JsonCodec,
///     cloud_events::{CloudEvent, CloudEventsCodec},
///     from_message, to_message,
/// };
///
/// let codec = CloudEventsCodec::binary(JsonCodec::new());
/// let event = CloudEvent::new("7", "/orders", "com.example.order.paid").data(1999);
/// let message = to_message(&codec, &event)?;
/// assert_eq!(message.body, "1999");
/// assert_eq!(message.headers().text("ce-type"), Some("com.example.order.paid"));
/// assert_eq!(from_message::<CloudEvent<u64>>(&codec, &message)?, event);
/// # Ok::<(), relayhouse_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloudEventsCodec<C = JsonCodec> {
    data: C,
    mode: Mode,
    bounds: Bounds,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Structured,
    Binary(HeaderStyle),
}

impl CloudEventsCodec {
    /// Makes a codec that writes events as JSON bodies, with data in JSON.
    #[must_use]
    pub const fn structured() -> Self {
        Self::structured_with(JsonCodec::new())
    }
}

impl<C> CloudEventsCodec<C> {
    /// Makes a codec that writes events as JSON bodies, with data by `data`: in base64, unless that
    /// writes JSON.
    #[must_use]
    pub const fn structured_with(data: C) -> Self {
        Self {
            data,
            mode: Mode::Structured,
            bounds: Bounds::new(),
        }
    }

    /// Makes a codec that writes attributes as headers, and data by `data` as the body.
    #[must_use]
    pub const fn binary(data: C) -> Self {
        Self {
            data,
            mode: Mode::Binary(HeaderStyle::Dash),
            bounds: Bounds::new(),
        }
    }

    /// Writes attributes as headers of `style`, and so in binary mode.
    #[must_use]
    pub const fn headers(mut self, style: HeaderStyle) -> Self {
        self.mode = Mode::Binary(style);
        self
    }

    /// Sets the bounds of the JSON bodies of structured mode. Data has the bounds of its codec.
    #[must_use]
    pub const fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }
}

impl<C: Format> Format for CloudEventsCodec<C> {
    /// Returns `application/cloudevents+json`; in binary mode, the content type of the data.
    fn content_type(&self) -> &'static str {
        match self.mode {
            Mode::Structured => CONTENT_TYPE,
            Mode::Binary(_) => self.data.content_type(),
        }
    }

    /// Takes `application/cloudevents+json`, and what the codec of the data takes, but for other
    /// formats of events.
    fn accepts(&self, content_type: &str) -> bool {
        match is_of_events(content_type) {
            true => media::is(content_type, CONTENT_TYPE),
            false => self.data.accepts(content_type),
        }
    }
}

impl<T, C: Encoder<T>> Encoder<CloudEvent<T>> for CloudEventsCodec<C> {
    /// Appends the JSON body of `event`. In binary mode it fails: a body alone would lose the
    /// attributes, so that only [`encode_message`](Encoder::encode_message) works there.
    fn encode_into(&self, event: &CloudEvent<T>, body: &mut BytesMut) -> Result<()> {
        match self.mode {
            Mode::Structured => {
                structured::write(&self.data, event, self.bounds.body_bytes_max, body)
            }
            Mode::Binary(_) => Err(not_alone()),
        }
    }

    fn encode_message(&self, event: &CloudEvent<T>) -> Result<Message> {
        let Mode::Binary(style) = self.mode else {
            let mut body = BytesMut::new();
            self.encode_into(event, &mut body)?;
            return Ok(self.label(Message::new(body.freeze())));
        };
        let message = match &event.data {
            Some(data) => self.data.encode_message(data)?,
            None => Message::default(),
        };
        binary::write(style, event, message)
    }
}

impl<T, C: Decoder<T>> Decoder<CloudEvent<T>> for CloudEventsCodec<C> {
    /// Decodes the JSON body of an event. A body of binary mode lacks its attributes, which
    /// [`decode_message`](Decoder::decode_message) finds.
    fn decode(&self, body: &[u8]) -> Result<CloudEvent<T>> {
        match self.mode {
            Mode::Structured => structured::read(&self.data, self.bounds, body),
            Mode::Binary(_) => Err(not_alone()),
        }
    }

    fn decode_message(&self, message: &Message) -> Result<CloudEvent<T>> {
        let content_type = message.details().content_type.as_deref();
        if let Some(content_type) = content_type.filter(|content_type| is_of_events(content_type)) {
            return match media::is(content_type, CONTENT_TYPE) {
                true => structured::read(&self.data, self.bounds, &message.body),
                false => Err(foreign(content_type, CONTENT_TYPE)),
            };
        }
        check_content_type(self, message)?;
        let mut attributes = binary::read(message.headers())?;
        // The bindings leave this to the content type of the message, which counts if it is there.
        let declared = attributes.text(attributes::CONTENT_TYPE)?;
        let is_foreign = |declared: &Text| content_type.is_none() && !self.data.accepts(declared);
        if let Some(declared) = declared.filter(is_foreign) {
            return Err(foreign(&declared, self.data.content_type()));
        }
        let mut event = attributes.event()?;
        event.data = self.data_of(message)?;
        Ok(event)
    }
}

impl<C> CloudEventsCodec<C> {
    /// Decodes the data of an event in binary mode. A body without a byte is data if a content
    /// type says so and a value can be made of it, such as Protobuf's message of defaults.
    fn data_of<T>(&self, message: &Message) -> Result<Option<T>>
    where
        C: Decoder<T>,
    {
        let is_empty = message.body.is_empty();
        if is_empty && message.details().content_type.is_none() {
            return Ok(None);
        }
        match self.data.decode_message(message) {
            Err(error) if is_empty && error.is_permanent() => Ok(None),
            data => data.map(Some),
        }
    }
}

/// Returns whether a content type is of events as a whole, in whatever format.
fn is_of_events(content_type: &str) -> bool {
    let start = content_type.trim_start().get(..EVENTS.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(EVENTS))
}

fn not_alone() -> Error {
    Error::new(
        ErrorKind::Codec,
        "attributes of a CloudEvent in binary mode are headers: a body is not enough",
    )
}
