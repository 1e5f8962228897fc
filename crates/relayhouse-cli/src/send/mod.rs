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
    args::{Messages, Rate, SendArgs},
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
    let how = How {
        until: args.delay.map(NotBefore::After),
        rate: args.rate,
        receipts: None,
    };
    let sent = all(&args.messages, &queue, how, console).await?;
    if let Some(format) = args.output {
        let counts = sent.tally.counts(&sent.end, args.messages.raw);
        print::once(stdout, &print::object(format, &counts)?).await?;
    }
    sent.code(&queue).await
}

/// Says how messages are sent.
#[derive(Debug)]
pub(crate) struct How {
    /// Until when they are held back.
    pub(crate) until: Option<NotBefore>,
    pub(crate) rate: Option<Rate>,
    /// Prints a receipt for each, if somebody wants them.
    pub(crate) receipts: Option<Receipts>,
}

/// Is how a send ended.
#[derive(Debug)]
pub(crate) struct Ended {
    end: End,
    tally: Tally,
    closed: Result<(), Error>,
}

/// Sends the input.
pub(crate) async fn all(
    messages: &Messages,
    queue: &Queue,
    how: How,
    console: Console,
) -> Result<Ended, Failure> {
    let input = Input::open(&messages.file)?;
    let progress = Progress::new(console);
    if input.is_terminal() {
        progress.note("reads what is typed; Ctrl-D ends it");
    }
    let maker = Maker {
        shape: Shape::of(messages),
        details: messages.details.clone(),
        until: how.until,
    };
    let cut = Cut {
        line_max: messages.line_max,
        skip: messages.skip,
        is_whole: messages.raw,
    };
    let mut sending = Sending::new(messages, how, queue, &progress, input.size())?;
    let lines = input.lines(cut, move |number, line| maker.message(number, line));
    let end = sending.all(lines).await;
    progress.end();
    let closed = match end {
        End::Aborted => Ok(()),
        _ => sending.close().await,
    };
    let (tally, took) = sending.into_tally();
    tally.say(console, &end, took, messages.raw);
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
