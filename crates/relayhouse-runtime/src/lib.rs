//! Producer and consumer of relayhouse: the parts that are hard, done once for all providers.
//!
//! A [`Producer`] batches what is sent while calls are in flight, and answers each send. A
//! [`Consumer`] receives within bounds of messages and bytes, keeps leases, dispatches by key,
//! runs handlers, settles, and drains. Both work through the ports of `relayhouse-core`; time and
//! randomness come from the [`Context`](relayhouse_core::Context) they are built with.
//!
//! This crate knows no provider, no codec and no middleware: any tower layer fits around a
//! producer or a handler.

mod config;
mod consumer;
mod handler;
mod lease;
mod ordering;
mod output;
mod policy;
mod producer;
mod pull;
mod request;
mod router;
mod sync;

pub use self::{
    config::{ConsumerConfig, Full, Order, Preset, ProducerConfig, SendStart, Suspects},
    consumer::{Consumer, ConsumerBuilder, Examination, Finding, Remote, Report, Running, State},
    handler::{
        Batch, BatchFunction, BatchHandler, Blocking, BlockingFuture, BlockingHandler, Function,
        Handler, HandlerFuture,
    },
    ordering::Ordering,
    output::Output,
    policy::FailurePolicy,
    producer::{Producer, ProducerBuilder, SendFuture},
    pull::Pull,
    request::{Requester, RequesterReport, reply},
    router::{Gated, GatedFuture, RouteFuture, Router, Routes, RunningRouter, Share},
};
