//! Queues of Amazon SQS.

mod admin;
mod batch;
mod capability;
mod config;
mod convert;
mod cost;
mod error;
mod known;
mod lease;
mod link;
mod location;
mod pack;
mod provider;
mod queue;
mod receiver;
mod sender;
mod settings;

pub use self::{
    config::{Config, SqsBuilder},
    cost::{Call, Cost},
    provider::Sqs,
};
