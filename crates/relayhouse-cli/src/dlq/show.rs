//! `relayhouse dlq show` and `grep`: print dead letters whole.

use std::num::NonZeroU32;

use relayhouse::{Delivery, Queue, Registry};

use super::{letters::Letters, which::NO_REASON};
use crate::{
    Stdout,
    args::{Decoding, DlqGrep, DlqShow, Format, Which},
    audit::short,
    console::Console,
    decode::{Decode, Decoded},
    exit::{Code, Failure},
    output::Output,
    peek::{Printed, Shape, body},
    print::{self, shortened},
    until::or_interrupted,
};

const TEXT_CHARS: usize = 60;
const BODY_CHARS: usize = 80;

/// Is how a person sees dead letters.
const SHAPE: Shape = Shape { heading, row };

/// Says what is printed, and how.
#[derive(Debug)]
struct Printing {
    which: Which,
    max: u32,
    decoding: Decoding,
    format: Format,
}

pub(super) async fn show(
    args: DlqShow,
    registry: &Registry,
    console: Console,
    stdout: Stdout,
) -> Result<Code, Failure> {
    let printing = Printing {
        which: args.which,
        max: args.max.get(),
        decoding: args.decoding,
        format: print::suited(args.output),
    };
    run(&args.url, printing, registry, console, stdout).await
}

/// Shows all that match.
pub(super) async fn grep(
    args: DlqGrep,
    registry: &Registry,
    console: Console,
    stdout: Stdout,
) -> Result<Code, Failure> {
    let mut which = args.which;
    which.patterns.push(args.regex);
    let printing = Printing {
        which,
        max: u32::MAX,
        decoding: Decoding::default(),
        format: print::suited(args.output),
    };
    run(&args.url, printing, registry, console, stdout).await
}

async fn run(
    url: &str,
    printing: Printing,
    registry: &Registry,
    console: Console,
    stdout: Stdout,
) -> Result<Code, Failure> {
    let queue = super::open(registry, url).await?;
    let decode = Decode::of(&printing.decoding, &queue.context().clock)?;
    let (output, writing) = Output::to(stdout);
    let mut printed = Printed::new(printing.format, SHAPE, output);
    let shown = print_all(&queue, printing, decode, &mut printed, console).await;
    drop(printed);
    queue.close().await?;
    let shown = shown?;
    writing.join()?;
    Ok(shown.map_or(Code::Interrupted, |()| Code::Done))
}

/// Prints what is meant; none if somebody interrupts.
async fn print_all(
    queue: &Queue,
    printing: Printing,
    mut decode: Option<Decode>,
    printed: &mut Printed,
    console: Console,
) -> Result<Option<()>, Failure> {
    let Printing { which, max, .. } = printing;
    let max = which.named().map_or(max, |ids| clamped(ids).min(max));
    let mut letters = Letters::open(queue, which.scan, console).await?;
    let shown = or_interrupted(async {
        let mut left = NonZeroU32::new(max);
        while let Some(count) = left {
            let page = letters.page().await?;
            if page.is_empty() {
                break;
            }
            let meant = page.iter().filter(|it| which.has(it));
            let meant: Vec<_> = meant.take(count.get() as usize).collect();
            left = NonZeroU32::new(count.get() - clamped(meant.len()));
            for delivery in meant {
                let decoded = match &mut decode {
                    Some(decode) => Some(decode.decode(&delivery.message).await),
                    None => None,
                };
                if !printed.print(delivery, decoded).await? {
                    return Ok::<_, Failure>(());
                }
            }
        }
        printed.end().await;
        Ok(())
    });
    let shown = shown.await.transpose();
    letters.close(console).await?;
    shown
}

fn clamped(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn heading() -> String {
    format!(
        "{:<8}  {:<32}  {:>8}  {:<20}  {:<TEXT_CHARS$}  BODY",
        "GROUP", "ID", "ATTEMPTS", "REASON", "DESCRIPTION"
    )
}

fn row(delivery: &Delivery, decoded: Option<Decoded>) -> String {
    let letter = delivery.envelope.as_deref();
    let attempts = letter.map_or(delivery.attempt, |it| it.attempts);
    let letter = letter.map(|it| &it.dead_letter);
    let group = letter.map(|it| it.fingerprint).unwrap_or_default();
    let reason = letter.map_or(NO_REASON, |it| &it.reason);
    let description = letter.map_or("", |it| &it.description);
    format!(
        "{:<8}  {:<32}  {attempts:>8}  {:<20}  {:<TEXT_CHARS$}  {}",
        short(group),
        shortened(&delivery.id.to_string(), 36),
        shortened(reason, 20),
        shortened(description, TEXT_CHARS),
        shortened(&body(delivery, decoded), BODY_CHARS)
    )
}
