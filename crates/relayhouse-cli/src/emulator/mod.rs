//! `relayhouse emulator`: what a cloud does, on this machine.

mod sqs;

use crate::{
    Stdout,
    args::{Emulator, Service},
    console::Console,
    exit::{Code, Failure},
};

pub(crate) async fn run(args: Emulator, console: Console, stdout: Stdout) -> Result<Code, Failure> {
    match args.service {
        Service::Sqs(args) => sqs::run(args, console, stdout).await,
    }
}
