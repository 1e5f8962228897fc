//! What most programs name: `use relayhouse::prelude::*;`.

#[cfg(any(feature = "avro", feature = "json", feature = "message-pack"))]
pub use relayhouse_codec::Decoded;
pub use relayhouse_codec::EncodingExt;
#[cfg(feature = "json")]
pub use relayhouse_codec::Json;
#[cfg(any(feature = "json", feature = "message-pack", feature = "protobuf"))]
pub use relayhouse_codec::Limited;
#[cfg(feature = "message-pack")]
pub use relayhouse_codec::MessagePack;
#[cfg(feature = "protobuf")]
pub use relayhouse_codec::Protobuf;
pub use relayhouse_core::{
    Delivery, Error, ErrorKind, Headers, Lease, Message, MessageId, Outgoing, Result, Settlement,
    extract::{Attempt, Deadline, EnqueuedAt, OrderingKey, State},
};
pub use relayhouse_runtime::{Batch, Ordering, Preset, Router, Routes, Share};

pub use crate::{queue::Queue, registry::Registry, signal::ctrl_c};
