//! `relayhouse emulator`: what a cloud does, on this machine.

mod servicebus;
mod sqs;

use std::time::{SystemTime, UNIX_EPOCH};

use crate::{
    Stdout,
    args::{Emulator, Service},
    console::Console,
    exit::{Code, Failure},
};

pub(crate) async fn run(args: Emulator, console: Console, stdout: Stdout) -> Result<Code, Failure> {
    match args.service {
        Service::ServiceBus(args) => servicebus::run(args, console, stdout).await,
        Service::Sqs(args) => sqs::run(args, console, stdout).await,
    }
}

/// Makes a seed of the time: what is drawn is other than in the last run.
fn seed(now: SystemTime) -> u64 {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs() ^ u64::from(since.subsec_nanos()) << 32
}
