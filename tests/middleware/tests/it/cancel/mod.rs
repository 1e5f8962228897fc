//! Calls that are dropped, at every poll there is.
//!
//! What each layer says under "Cancellation" is what is asserted here.

mod admission;
mod batch;
mod breaker;
mod claim_check;
mod dead_letter;
mod dedup;
mod encryption;
mod failover;
mod fair;
mod harness;
mod outbox;
mod plain;
mod retry;
mod scope;
mod sessions;
