//! What is the memory adapter's own: waiting, bounds, profiles, sessions under paused time.
#![cfg(test)]

mod support;
mod whole;
