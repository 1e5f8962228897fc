//! Queues of other people, measured beside ours.

mod apalis;
mod flume;
mod omniqueue;

pub use self::{apalis::Apalis, flume::Flume, omniqueue::Omniqueue};
