//! Methods on everything that sends messages.

use relayhouse_core::Message;
use tower_service::Service;

use super::Encoding;

/// Makes a producer, or a stack of layers around one, send values.
pub trait EncodingExt: Service<Message> + Sized {
    /// Sends values as JSON.
    #[cfg(feature = "json")]
    fn json(self) -> Encoding<Self, crate::JsonCodec> {
        self.encoded_by(crate::JsonCodec::new())
    }

    /// Sends values as MessagePack, with the names of their fields.
    #[cfg(feature = "message-pack")]
    fn message_pack(self) -> Encoding<Self, crate::MessagePackCodec> {
        self.encoded_by(crate::MessagePackCodec::new())
    }

    /// Sends values by `codec`.
    fn encoded_by<C>(self, codec: C) -> Encoding<Self, C> {
        Encoding::new(self, codec)
    }
}

impl<S: Service<Message>> EncodingExt for S {}
