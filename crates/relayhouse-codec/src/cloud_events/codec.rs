//! The codec: one mode to write in, and both to read.

use bytes::BytesMut;
use relayhouse_core::{Error, ErrorKind, Message, Result};

use super::{
    binary::{self, HeaderStyle},
    event::CloudEvent,
    structured,
};
use crate::{
    bounds::Bounds,
    codec::{Decoder, Encoder, Format, check_content_type},
    json::JsonCodec,
    media,
};

const CONTENT_TYPE: &str = "application/cloudevents+json";

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

    /// Takes `application/cloudevents+json`, and what the codec of the data takes.
    fn accepts(&self, content_type: &str) -> bool {
        media::is(content_type, CONTENT_TYPE) || self.data.accepts(content_type)
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
        if content_type.is_some_and(|content_type| media::is(content_type, CONTENT_TYPE)) {
            return structured::read(&self.data, self.bounds, &message.body);
        }
        check_content_type(self, message)?;
        let mut event = binary::read(message.headers())?.event()?;
        if !message.body.is_empty() {
            event.data = Some(self.data.decode_message(message)?);
        }
        Ok(event)
    }
}

fn not_alone() -> Error {
    Error::new(
        ErrorKind::Codec,
        "attributes of a CloudEvent in binary mode are headers: a body is not enough",
    )
}
