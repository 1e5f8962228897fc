//! `relayhouse peek`: shows messages, and what they say, without taking them.

use std::num::NonZeroU32;

use bytes::Bytes;
use relayhouse::{Delivery, Registry, ctrl_c};

use crate::{
    Stdout,
    args::{Format, Peek},
    decode::{Decode, Decoded},
    envelope,
    exit::{Code, Failure},
    output::Output,
    print::{self, shortened},
};

/// How many messages one call shows.
pub(crate) const PAGE_MAX: u32 = 100;

const BODY_CHARS: usize = 80;

pub(crate) async fn run(args: Peek, registry: &Registry, stdout: Stdout) -> Result<Code, Failure> {
    let queue = registry.open(&args.url).await?;
    let admin = queue.admin()?;
    let mut decode = Decode::of(&args.decoding, &queue.context().clock)?;
    let (output, writing) = Output::to(stdout);
    let mut printed = Printed::new(print::suited(args.output), SHAPE, output);
    let peeked = async {
        let (mut from, mut left) = (args.from, args.max.get());
        while let Some(max) = NonZeroU32::new(left.min(PAGE_MAX)) {
            let page = admin.peek(queue.source(), from, max).await?;
            let Some(last) = page.last() else { break };
            // A provider that does not number its messages shows one page.
            let next = last.sequence.and_then(|sequence| sequence.checked_add(1));
            left = left.saturating_sub(u32::try_from(page.len()).unwrap_or(u32::MAX));
            for delivery in &page {
                let decoded = match &mut decode {
                    Some(decode) => Some(decode.decode(&delivery.message).await),
                    None => None,
                };
                if !printed.print(delivery, decoded).await? {
                    return Ok::<_, Failure>(());
                }
            }
            let Some(next) = next else { break };
            from = next;
        }
        printed.end().await;
        Ok(())
    };
    let interrupted = ctrl_c();
    let peeked = tokio::select! {
        biased;
        () = interrupted => None,
        peeked = peeked => Some(peeked),
    };
    let Some(peeked) = peeked else {
        queue.close().await?;
        return Ok(Code::Interrupted);
    };
    drop(printed);
    peeked?;
    writing.join()?;
    queue.close().await?;
    Ok(Code::Done)
}

/// Prints messages.
#[derive(Debug)]
pub(crate) struct Printed {
    format: Format,
    shape: Shape,
    output: Output,
    count: u64,
}

/// Is how a person sees messages: a line for each, below a heading.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) heading: fn() -> String,
    pub(crate) row: fn(&Delivery, Option<Decoded>) -> String,
}

/// Is how a person sees any message.
pub(crate) const SHAPE: Shape = Shape { heading, row };

impl Printed {
    pub(crate) const fn new(format: Format, shape: Shape, output: Output) -> Self {
        Self {
            format,
            shape,
            output,
            count: 0,
        }
    }

    /// Prints a message; false if it cannot be written, why is known to who writes.
    pub(crate) async fn print(
        &mut self,
        of: &Delivery,
        decoded: Option<Decoded>,
    ) -> Result<bool, Failure> {
        let is_first = self.count == 0;
        self.count += 1;
        let text = match self.format {
            Format::Table if is_first => {
                format!(
                    "{}\n{}",
                    (self.shape.heading)(),
                    (self.shape.row)(of, decoded)
                )
            }
            Format::Table => (self.shape.row)(of, decoded),
            Format::Ndjson => line(of, decoded)?,
            Format::Json if is_first => format!("[{}", line(of, decoded)?),
            Format::Json => format!(",{}", line(of, decoded)?),
        };
        Ok(self.output.write(text.into()).await.is_ok())
    }

    /// Ends what is printed.
    pub(crate) async fn end(&mut self) {
        if self.format == Format::Json {
            let end = if self.count == 0 { "[]" } else { "]" };
            // Why it failed is known to who writes.
            let _ = self.output.write(Bytes::from_static(end.as_bytes())).await;
        }
    }
}

fn line(delivery: &Delivery, decoded: Option<Decoded>) -> Result<String, Failure> {
    envelope::write_decoded(delivery, decoded)
        .map_err(|error| Failure::new(Code::Io, format!("message cannot be printed: {error}")))
}

fn heading() -> String {
    format!("{:>8}  {:<32}  {:>7}  BODY", "SEQUENCE", "ID", "ATTEMPT")
}

fn row(delivery: &Delivery, decoded: Option<Decoded>) -> String {
    let sequence = delivery
        .sequence
        .map_or("-".to_owned(), |it| it.to_string());
    let body = body(delivery, decoded);
    let (id, attempt) = (delivery.id.to_string(), delivery.attempt);
    format!(
        "{sequence:>8}  {:<32}  {attempt:>7}  {}",
        shortened(&id, 36),
        shortened(&body, BODY_CHARS)
    )
}

/// Shows what a body says, and as it stands where that is not known.
pub(crate) fn body(delivery: &Delivery, decoded: Option<Decoded>) -> String {
    match decoded {
        Some(Ok(value)) => value.to_string(),
        Some(Err(reason)) => format!("({reason}) {}", raw(delivery)),
        None => raw(delivery),
    }
}

fn raw(delivery: &Delivery) -> String {
    String::from_utf8_lossy(&delivery.message.body).into_owned()
}
