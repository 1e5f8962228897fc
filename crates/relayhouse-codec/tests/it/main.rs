//! Tests of the codecs from outside: every shape of serde, and a choice at run time.
#![cfg(test)]

#[cfg(feature = "json")]
mod json;
#[cfg(feature = "message-pack")]
mod message_pack;
#[cfg(all(feature = "avro", feature = "json", feature = "message-pack"))]
mod registry;
#[cfg(any(feature = "json", feature = "message-pack"))]
mod shapes;
