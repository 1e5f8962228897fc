//! `relayhouse emulator`: what a cloud does, on this machine.

mod servicebus;
mod sqs;

use std::{
    io::{self, Write},
    net::SocketAddr,
    time::{SystemTime, UNIX_EPOCH},
};

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

fn cannot_listen(address: SocketAddr, error: &io::Error) -> Failure {
    let text = format!("cannot listen at {address}: {error}; choose another with --port");
    Failure::new(Code::Unavailable, text)
}

/// Prints where the emulator is: short enough that no reader makes it wait.
fn print(mut stdout: Stdout, place: &str) -> Result<(), Failure> {
    let printed = writeln!(stdout, "{place}").and_then(|()| stdout.flush());
    printed.map_err(|error| Failure::io("cannot write standard output", &error))
}

/// Makes a seed of the time: what is drawn is other than in the last run.
fn seed(now: SystemTime) -> u64 {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs() ^ u64::from(since.subsec_nanos()) << 32
}
