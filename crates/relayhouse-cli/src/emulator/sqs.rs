//! `relayhouse emulator sqs`: Amazon SQS over HTTP, until Ctrl-C.

use std::net::SocketAddr;

use relayhouse::ctrl_c;
use sqs_emulator::{Builder, Clock, MachineClock, SqsEmulator};

use super::{cannot_listen, print, seed};
use crate::{
    Stdout,
    args::Sqs,
    console::Console,
    exit::{Code, Failure},
};

pub(super) async fn run(args: Sqs, console: Console, stdout: Stdout) -> Result<Code, Failure> {
    let interrupted = ctrl_c();
    let address = SocketAddr::new(args.listen, args.port);
    let region = args.region.clone();
    let emulator = builder(args).address(address).start().await;
    let emulator = emulator.map_err(|error| cannot_listen(address, &error))?;
    print(stdout, emulator.endpoint())?;
    console.note(&what_next(emulator.endpoint(), &region));
    interrupted.await;
    emulator.close().await;
    Ok(Code::Interrupted)
}

/// Says what to type in another terminal.
fn what_next(endpoint: &str, region: &str) -> String {
    let queue = format!("sqs://{region}/orders");
    format!(
        "serves Amazon SQS from memory, for any credentials, until Ctrl-C. In another terminal:
  export AWS_ENDPOINT_URL_SQS={endpoint} AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any
  relayhouse create {queue}
  echo '{{\"id\":7}}' | relayhouse send {queue}
  relayhouse receive {queue}"
    )
}

/// Sets up all but the address; ids and receipts are others than those of the last run.
fn builder(args: Sqs) -> Builder {
    let clock = MachineClock::new();
    let builder = SqsEmulator::builder()
        .seed(seed(clock.now()))
        .clock(clock)
        .region(args.region)
        .account(args.account);
    match args.host {
        Some(host) => builder.host(host),
        None => builder,
    }
}
