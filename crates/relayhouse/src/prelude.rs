//! What most programs name: `use relayhouse::prelude::*;`.

pub use relayhouse_codec::EncodingExt;
#[cfg(feature = "message-pack")]
pub use relayhouse_codec::MessagePack;
#[cfg(feature = "json")]
pub use relayhouse_codec::{Decoded, Json, Limited};
pub use relayhouse_core::{
    Delivery, Error, ErrorKind, Headers, Lease, Message, MessageId, Outgoing, Result, Settlement,
    extract::{Attempt, Deadline, EnqueuedAt, OrderingKey, State},
};
pub use relayhouse_runtime::{Batch, Ordering, Preset, Router, Routes, Share};

pub use crate::{queue::Queue, registry::Registry, signal::ctrl_c};
