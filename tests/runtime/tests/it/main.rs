//! The runtime on the memory adapter, under paused time.
#![cfg(test)]

mod batch;
mod blocking;
mod close;
mod consumer;
mod drain;
mod examine;
mod failure;
mod fair;
mod fixture;
mod forward;
mod hostile;
mod late;
mod layers;
mod lease;
mod marks;
mod order;
mod producer;
mod pull;
mod request;
mod resilience;
mod router;
mod session;
mod stacks;
mod suspect;
mod told;
