//! What a codec is: a format, and the two directions.

use bytes::BytesMut;
use relayhouse_core::Result;

/// Names a format of bodies.
pub trait Format {
    /// Returns the content type that goes with the bodies, such as `application/json`.
    fn content_type(&self) -> &'static str;

    /// Returns whether bodies of `content_type` are of this format.
    fn accepts(&self, content_type: &str) -> bool;
}

/// Turns values into bodies.
pub trait Encoder<T: ?Sized>: Format {
    /// Appends the body of `value` to `body`, which is as before if that fails.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Codec`](relayhouse_core::ErrorKind::Codec) if `value` has no body in
    /// this format, [`ErrorKind::MessageTooLarge`](relayhouse_core::ErrorKind::MessageTooLarge)
    /// if the body is over the bound of the codec.
    fn encode_into(&self, value: &T, body: &mut BytesMut) -> Result<()>;
}

/// Turns bodies back into values.
pub trait Decoder<T>: Format {
    /// Decodes all of `body`.
    ///
    /// The size is checked first, and the depth is bounded: a hostile body costs an error.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Codec`](relayhouse_core::ErrorKind::Codec), which is permanent and
    /// says where the body is wrong, never what is in it.
    fn decode(&self, body: &[u8]) -> Result<T>;
}

/// Is both directions for one type.
pub trait Codec<T>: Encoder<T> + Decoder<T> {}

impl<T, C: Encoder<T> + Decoder<T>> Codec<T> for C {}
