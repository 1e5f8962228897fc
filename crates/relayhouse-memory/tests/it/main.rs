//! What is the memory adapter's own: waiting, bounds, order, sessions, topics, profiles; all under
//! paused time.
#![cfg(test)]

mod admin;
mod bounds;
mod close;
mod dead;
mod key;
mod profile;
mod session;
mod stress;
mod support;
mod time;
mod topic;
mod transaction;
mod waiting;
mod whole;
