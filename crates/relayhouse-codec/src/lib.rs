//! How values become message bodies, and how handlers get them back.
//!
//! A codec is an [`Encoder`] and a [`Decoder`]. The content type travels with the message;
//! nothing is sniffed. A decoder is bounded, and says where a body is wrong without repeating
//! what is in it.
//!
//! [`Json`] is what handlers take and producers send; [`JsonCodec`] is the codec under it, for
//! programs that want another bound.
//!
//! Features: `json` (on by default).

#[cfg(feature = "avro")]
pub mod avro;
mod body;
mod bounds;
mod codec;
#[cfg(feature = "json")]
mod json;
#[cfg(feature = "json")]
mod media;

#[cfg(feature = "json")]
pub use self::json::{Json, JsonCodec, Limited};
pub use self::{
    body::{BODY_BYTES_MAX, from_message, to_bytes, to_message},
    bounds::Bounds,
    codec::{Codec, Decoder, Encoder},
};
