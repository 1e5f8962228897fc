//! Amazon SQS over HTTP, in process, with the clock and the faults under control.
//!
//! An [`SqsEmulator`] listens on a port of this machine and speaks the JSON protocol of SQS, so
//! that every SDK can talk to it: point its endpoint to [`SqsEmulator::endpoint`], and give it any
//! credentials. A test moves its time, breaks its answers, and counts its calls.
//!
//! ```
//! use std::time::Duration;
//!
//! use sqs_emulator::{Fault, ManualClock, Operation, Refusal, SqsEmulator, Times};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let clock = ManualClock::new();
//! let emulator = SqsEmulator::builder().clock(clock.clone()).start().await?;
//! println!("the endpoint is {}", emulator.endpoint());
//!
//! // The next send is throttled, and one in ten receives loses its answer on the way.
//! let faults = emulator.faults();
//! let throttle = Fault::Refuse(Refusal::Throttled);
//! faults.inject(Operation::SendMessage, throttle, Times::Next(1));
//! faults.inject(Operation::ReceiveMessage, Fault::DropAnswer, Times::Chance(0.1));
//!
//! // Whatever is in flight for half a minute comes back now.
//! clock.advance(Duration::from_secs(30));
//! assert_eq!(emulator.count(Operation::SendMessage).calls, 0);
//! emulator.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Fidelity
//!
//! This is our reading of the documentation. It was held against SDKs, and not against AWS: a
//! program that passes here agrees with us, and is still to be tried on the service itself.
//!
//! | What | Here |
//! | --- | --- |
//! | Operations | all 23, in the JSON protocol |
//! | Errors | shape in `__type`, older code in `x-amzn-query-error`, status 400; texts are like those of AWS, not the same |
//! | Digests | MD5 of the body, of the attributes that are sent or returned, of system attributes |
//! | Sizes | 1 MiB for a message and for a batch: body, and name, type and value of each attribute |
//! | Receipts | a new one for each receive; on a standard queue an older one deletes nothing, and the last one deletes also after its time; on a FIFO queue one whose time is over is an error |
//! | Change of visibility | `MessageNotInflight` unless the last receive still holds the message; at most 12 hours from that receive |
//! | Long polls | woken by a send, a release, an expiry, the end of a delay, a deletion that frees a group; the client that goes away takes nothing |
//! | FIFO groups | locked while any message is in flight, also when one in the middle was released |
//! | Dedup | five minutes from the first send, whatever became of the message; by queue or by group; by id or by content |
//! | Attempt ids | the same messages and receipts for five minutes, until one is touched or its time is over; visibility is counted anew |
//! | Dead letters | moved by the receive that would be one too many; a standard queue keeps the time of the send, a FIFO queue does not; the receive count goes on |
//! | Move tasks | messages arrive as new ones; at the given rate, or all at once; one task at a time for each source |
//! | Delays | a new delay of a queue applies to all messages of a FIFO queue, and to new ones of a standard queue |
//! | Purge and delete | at once; 60 seconds until the next purge, and until the name is free again |
//! | In flight | 120,000 for each queue: then `OverLimit` for short polls of standard queues, and nothing for others |
//! | Order | a standard queue keeps it unless [`Faults::reorder`] says otherwise |
//! | Duplicates | none on a standard queue unless [`Faults::duplicate`] says otherwise |
//! | Counts | exact, where SQS only approximates |
//!
//! # What it does not do
//!
//! - It checks no signature but for its time, where [`Builder::skew_max`] says so.
//! - It checks no permission and no policy; they are kept and shown.
//! - It encrypts nothing; the settings for it are kept and shown.
//! - It knows neither the older query protocol nor TLS, nor more than one region at a time.
//! - It limits no rate: [`Fault::Refuse`] throttles on demand.
//! - Group ids on a standard queue, which SQS takes for fair queues, are kept and change no order.
//! - Everything is in memory, and gone when it ends.

mod api;
mod builder;
mod clock;
mod emulator;
mod fault;
mod model;
mod operation;
mod random;
mod record;
mod shared;
mod wire;

pub use self::{
    builder::Builder,
    clock::{Clock, MachineClock, ManualClock, Sleep},
    emulator::SqsEmulator,
    fault::{Fault, Faults, Refusal, Times},
    operation::Operation,
    record::{Count, Request},
};
