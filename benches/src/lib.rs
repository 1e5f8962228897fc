//! Benchmarks of relayhouse: every queue runs the same workloads in one process, in turns, beside
//! the least queue that keeps leases. Figures are read as ratios to that limit. Queues in files are
//! measured beside a plain program of the same tables, queues of services beside bare clients, layers
//! beside tower's own.

#[cfg(any(feature = "servicebus", feature = "soak"))]
mod child;
pub mod clock;
#[cfg(feature = "codec")]
pub mod codec;
pub mod compare;
pub mod heap;
pub mod limit;
pub mod local;
pub mod machine;
mod middleware;
pub mod options;
pub mod ours;
pub mod peer;
#[cfg(any(feature = "servicebus", feature = "sqs"))]
mod remote;
pub mod report;
#[cfg(feature = "servicebus")]
pub mod servicebus;
#[cfg(feature = "soak")]
pub mod soak;
#[cfg(any(feature = "servicebus", feature = "sqs"))]
mod spent;
#[cfg(feature = "sqs")]
mod sqs;
pub mod subject;
mod tally;
#[cfg(feature = "telemetry")]
mod telemetry;
pub mod workload;
