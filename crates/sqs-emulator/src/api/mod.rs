//! What is said on the wire: the fields of every request and answer, by the names of AWS.

pub(crate) mod batches;
mod binary;
pub(crate) mod error;
pub(crate) mod messages;
pub(crate) mod moves;
pub(crate) mod queues;

pub(crate) use self::{
    binary::Binary,
    error::{Code, Error, Result},
};
