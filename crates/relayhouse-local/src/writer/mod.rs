//! The storage of one file: what has queued up runs as one group on a thread of its own, and is
//! answered after the commit. A lone call that is quick runs where it is made.

mod group;
mod job;
mod jobs;
mod pace;
mod quick;
mod thread;

pub(crate) use self::{
    group::Opening,
    job::{Call, Job, reply},
    jobs::{Cost, Jobs},
    thread::run,
};

#[cfg(test)]
mod tests;
