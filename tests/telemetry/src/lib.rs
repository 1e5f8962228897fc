//! A collector of OTLP, over gRPC and HTTP, that keeps what it gets.

mod collector;

pub use self::collector::{Collector, Got};
