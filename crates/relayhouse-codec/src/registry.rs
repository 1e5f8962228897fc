//! A choice of codecs by content type, made at run time.

use std::sync::Arc;

use bytes::BytesMut;
use relayhouse_core::{Error, ErrorKind, Message, Result};
use serde::{Deserialize, Serialize};

use crate::{
    any::{self, AnyCodec, AnyValue},
    codec::foreign,
};

/// Holds the codecs that a program allows, to choose one by the content type of a message.
///
/// Nothing is sniffed: a message without a content type is refused, unless the registry says which
/// codec such messages are for. A clone shares the codecs.
///
/// ```
/// use relayhouse_codec::{CodecRegistry, Json, JsonCodec};
/// use relayhouse_core::IntoMessage;
///
/// let codecs = CodecRegistry::new().codec(JsonCodec::new());
/// let message = Json([1, 2, 3]).into_message()?;
/// let numbers: Vec<u64> = codecs.decode(&message)?;
/// assert_eq!(numbers, [1, 2, 3]);
///
/// let foreign = message.content_type("text/plain");
/// assert!(codecs.decode::<Vec<u64>>(&foreign).is_err());
/// # Ok::<(), relayhouse_core::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct CodecRegistry {
    codecs: Arc<Vec<Arc<dyn AnyCodec>>>,
    unlabelled: Option<Arc<dyn AnyCodec>>,
}

impl CodecRegistry {
    /// Makes a registry that allows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Allows `codec`. Of several that accept a content type, the first is taken.
    #[must_use]
    pub fn codec(mut self, codec: impl AnyCodec + 'static) -> Self {
        Arc::make_mut(&mut self.codecs).push(Arc::new(codec));
        self
    }

    /// Takes `codec` for messages without a content type.
    #[must_use]
    pub fn unlabelled(mut self, codec: impl AnyCodec + 'static) -> Self {
        self.unlabelled = Some(Arc::new(codec));
        self
    }

    /// Decodes `message` by the codec of its content type. The value may borrow from the body.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Codec`], which is permanent, for a content type of no codec, which it
    /// names, for none where one is needed, and for a body that cannot be decoded.
    pub fn decode<'de, T: Deserialize<'de>>(&self, message: &'de Message) -> Result<T> {
        let codec = match message.details().content_type.as_deref() {
            Some(content_type) => self.find(content_type)?,
            None => self.unlabelled.as_deref().ok_or_else(unknown)?,
        };
        any::decode(codec, message)
    }

    /// Makes a message of `value` by the codec of `content_type`, which labels it.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::Codec`] for a content type of no codec, and what the codec returns.
    pub fn encode<T: Serialize>(&self, content_type: &str, value: &T) -> Result<Message> {
        let codec = self.find(content_type)?;
        let mut body = BytesMut::new();
        codec.encode_any(AnyValue::new(value), &mut body)?;
        Ok(codec.label(Message::new(body.freeze())))
    }

    fn find(&self, content_type: &str) -> Result<&dyn AnyCodec> {
        let found = self.codecs.iter().find(|codec| codec.accepts(content_type));
        found.map(AsRef::as_ref).ok_or_else(|| {
            let known = self.codecs.iter().map(|codec| codec.content_type());
            let known = known.collect::<Vec<_>>().join(" or ");
            foreign(content_type, if known.is_empty() { "none" } else { &known })
        })
    }
}

fn unknown() -> Error {
    Error::new(
        ErrorKind::Codec,
        "message has no content type, and no codec is set for such messages",
    )
}
