//! Domain types and ports of relayhouse.
//!
//! A [`Message`] is put on a queue by a producer, and comes to a consumer as a [`Delivery`] with a
//! [`Receipt`], proof of a [`Lease`]. The handler answers with a [`Settlement`]. The driver traits
//! that an adapter implements are in [`port`].
//!
//! This crate is not a client of any queue service, and does no input or output: time is a
//! [`Clock`] and chance is a [`Random`], both given from outside.

mod address;
mod backoff;
mod capability;
mod check;
pub mod config;
mod delivery;
mod error;
pub mod extract;
mod fingerprint;
mod header;
mod id;
mod lease;
mod message;
mod name;
mod observer;
mod outcome;
mod outgoing;
pub mod port;
mod random;
mod secret;
mod settlement;
mod text;
mod time;

pub use self::{
    address::Address,
    backoff::{Backoff, Growth, Jitter},
    capability::{Attempts, Capabilities, DedupScope, LeaseKind, Support},
    check::DETAIL_BYTES_MAX,
    delivery::{Delivery, Previous},
    error::{BoxError, Error, ErrorKind, Operation, Result, Retry},
    extract::{FromDelivery, FromRef, IntoMessage},
    fingerprint::Fingerprint,
    header::{
        HEADER_COUNT_MAX, HEADER_KEY_BYTES_MAX, HEADER_VALUE_BYTES_MAX, HeaderValue, Headers,
    },
    id::{MessageId, MessageIds, Receipt},
    lease::{Lease, LeaseSlot, LeaseTable},
    message::{Details, Message, NotBefore, Priority},
    name::{
        Entity, NAME_BYTES_MAX, QueueName, SESSION_ID_BYTES_MAX, SessionId, Source,
        SubscriptionName,
    },
    observer::{Event, Load, Observer},
    outcome::{Extending, Outcome, Sending, Sent, Settling},
    outgoing::{Mark, Outgoing},
    port::Context,
    random::{Random, SeededRandom},
    secret::Secret,
    settlement::{DeadLetter, Envelope, IntoSettlement, Settlement},
    text::Text,
    time::{Clock, Instant, MachineTime, Sleep, Timestamp},
};
