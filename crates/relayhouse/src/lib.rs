//! A message-queue runtime: one small interface over many queue services.
//!
//! [`open`] turns a URL into a [`Queue`]; a queue makes producers and consumers. A handler is an
//! async function, and what it returns decides what becomes of the message. The runtime does the
//! hard parts: leases and their renewal, batching, back-pressure, retries, order, dead letters,
//! draining.
//!
//! It is not a broker of its own: it uses one, or the embedded queue.
//!
//! ```no_run
//! use relayhouse::prelude::*;
//! # use serde::{Deserialize, Serialize};
//! # #[derive(Serialize, Deserialize)] struct Order { id: u64, total: u64 }
//! # async fn ship(_: Order) {}
//!
//! # #[tokio::main]
//! # async fn main() -> Result<()> {
//! let queue = relayhouse::open("local:./queues/orders").await?;
//! queue.producer().json().send(&Order { id: 7, total: 1999 }).await?;
//! queue
//!     .consumer()
//!     .concurrency(64)
//!     .handler(|Json(order): Json<Order>| async move { ship(order).await })
//!     .run_until(ctrl_c())
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! # Where things are
//!
//! - [`Registry`] knows the schemes of URLs, and what everything is built with.
//! - [`runtime`] has producers, consumers, their configuration and presets.
//! - [`codec`] has the formats of bodies, and the extractors that read them.
//! - `middleware`, with the feature of that name, has tower layers for producers and handlers, and
//!   in `middleware::stack` those that belong together.
//! - [`port`] has the traits that an adapter implements.
//! - [`prelude`] has what most programs name.
//!
//! # Features
//!
//! `local` (the embedded durable queue), `memory` (queues in memory) and `json` are on by default.
//! `sqs` brings Amazon SQS, for `sqs:` URLs, as every AWS program reaches it; `sqs-client` is the
//! part of it that a client of one's own needs, without TLS and the reading of AWS's environment,
//! which [`Registry`] shows. `sns` brings the topics of Amazon SNS beside it, and `s3` a store
//! of large bodies in Amazon S3. All four need Rust 1.94.1, where all else needs 1.89.
//!
//! `servicebus` brings Azure Service Bus, for `servicebus:` URLs.
//!
//! `middleware` brings the layers around producers and handlers. Those that need more than this
//! workspace have a feature each, which brings `middleware` as well: `claim-check`, `encryption`,
//! and `gzip` and `zstd` for compression.
//!
//! `message-pack`, `avro`, `protobuf` and `cloud-events` bring formats of bodies beside JSON;
//! `registry` has the schemas of Avro from a registry.
//!
//! `metrics` brings metrics and logs of what is done; `telemetry` traces as well, and sends all of
//! them to a collector.
//!
//! `full` is everything.

#[cfg(feature = "sqs-client")]
mod amazon;
#[cfg(feature = "servicebus")]
mod azure;
#[cfg(feature = "local")]
mod durable;
#[cfg(feature = "memory")]
mod embedded;
mod queue;
mod refused;
mod registry;
#[cfg(any(feature = "local", feature = "memory"))]
mod share;
mod signal;

pub mod prelude;

pub use relayhouse_codec as codec;
pub use relayhouse_codec::{Encoding, EncodingExt};
pub use relayhouse_core::{
    Address, Backoff, BoxError, Capabilities, Clock, Context, DeadLetter, Delivery, Entity,
    Envelope, Error, ErrorKind, Event, Extending, Fingerprint, FromDelivery, Growth, HeaderValue,
    Headers, Instant, IntoMessage, IntoSettlement, Jitter, Lease, Message, MessageId, MessageIds,
    NotBefore, Observer, Operation, Outcome, Outgoing, Previous, Priority, QueueName, Random,
    Receipt, Result, Retry, Secret, SeededRandom, Sending, Sent, SessionId, Settlement, Settling,
    Source, SubscriptionName, Support, Text, Timestamp, config, extract, port,
};
#[cfg(feature = "local")]
pub use relayhouse_local as local;
#[cfg(feature = "memory")]
pub use relayhouse_memory as memory;
#[cfg(feature = "middleware")]
pub use relayhouse_middleware as middleware;
pub use relayhouse_runtime as runtime;
#[cfg(feature = "servicebus")]
pub use relayhouse_servicebus as servicebus;
#[cfg(feature = "sqs-client")]
pub use relayhouse_sqs as sqs;
#[cfg(feature = "metrics")]
pub use relayhouse_telemetry as telemetry;
pub use relayhouse_time as time;

pub use self::{
    queue::Queue,
    registry::{Opened, Registry, open},
    signal::ctrl_c,
};

/// Compiles what the README shows.
#[cfg(all(doctest, feature = "json", feature = "memory"))]
#[doc = include_str!("../../../README.md")]
struct Readme;
