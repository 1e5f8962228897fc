//! `relayhouse dlq edit`: mends the body of one dead letter, and sends it back.

use std::{
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use relayhouse::{Delivery, Registry};
use serde::Serialize;

use super::{mend, sources::Sources};
use crate::{
    Stdout,
    args::{Decoding, DlqEdit},
    audit::{Audit, append},
    carry::{Broken, Carrier},
    console::Console,
    decode::Decode,
    envelope,
    exit::{Code, Failure},
    leased::{Leased, Looking},
    print,
    until::or_interrupted,
};

/// The name of the file that originals are kept in.
const KEPT: &str = "edited.ndjson";

/// Is what is printed.
#[derive(Debug, Serialize)]
struct Told {
    id: String,
    /// Where the original is.
    kept: PathBuf,
}

pub(super) async fn run(
    args: DlqEdit,
    registry: &Registry,
    console: Console,
    stdout: Stdout,
) -> Result<Code, Failure> {
    let queue = super::open(registry, &args.url).await?;
    let clock = Arc::clone(&queue.context().clock);
    let decoding = Decoding {
        decode: true,
        schema: args.schema.clone(),
        registry: args.registry.clone(),
    };
    let decode = Decode::of(&decoding, &clock)?;
    let (audit, auditing) = Audit::open(args.audited.clone(), "dlq edit", &args.url, &clock)?;
    let kept = match &args.keep {
        Some(file) => file.clone(),
        None => audit.file().with_file_name(KEPT),
    };
    let mut editing = Editing {
        sources: Sources::open(registry, &queue, &args.url, args.to.as_deref()).await?,
        leased: Leased::open(&queue, Looking::at(args.scan)).await?,
        carrier: Carrier::new(audit, None, &clock, console),
        decode,
        kept,
    };
    let edited = editing.edit(&args.id).await;
    let Editing {
        mut carrier,
        mut leased,
        kept,
        ..
    } = editing;
    for delivery in carrier.stayed() {
        leased.hold(delivery);
    }
    drop(carrier);
    let closed = leased.close().await;
    auditing.join()?;
    let code = edited?;
    closed?;
    queue.close().await?;
    match code {
        None => console.note("the body is as it was: nothing is changed"),
        Some(_) => {
            let told = Told { id: args.id, kept };
            print::once(stdout, &print::json(&told)?).await?;
        }
    }
    Ok(code.unwrap_or(Code::Done))
}

/// Is all that an edit needs.
struct Editing {
    sources: Sources,
    leased: Leased,
    carrier: Carrier,
    decode: Option<Decode>,
    kept: PathBuf,
}

impl Editing {
    /// Mends the dead letter with this id, and returns how its sending ended; none if its body was
    /// left as it was.
    async fn edit(&mut self, id: &str) -> Result<Option<Code>, Failure> {
        let Some(found) = or_interrupted(self.find(id)).await else {
            return Err(Failure::new(Code::Interrupted, ""));
        };
        let delivery = found?;
        // Others may want the rest while somebody thinks.
        self.leased.give_back().await?;
        match self.mended(&delivery).await {
            Ok(Some(mended)) => Ok(Some(self.send(mended).await)),
            unchanged => {
                self.leased.hold(delivery);
                unchanged.map(|_| None)
            }
        }
    }

    async fn find(&mut self, id: &str) -> Result<Delivery, Failure> {
        while let Some(delivery) = self.leased.next(u32::MAX).await? {
            if delivery.id.to_string() == id {
                return Ok(delivery);
            }
            self.leased.hold(delivery);
        }
        let text = format!("there is no dead letter {id}, or somebody else has it");
        Err(Failure::new(Code::Unavailable, text))
    }

    /// Returns `delivery` with another body, once the original is kept.
    async fn mended(&mut self, delivery: &Delivery) -> Result<Option<Delivery>, Failure> {
        let mended = mend::mend(delivery).await?;
        if mended.body == delivery.message.body {
            return Ok(None);
        }
        let mut changed = delivery.clone();
        changed.message.body = mended.body.clone();
        let wrong = match &mut self.decode {
            Some(decode) => {
                mended
                    .wrong(&delivery.message, &changed.message, decode)
                    .await
            }
            None => None,
        };
        if let Some(reason) = wrong {
            let file = mended.keep()?;
            let text = format!(
                "{reason}; nothing is changed, the edit is in {}",
                file.display()
            );
            return Err(Failure::new(Code::Data, text));
        }
        keep(&self.kept, delivery)?;
        Ok(Some(changed))
    }

    async fn send(&mut self, delivery: Delivery) -> Code {
        match self.sources.parcel(&self.leased.hand(), delivery).await {
            Ok(parcel) => self.carrier.carry(parcel).await,
            Err((delivery, error)) => self.carrier.refuse(delivery, &error),
        }
        self.carrier.all_landed().await;
        match self.carrier.broken() {
            Some(Broken::Audit) => Code::Io,
            _ if self.carrier.tally().has_failed() => Code::Unavailable,
            _ => Code::Done,
        }
    }
}

/// Adds the original to the file of those that were edited, and waits for the disk.
fn keep(file: &Path, original: &Delivery) -> Result<(), Failure> {
    let mut to = append(file)?;
    let mut line = envelope::write(original)
        .map_err(|error| Failure::new(Code::Io, format!("original cannot be kept: {error}")))?;
    line.push('\n');
    let written = to.write_all(line.as_bytes()).and_then(|()| to.sync_all());
    written.map_err(|error| Failure::io(file.display(), &error))
}
