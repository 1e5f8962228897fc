//! A provider that answers as badly as the rules of the ports allow: late, in part, not at all.
//!
//! A [`Script`] says how each call is answered; what is not scripted is done at once. The
//! programs under test must come to the same honest outcomes as with a friendly provider.

mod receiver;
mod script;
mod sender;
#[cfg(test)]
mod tests;

pub use self::{
    receiver::{HostileReceiver, Settled},
    script::{Call, Ending, Items, Reply, Script},
    sender::HostileSender,
};
