//! `relayhouse receive`: prints messages, and settles them or leaves them.

mod held;
mod printer;

use std::num::NonZeroU32;

use relayhouse::{Delivery, Error, ErrorKind, Queue, Registry, ctrl_c, runtime::Pull};

use self::{
    held::{Held, Keeping},
    printer::{Printer, Shape},
};
use crate::{
    Stdout,
    args::Receive,
    console::{Console, Verbosity},
    exit::{Code, Failure},
    failure::no_delay,
    lease::with_lease,
    output::Output,
};

/// Says why nothing more is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Nothing came in time.
    Empty,
    /// As many as asked for are printed, or as may be held.
    Enough,
    /// Somebody wants it.
    Interrupted,
    /// What is printed does not arrive.
    Unwritable,
    /// Somebody wants it, and what is printed is not read.
    Stuck,
}

pub(crate) async fn run(
    args: Receive,
    registry: &Registry,
    console: Console,
    stdout: Stdout,
) -> Result<Code, Failure> {
    let queue = registry.open(&args.url).await?;
    let pull = open(&queue, &args).await?;
    let (output, writing) = Output::to(stdout);
    let mut printer = Printer::new(Shape::of(&args), output);
    let mut held = Held::new(Keeping::of(&args), &pull);
    let took = take(&args, &pull, &mut printer, &mut held, console).await;
    let is_stuck = matches!(took, Ok(End::Stuck));
    if !is_stuck {
        printer.end().await;
    }
    let settled = held.end().await;
    let closed = pull.close().await;
    let written = if is_stuck { Ok(()) } else { writing.join() };

    say(console, took.as_ref().ok(), &held, &args);
    written?;
    let end = took?;
    settled?;
    closed?;
    queue.close().await?;
    Ok(match end {
        End::Interrupted | End::Stuck => Code::Interrupted,
        _ => Code::Done,
    })
}

async fn open(queue: &Queue, args: &Receive) -> Result<Pull, Failure> {
    let pull = with_lease(args.lease, async |lease| {
        let consumer = queue
            .consumer()
            .prefetch_max(Keeping::of(args).prefetch_max(args.max))
            .receive_wait(args.wait)
            .failure(no_delay());
        let consumer = match lease {
            Some(lease) => consumer.lease(lease),
            None => consumer,
        };
        consumer.pull().await
    });
    pull.await.map_err(|error| match error.kind() {
        ErrorKind::Unsupported => {
            let text = format!("{error}; `relayhouse work` can");
            Failure::new(Code::Usage, text)
        }
        _ => error.into(),
    })
}

/// Takes, prints and settles until there is a reason to end.
async fn take(
    args: &Receive,
    pull: &Pull,
    printer: &mut Printer,
    held: &mut Held,
    console: Console,
) -> Result<End, Error> {
    let interrupted = ctrl_c();
    tokio::pin!(interrupted);
    console.detail("waits for messages");
    while let Some(wanted) = held.wanted(args.max) {
        let is_settled = held.is_settled();
        let next = tokio::select! {
            biased;
            () = &mut interrupted => return Ok(End::Interrupted),
            next = next(pull, held, wanted) => next?,
        };
        let delivery = match next {
            Some(delivery) => delivery,
            None if is_settled => return Ok(End::Empty),
            // What was not settled yet may have held back what comes after it in its key.
            None => {
                held.settled().await?;
                continue;
            }
        };
        let printed = tokio::select! {
            biased;
            printed = printer.print(&delivery) => printed.map_err(|_| End::Unwritable),
            () = &mut interrupted => Err(End::Stuck),
        };
        held.take(delivery, printed.is_ok()).await?;
        if let Err(end) = printed {
            return Ok(end);
        }
        if held.is_full() {
            return Ok(End::Enough);
        }
    }
    Ok(End::Enough)
}

/// Waits for the next delivery of so many that are wanted, while settlements go on.
async fn next(pull: &Pull, held: &mut Held, wanted: NonZeroU32) -> Result<Option<Delivery>, Error> {
    let next = pull.next_up_to(wanted);
    tokio::pin!(next);
    loop {
        tokio::select! {
            biased;
            next = &mut next => return next,
            settled = held.settle_one(), if !held.is_settled() => settled?,
        }
    }
}

fn say(console: Console, end: Option<&End>, held: &Held, args: &Receive) {
    let count = held.count();
    if end == Some(&End::Empty) && count == 0 {
        let wait = humantime::format_duration(args.wait);
        console.note(&format!("no message came within {wait}"));
    } else if held.is_full() {
        console.note(&format!(
            "{count} messages are as many bytes as may be held; take more with --ack"
        ));
    } else if Verbosity::Verbose <= console.verbosity {
        console.note(&format!("{count} messages"));
    }
}
