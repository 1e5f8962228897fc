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

    /// Sends messages of `prost` as Protobuf.
    #[cfg(feature = "protobuf")]
    fn protobuf(self) -> Encoding<Self, crate::ProtobufCodec> {
        self.encoded_by(crate::ProtobufCodec::new())
    }

    /// Sends values of `T` as Avro, by `schema`, which the header of each message names.
    ///
    /// For another framing, or the number that a registry gave to the schema, build an
    /// [`AvroCodec`](crate::avro::AvroCodec) and send by [`encoded_by`](Self::encoded_by).
    ///
    /// # Errors
    ///
    /// Returns what [`AvroCodec::new`](crate::avro::AvroCodec::new) returns.
    #[cfg(feature = "avro")]
    fn avro<T>(
        self,
        schema: crate::avro::Schema,
    ) -> relayhouse_core::Result<Encoding<Self, crate::avro::AvroCodec<T>>> {
        crate::avro::AvroCodec::new(schema).map(|codec| self.encoded_by(codec))
    }

    /// Sends values by `codec`.
    fn encoded_by<C>(self, codec: C) -> Encoding<Self, C> {
        Encoding::new(self, codec)
    }
}

impl<S: Service<Message>> EncodingExt for S {}
