//! The storage thread of one file: it runs what has queued up as one group, and answers after the
//! commit.

mod job;
mod jobs;
mod pace;
mod thread;

pub(crate) use self::{
    job::{Call, Job, reply},
    jobs::{Cost, Jobs},
    thread::{Opening, Writer},
};
