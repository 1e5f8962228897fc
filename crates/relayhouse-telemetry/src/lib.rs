//! See relayhouse run: metrics, logs, traces.
//!
//! What producers, consumers, layers and adapters do they tell an
//! [`Observer`](relayhouse_core::Observer). [`Metrics`] is one that counts, in atomics; [`Log`]
//! is one that writes `tracing` events; [`Tee`] makes several of them one.
//!
//! Nothing here holds a body, a receipt or a credential, and the text of an error stays where it
//! is, since it may repeat what a handler was given.
//!
//! # Metrics
//!
//! A [`Snapshot`] has all metrics as data. [`prometheus::render`] writes it as the text that
//! Prometheus reads, [`Emf`] as lines that CloudWatch reads. A [`Poller`] adds what only the
//! provider knows: how many messages wait, and since when. All metrics stand in one table,
//! [`Metric::ALL`], which [`document`] prints.
//!
//! # Traces
//!
//! With the feature `traces`, `Traces` makes spans by the messaging conventions of OpenTelemetry,
//! version 1.44.0: `create`, `send`, `receive`, `process`, `settle` and `extend`. Which messages are
//! sampled is decided before a span is made, and travels in the headers of W3C, which every adapter
//! carries; the trace header of Amazon SQS and the `Diagnostic-Id` of Service Bus are understood.
//!
//! # Collectors
//!
//! With the feature `otlp`, `init` reads the variables `OTEL_*` and sends traces, metrics and logs
//! to a collector, over gRPC or HTTP.

mod emf;
mod log;
mod metric;
#[cfg(feature = "otlp")]
mod otlp;
mod poller;
pub mod prometheus;
mod tee;
#[cfg(feature = "traces")]
mod trace;

#[cfg(feature = "otlp")]
pub use self::otlp::{Exporter, Protocol, Settings, Telemetry, init};
#[cfg(feature = "traces")]
pub use self::trace::{
    Create, CreateLayer, Process, ProcessFuture, ProcessLayer, SCHEMA_URL, Sampler, TraceContext,
    Traces,
};
pub use self::{
    emf::Emf,
    log::Log,
    metric::{
        Definition, Distribution, Kind, Label, Metric, Metrics, Point, Scope, Snapshot, Unit,
        Value, document,
    },
    poller::Poller,
    tee::Tee,
};
