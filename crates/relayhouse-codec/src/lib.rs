//! How values become message bodies, and how handlers get them back.
//!
//! A codec is an [`Encoder`] and a [`Decoder`]. The content type travels with the message;
//! nothing is sniffed. A decoder is bounded, and says where a body is wrong without repeating
//! what is in it.
//!
//! Each format has an extractor, which handlers take and producers send ([`Json`]), and a codec
//! under it ([`JsonCodec`]), for programs that want other bounds or options. [`Bounds`] are on by
//! default. What does not fit is a permanent error, and the runtime makes a dead letter of it.
//!
//! - [`EncodingExt`] makes a producer, or any tower stack around one, send values.
//! - [`CodecRegistry`] and [`Decoded`] choose the codec of a delivery by its content type.
//! - [`BorrowDecoder`] decodes into values that point into the body.
//!
//! Features: `json` (on by default), `message-pack`, `avro`, `registry` (Avro schemas of a
//! registry), `protobuf`, `cloud-events`.

#[cfg(any(feature = "avro", feature = "json", feature = "message-pack"))]
mod any;
#[cfg(feature = "avro")]
pub mod avro;
mod body;
mod bounds;
#[cfg(feature = "cloud-events")]
pub mod cloud_events;
mod codec;
#[cfg(any(feature = "avro", feature = "json", feature = "message-pack"))]
mod decoded;
mod encode;
#[cfg(feature = "json")]
mod json;
#[cfg(any(feature = "json", feature = "message-pack", feature = "protobuf"))]
mod limited;
mod measured;
#[cfg(any(
    feature = "avro",
    feature = "json",
    feature = "message-pack",
    feature = "protobuf"
))]
mod media;
#[cfg(feature = "message-pack")]
mod message_pack;
#[cfg(any(feature = "json", feature = "message-pack"))]
mod misfit;
#[cfg(any(feature = "json", feature = "message-pack"))]
mod path;
#[cfg(feature = "protobuf")]
mod protobuf;
#[cfg(any(feature = "avro", feature = "json", feature = "message-pack"))]
mod registry;
#[cfg(any(feature = "json", feature = "message-pack"))]
mod sink;

#[cfg(feature = "json")]
pub use self::json::{Json, JsonCodec};
#[cfg(any(feature = "json", feature = "message-pack", feature = "protobuf"))]
pub use self::limited::Limited;
#[cfg(feature = "message-pack")]
pub use self::message_pack::{MessagePack, MessagePackCodec};
#[cfg(feature = "protobuf")]
pub use self::protobuf::{Protobuf, ProtobufCodec};
#[cfg(any(feature = "avro", feature = "json", feature = "message-pack"))]
pub use self::{
    any::{AnyCodec, AnySeed, AnyValue},
    decoded::Decoded,
    registry::CodecRegistry,
};
pub use self::{
    body::{BODY_BYTES_MAX, from_message, from_message_borrowed, to_bytes, to_message},
    bounds::Bounds,
    codec::{BorrowDecoder, Codec, Decoder, Encoder, Format},
    encode::{Encoding, EncodingExt, EncodingFuture, EncodingLayer},
    measured::Measured,
};
