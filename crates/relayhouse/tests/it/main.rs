//! Tests of the facade: its URLs, its handles, and one program on several providers.
#![cfg(test)]
#![cfg(all(feature = "json", feature = "local", feature = "memory"))]

#[cfg(feature = "sqs")]
mod amazon;
#[cfg(feature = "servicebus")]
mod azure;
mod close;
#[cfg(all(
    feature = "avro",
    feature = "cloud-events",
    feature = "message-pack",
    feature = "protobuf"
))]
mod codecs;
mod registry;
mod round_trip;
#[cfg(feature = "middleware")]
mod stories;
#[cfg(all(feature = "servicebus", feature = "sqs"))]
mod switch_provider;
