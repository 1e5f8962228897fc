//! JSON, by `serde_json`, whose limit on depth (128) stays on.

use std::{any::type_name, io, num::NonZeroUsize};

use bytes::{BufMut, BytesMut, buf::Writer};
use relayhouse_core::{Delivery, Error, ErrorKind, FromDelivery, IntoMessage, Message, Result};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::error::Category;

use crate::{
    body::{from_message, to_message},
    bounds::Bounds,
    codec::{Decoder, Encoder, Format},
    media,
};

const CONTENT_TYPE: &str = "application/json";

/// Draws a value from a JSON body, and sends a value as one.
///
/// A body over 16 MiB is refused; [`Limited`] sets another bound. A delivery whose content type
/// is set and is not JSON is refused as well.
///
/// ```
/// use relayhouse_codec::Json;
/// use relayhouse_core::IntoMessage;
///
/// let message = Json(vec![1, 2, 3]).into_message()?;
/// assert_eq!(message.body, "[1,2,3]");
/// assert_eq!(message.details().content_type.as_deref(), Some("application/json"));
/// # Ok::<(), relayhouse_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json<T>(pub T);

/// Draws what `D` draws from a body of at most `BYTES_MAX` bytes, instead of 16 MiB.
///
/// ```
/// use relayhouse_codec::{Json, Limited};
///
/// async fn handle(Limited(Json(numbers)): Limited<Json<Vec<u64>>, 4096>) {
///     println!("{numbers:?}");
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limited<D, const BYTES_MAX: usize>(pub D);

/// Encodes and decodes JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JsonCodec {
    bounds: Bounds,
}

impl JsonCodec {
    /// Makes a codec with the bounds that are usual.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bounds: Bounds::new(),
        }
    }

    /// Sets the bounds of what is taken and made.
    #[must_use]
    pub const fn bounds(mut self, bounds: Bounds) -> Self {
        self.bounds = bounds;
        self
    }

    /// Sets the largest body to take or to make, in bytes.
    #[must_use]
    pub const fn body_bytes_max(mut self, max: NonZeroUsize) -> Self {
        self.bounds = self.bounds.body_bytes_max(max);
        self
    }
}

impl Default for JsonCodec {
    fn default() -> Self {
        Self::new()
    }
}

impl Format for JsonCodec {
    fn content_type(&self) -> &'static str {
        CONTENT_TYPE
    }

    /// Takes `application/json` and any `+json`, whatever the case and the parameters.
    fn accepts(&self, content_type: &str) -> bool {
        media::is_of(content_type, CONTENT_TYPE, "+json")
    }
}

impl<T: Serialize + ?Sized> Encoder<T> for JsonCodec {
    fn encode_into(&self, value: &T, body: &mut BytesMut) -> Result<()> {
        let start = body.len();
        let mut bounded = Bounded {
            body: body.writer(),
            left: self.bounds.body_bytes_max.get(),
        };
        let result = serde_json::to_writer(&mut bounded, value);
        result.map_err(|error| {
            body.truncate(start);
            self.not_encoded::<T>(&error)
        })
    }
}

impl<T: DeserializeOwned> Decoder<T> for JsonCodec {
    fn decode(&self, body: &[u8]) -> Result<T> {
        self.bounds.check_body("JSON", body)?;
        serde_json::from_slice(body).map_err(|error| not_decoded::<T>(&error))
    }
}

impl<T: DeserializeOwned, S> FromDelivery<S> for Json<T> {
    fn from_delivery(delivery: &Delivery, _: &S) -> Result<Self> {
        from_message(&JsonCodec::new(), &delivery.message).map(Self)
    }
}

impl<T: DeserializeOwned, S, const BYTES_MAX: usize> FromDelivery<S>
    for Limited<Json<T>, BYTES_MAX>
{
    fn from_delivery(delivery: &Delivery, _: &S) -> Result<Self> {
        let max = const { NonZeroUsize::new(BYTES_MAX).expect("BYTES_MAX is not zero") };
        let codec = JsonCodec::new().body_bytes_max(max);
        from_message(&codec, &delivery.message).map(|value| Self(Json(value)))
    }
}

impl<T: Serialize> IntoMessage for Json<T> {
    fn into_message(self) -> Result<Message> {
        to_message(&JsonCodec::new(), &self.0)
    }
}

impl JsonCodec {
    fn not_encoded<T: ?Sized>(self, error: &serde_json::Error) -> Error {
        let (name, max) = (type_name::<T>(), self.bounds.body_bytes_max);
        if error.is_io() {
            let rule = format!("JSON body of {name} has more than {max} bytes");
            return Error::new(ErrorKind::MessageTooLarge, rule);
        }
        Error::new(
            ErrorKind::Codec,
            format!("{name} cannot be written as JSON"),
        )
    }
}

/// Says where a body is wrong, and how, in words that hold nothing of the body.
fn not_decoded<T>(error: &serde_json::Error) -> Error {
    let (line, column) = (error.line(), error.column());
    let name = type_name::<T>();
    let text = match error.classify() {
        Category::Data => format!(
            "JSON body does not fit {name}: {}",
            misfit(&error.to_string())
        ),
        Category::Eof => "body is not JSON: it ends too early".to_owned(),
        Category::Syntax | Category::Io => format!("body is not JSON: {}", syntax(error)),
    };
    Error::new(
        ErrorKind::Codec,
        format!("{text}, at line {line} column {column}"),
    )
}

/// Returns the words of a syntax error, which are constants of `serde_json`, without the place.
fn syntax(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    text[..end].to_owned()
}

/// Returns what is safe to repeat of a misfit: which field of the type is missing, and what kind
/// of value stands where another was expected. The rest of the text may quote the body.
fn misfit(text: &str) -> String {
    const KINDS: [&str; 8] = [
        "boolean",
        "integer",
        "floating point",
        "string",
        "null",
        "sequence",
        "map",
        "unit variant",
    ];
    let quoted = |start: &str| {
        let field = text.strip_prefix(start)?.split('`').next()?;
        let is_name = !field.is_empty() && field.len() <= 64;
        is_name.then_some(field)
    };
    if let Some(field) = quoted("missing field `") {
        return format!("missing field {field}");
    }
    let found = text.strip_prefix("invalid type: ");
    match found.and_then(|found| KINDS.into_iter().find(|kind| found.starts_with(kind))) {
        Some(kind) => format!("unexpected {kind}"),
        None => "invalid value".to_owned(),
    }
}

/// Writes to `body` until `left` bytes are written.
struct Bounded<'a> {
    body: Writer<&'a mut BytesMut>,
    left: usize,
}

impl io::Write for Bounded<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.left = self
            .left
            .checked_sub(bytes.len())
            .ok_or(io::ErrorKind::FileTooLarge)?;
        self.body.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
