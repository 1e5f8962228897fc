//! Asking over one queue, and hearing the answer over another.

mod reply;
mod requester;
mod waiting;

pub use self::{
    reply::reply,
    requester::{Requester, RequesterReport},
};
