//! `relayhouse dlq export`: writes dead letters to a file.

use std::path::Path;

use relayhouse::{Error, Registry};

use super::letters::Letters;
use crate::{
    Stdout,
    args::DlqExport,
    console::Console,
    envelope,
    exit::{Code, Failure},
    output::{self, Output},
    until::or_interrupted,
};

pub(super) async fn run(
    args: DlqExport,
    registry: &Registry,
    console: Console,
    stdout: Stdout,
) -> Result<Code, Failure> {
    let queue = super::open(registry, &args.url).await?;
    let (output, writing) = match args.file == Path::new("-") {
        true => Output::to(stdout),
        false => output::create(&args.file)?,
    };
    let mut letters = Letters::open(&queue, args.which.scan, console).await?;
    let mut count = 0_u64;
    let exported = or_interrupted(async {
        loop {
            let page = letters.page().await?;
            if page.is_empty() {
                return Ok::<_, Failure>(());
            }
            for delivery in page.iter().filter(|it| args.which.has(it)) {
                let line = envelope::write(delivery).map_err(|error| unprintable(&error))?;
                // Why it failed is known to who writes.
                if output.write(line.into()).await.is_err() {
                    return Ok(());
                }
                count += 1;
            }
        }
    });
    let exported = exported.await.transpose();
    drop(output);
    let closed: Result<(), Error> = letters.close(console).await;
    queue.close().await?;
    let exported = exported?;
    writing.join()?;
    closed?;
    console.note(&format!("{count} dead letters are written"));
    Ok(exported.map_or(Code::Interrupted, |()| Code::Done))
}

fn unprintable(error: &serde_json::Error) -> Failure {
    Failure::new(Code::Io, format!("dead letter cannot be written: {error}"))
}
