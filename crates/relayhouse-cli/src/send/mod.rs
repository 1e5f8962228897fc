//! `relayhouse send`: puts the input on a queue.

mod deliver;
mod message;
mod receipts;
mod sending;
mod tally;

use relayhouse::{Entity, Error, NotBefore, Queue, Registry};

pub(crate) use self::{
    deliver::{Behind, deliver, is_of_the_message},
    receipts::Receipts,
};
use self::{
    message::{Maker, Shape},
    sending::{End, Sending},
    tally::Tally,
};
use crate::{
    Stdout,
    args::SendArgs,
    console::Console,
    exit::{Code, Failure},
    input::{Cut, Input},
    print,
    progress::Progress,
};

pub(crate) async fn run(
    args: SendArgs,
    registry: &Registry,
    console: Console,
    stdout: Stdout,
) -> Result<Code, Failure> {
    let queue = registry.open(&args.url).await?;
    check_target(&queue)?;
    let until = args.delay.map(NotBefore::After);
    let sent = all(&args, &queue, until, None, console).await?;
    if let Some(format) = args.output {
        let counts = sent.tally.counts(&sent.end, args.raw);
        print::once(stdout, &print::object(format, &counts)?).await?;
    }
    sent.code(&queue).await
}

/// Is how a send ended.
#[derive(Debug)]
pub(crate) struct Ended {
    end: End,
    tally: Tally,
    closed: Result<(), Error>,
}

/// Sends the input, with a receipt for each message if somebody wants them.
pub(crate) async fn all(
    args: &SendArgs,
    queue: &Queue,
    until: Option<NotBefore>,
    receipts: Option<Receipts>,
    console: Console,
) -> Result<Ended, Failure> {
    let input = Input::open(&args.file)?;
    let progress = Progress::new(console);
    if input.is_terminal() {
        progress.note("reads what is typed; Ctrl-D ends it");
    }
    let mut sending = Sending::new(args, queue, &progress, input.size())?.receipts(receipts);
    let maker = Maker {
        shape: Shape::of(args),
        details: args.details.clone(),
        until,
    };
    let cut = Cut {
        line_max: args.line_max,
        skip: args.skip,
        is_whole: args.raw,
    };
    let lines = input.lines(cut, move |number, line| maker.message(number, line));
    let end = sending.all(lines).await;
    progress.end();
    let closed = match end {
        End::Aborted => Ok(()),
        _ => sending.close().await,
    };
    let (tally, took) = sending.into_tally();
    tally.say(console, &end, took, args.raw);
    Ok(Ended { end, tally, closed })
}

impl Ended {
    /// Returns true if what is under way is not waited for.
    pub(crate) const fn is_aborted(&self) -> bool {
        matches!(self.end, End::Aborted)
    }

    /// Closes `queue`, and returns how the program ends.
    pub(crate) async fn code(self, queue: &Queue) -> Result<Code, Failure> {
        self.closed?;
        if !matches!(self.end, End::Aborted) {
            queue.close().await?;
        }
        code(self.end, &self.tally)
    }
}

/// Refuses what nothing can be sent to.
pub(crate) fn check_target(queue: &Queue) -> Result<(), Failure> {
    let source = queue.source();
    let (place, what) = match (&source.entity, source.dead_letter) {
        (Entity::Queue(_), false) => return Ok(()),
        (Entity::Queue(queue), true) => (queue, "a dead-letter queue"),
        (Entity::Subscription { topic, .. }, _) => (topic, "a subscription"),
    };
    let text = format!("nothing can be sent to {what} such as {source}; send to {place}");
    Err(Failure::new(Code::Usage, text))
}

fn code(end: End, tally: &Tally) -> Result<Code, Failure> {
    if let End::Unreadable(failure) = end {
        return Err(failure);
    }
    if tally.has_failed() {
        return Ok(Code::Unavailable);
    }
    Ok(match end {
        End::Interrupted | End::Aborted => Code::Interrupted,
        End::Unwritable => Code::Io,
        _ if 0 < tally.not_taken => Code::Data,
        _ => Code::Done,
    })
}
