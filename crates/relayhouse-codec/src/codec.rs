//! What a codec is: a format, and the two directions.

use bytes::BytesMut;
use relayhouse_core::{Error, ErrorKind, Message, Result};

/// What is allocated for a body before its size is known.
pub(crate) const BODY_BYTES_FIRST: usize = 256;

/// Names a format of bodies.
pub trait Format {
    /// Returns the content type that goes with the bodies, such as `application/json`.
    fn content_type(&self) -> &'static str;

    /// Returns whether bodies of `content_type` are of this format.
    fn accepts(&self, content_type: &str) -> bool;

    /// Writes on `message` what a decoder has to know of its body: the content type, unless the
    /// format has more to say, such as the schema.
    fn label(&self, message: Message) -> Message {
        message.content_type(self.content_type())
    }
}

/// Turns values into bodies.
pub trait Encoder<T: ?Sized>: Format {
    /// Appends the body of `value` to `body`, which is as before if that fails.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Codec`] if `value` has no body in this format,
    /// [`ErrorKind::MessageTooLarge`] if the body is over the bound of the codec.
    fn encode_into(&self, value: &T, body: &mut BytesMut) -> Result<()>;

    /// Makes a message of `value`, labelled with the format.
    ///
    /// # Errors
    ///
    /// Returns what [`encode_into`](Self::encode_into) returns.
    fn encode_message(&self, value: &T) -> Result<Message> {
        let mut body = BytesMut::with_capacity(BODY_BYTES_FIRST);
        self.encode_into(value, &mut body)?;
        Ok(self.label(Message::new(body.freeze())))
    }
}

/// Turns bodies back into values.
pub trait Decoder<T>: Format {
    /// Decodes all of `body`.
    ///
    /// The size is checked first, and the depth is bounded: a hostile body costs an error.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Codec`], which is permanent and says where the body is wrong, never
    /// what is in it.
    fn decode(&self, body: &[u8]) -> Result<T>;

    /// Decodes the body of `message`, if it is labelled with this format or not at all.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Codec`], which is permanent, for another content type, which it names,
    /// and what [`decode`](Self::decode) returns.
    fn decode_message(&self, message: &Message) -> Result<T> {
        check_content_type(self, message)?;
        self.decode(&message.body)
    }
}

/// Turns bodies into values that point into them, where the format allows.
///
/// ```
/// use relayhouse_codec::{BorrowDecoder, JsonCodec};
///
/// let body = br#"["a", "b"]"#;
/// let texts: Vec<&str> = JsonCodec::new().decode_borrowed(body)?;
/// assert_eq!(texts, ["a", "b"]);
/// # Ok::<(), relayhouse_core::Error>(())
/// ```
pub trait BorrowDecoder<'de, T>: Format {
    /// Decodes all of `body`, as [`Decoder::decode`] does, into a value that may borrow from it.
    ///
    /// # Errors
    ///
    /// Returns what [`Decoder::decode`] returns, and [`ErrorKind::Codec`] for a value that the
    /// format holds otherwise than in one piece, such as a JSON string with an escape.
    fn decode_borrowed(&self, body: &'de [u8]) -> Result<T>;

    /// Decodes the body of `message`, if it is labelled with this format or not at all.
    ///
    /// # Errors
    ///
    /// Returns what [`Decoder::decode_message`] and
    /// [`decode_borrowed`](Self::decode_borrowed) return.
    fn decode_message_borrowed(&self, message: &'de Message) -> Result<T> {
        check_content_type(self, message)?;
        self.decode_borrowed(&message.body)
    }
}

/// Is both directions for one type.
pub trait Codec<T>: Encoder<T> + Decoder<T> {}

impl<T, C: Encoder<T> + Decoder<T>> Codec<T> for C {}

/// Refuses a message whose content type is set, and is another than that of `format`.
pub(crate) fn check_content_type<F: Format + ?Sized>(format: &F, message: &Message) -> Result<()> {
    let content_type = message.details().content_type.as_deref();
    match content_type.filter(|content_type| !format.accepts(content_type)) {
        Some(other) => Err(foreign(other, format.content_type())),
        None => Ok(()),
    }
}

/// Says that the content type is another; only the start of it is shown, since anybody may have
/// sent it.
pub(crate) fn foreign(other: &str, expected: &str) -> Error {
    const SHOWN_MAX: usize = 80;
    let shown: String = other.chars().take(SHOWN_MAX).collect();
    let shown = shown.escape_debug();
    Error::new(
        ErrorKind::Codec,
        format!("content type is {shown}, expected {expected}"),
    )
}
