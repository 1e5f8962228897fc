//! The driver traits: what an adapter implements for one provider.
//!
//! The rules that hold for all of them:
//!
//! - Batches belong to the caller, and each item carries its own answer. An adapter never adds,
//!   removes or reorders items, and takes a message out of its item only while writing `Done`.
//! - After `Ok` no item may be pending. After `Err`, a pending item never left this process;
//!   items that may have left are `Failed` with `OutcomeUnknown`. After the future was dropped,
//!   pending means unknown.
//! - An empty batch returns without input or output.
//! - Calls may overlap, unless a method says otherwise.
//! - Drivers never retry, never spawn work that outlives a call unless the protocol forces a
//!   connection task, which `close` joins, and never create a queue on the side.

mod admin;
mod blob;
mod dedup;
mod dispatch;
mod key;
mod provider;
mod receiver;
mod sender;
mod session;

pub use self::{
    admin::{Admin, Cost, Page, QueueConfig, Redrive, Stats},
    blob::{BlobName, BlobStore, CLAIM_HEADER, Deleting, Fetching, Storing},
    dedup::{Claim, Claiming, DedupStore, Marking, Site},
    dispatch::{Choice, Dispatch, DispatchLine},
    key::{KEY_BYTES, KEY_ID_BYTES_MAX, Key, KeyId, KeyProvider, KeyRing},
    provider::{Context, Provider, ReceiverOptions, Timeouts, Transactional},
    receiver::{ReceiveRequest, Receiver, Settings},
    sender::Sender,
    session::{SessionReceiver, Sessions},
};
