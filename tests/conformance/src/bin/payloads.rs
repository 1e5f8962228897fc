//! Does one thing with large bodies in S3, and prints what came of it as JSON.

use std::{
    env,
    io::{self, Write},
};

use anyhow::{Result, bail};
use relayhouse_conformance::service::sqs::payloads::Payloads;
use tokio::runtime::Builder;

fn main() -> Result<()> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let [verb, queue, bucket] = arguments[..] else {
        bail!("usage: payloads keep|receive|send QUEUE BUCKET");
    };
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let told = runtime.block_on(async {
        let payloads = Payloads::new(queue, bucket).await?;
        match verb {
            "keep" => payloads.keep().await,
            "receive" => payloads.receive().await,
            "send" => payloads.send(BYTES).await,
            other => bail!("{other} is none of keep, receive and send"),
        }
    })?;
    Ok(writeln!(io::stdout(), "{told}")?)
}

/// How large the body is that is sent.
const BYTES: usize = 2_000_000;
