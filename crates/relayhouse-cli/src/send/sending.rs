//! The way of the input onto the queue: many messages in flight, within bounds.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use futures_util::stream::{FuturesUnordered, StreamExt};
use relayhouse::{Clock, Message, NotBefore, Queue, Result, Sent, ctrl_c, runtime::Producer};
use tokio::sync::mpsc::Receiver;

use super::{
    How,
    deliver::{Behind, deliver, is_of_the_message},
    receipts::{Receipt, Receipts},
    tally::Tally,
};
use crate::{
    args::Messages,
    exit::{Failure, with_advice},
    input::Line,
    pace::Pace,
    progress::{Progress, Pulse, View},
};

const IN_FLIGHT_MAX: usize = 4096;
const IN_FLIGHT_BYTES_MAX: u64 = 32 << 20;
const BATCH_MAX: u32 = 1000;
const BAD_LINES_SAID_MAX: u64 = 10;

type Lines = Receiver<Result<Line<Message>, Failure>>;
type Wish = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Says why no more was sent.
#[derive(Debug)]
pub(super) enum End {
    /// The input has ended.
    Done,
    /// A line was not taken that must be.
    Strict,
    /// The queue failed.
    Failed,
    /// Somebody wants it, and what was under way has ended.
    Interrupted,
    /// Somebody wants it at once.
    Aborted,
    /// The input cannot be read further.
    Unreadable(Failure),
    /// A receipt cannot be printed.
    Unwritable,
}

/// Sends the lines of the input.
#[derive(Debug)]
pub(super) struct Sending<'a> {
    progress: &'a Progress,
    pulse: Pulse,
    producer: Producer,
    clock: Arc<dyn Clock>,
    pace: Option<Pace>,
    is_strict: bool,
    flying: FuturesUnordered<Pin<Box<dyn Future<Output = Flight> + Send>>>,
    flying_bytes: u64,
    /// True once the queue has answered.
    is_open: bool,
    tally: Tally,
    read_bytes: u64,
    all_bytes: Option<u64>,
    /// Why no further line is read, once none is.
    end: Option<End>,
    receipts: Option<Receipts>,
    /// Those that are not printed yet.
    unprinted: Vec<Receipt>,
}

/// Is how the way of one message ended.
#[derive(Debug)]
struct Flight {
    line: u64,
    bytes: u64,
    until: Option<NotBefore>,
    answer: Result<Sent>,
}

impl<'a> Sending<'a> {
    pub(super) fn new(
        messages: &Messages,
        how: How,
        queue: &Queue,
        progress: &'a Progress,
        all_bytes: Option<u64>,
    ) -> Result<Self> {
        let clock = Arc::clone(&queue.context().clock);
        Ok(Self {
            progress,
            pulse: progress.pulse(&clock),
            producer: producer(queue)?,
            pace: how.rate.map(|rate| Pace::new(rate, &clock)),
            clock,
            is_strict: messages.strict,
            flying: FuturesUnordered::new(),
            flying_bytes: 0,
            is_open: false,
            tally: Tally::new(messages.skip),
            read_bytes: 0,
            all_bytes,
            end: None,
            receipts: how.receipts,
            unprinted: Vec::new(),
        })
    }

    /// Sends everything until the input ends, or something ends it early, and waits for what is
    /// under way.
    pub(super) async fn all(&mut self, lines: Lines) -> End {
        let end = self.some(lines).await;
        match self.receipts.take() {
            Some(receipts) if !matches!(end, End::Aborted) => receipts.end().await,
            _ => {}
        }
        end
    }

    async fn some(&mut self, mut lines: Lines) -> End {
        let mut wish: Wish = Box::pin(ctrl_c());
        loop {
            tokio::select! {
                biased;
                () = self.print() => {}
                () = &mut wish => {
                    // Nobody reads what is printed.
                    self.tally.abandon(self.flying.len());
                    return End::Aborted;
                }
            }
            let may_read = self.end.is_none();
            if !may_read && self.flying.is_empty() {
                return self.end.take().unwrap_or(End::Done);
            }
            let has_room = self.has_room();
            tokio::select! {
                biased;
                () = &mut wish => {
                    if matches!(self.end, Some(End::Interrupted)) {
                        self.tally.abandon(self.flying.len());
                        return End::Aborted;
                    }
                    wish = self.interrupted();
                }
                Some(flight) = self.flying.next(), if !self.flying.is_empty() => self.landed(flight),
                line = next(self.pace.as_ref(), &mut lines), if may_read && has_room => {
                    self.read(line);
                }
                () = self.pulse.tick() => self.show(),
            }
        }
    }

    /// Returns true if another message may leave. The first one goes alone, and opens the queue:
    /// what waited for that would not keep its order.
    fn has_room(&self) -> bool {
        if !self.is_open {
            return self.flying.is_empty();
        }
        self.flying.len() < IN_FLIGHT_MAX && self.flying_bytes < IN_FLIGHT_BYTES_MAX
    }

    /// Reads no further, and returns the next wish of that kind.
    fn interrupted(&mut self) -> Wish {
        // It listens before anybody is told to use it.
        let again = Box::pin(ctrl_c());
        self.progress
            .note("interrupted: waits for what is under way; once more does not");
        self.end = Some(End::Interrupted);
        again
    }

    fn read(&mut self, line: Option<Result<Line<Message>, Failure>>) {
        match line {
            None => self.end = Some(End::Done),
            Some(Err(failure)) => self.end = Some(End::Unreadable(failure)),
            Some(Ok(Line { number, end, item })) => {
                self.read_bytes = end;
                match item {
                    Ok(message) => self.leave(number, message),
                    Err(reason) => self.refuse(number, &reason),
                }
            }
        }
    }

    fn leave(&mut self, line: u64, message: Message) {
        if let Some(pace) = &mut self.pace {
            pace.left();
        }
        let bytes = message.size();
        let until = message.details().not_before;
        self.tally.begin(line);
        self.flying_bytes += bytes;
        let (producer, clock) = (self.producer.clone(), Arc::clone(&self.clock));
        self.flying.push(Box::pin(async move {
            let answer = deliver(&producer, &*clock, message, Behind::Sent).await;
            Flight {
                line,
                bytes,
                until,
                answer,
            }
        }));
    }

    fn landed(&mut self, flight: Flight) {
        let Flight {
            line,
            bytes,
            until,
            answer,
        } = flight;
        self.flying_bytes -= bytes;
        self.is_open = true;
        match answer {
            Ok(sent) => {
                self.tally.confirm(line, &sent);
                if let (Some(until), Some(_)) = (until, &self.receipts) {
                    let receipt = Receipt::new(line, &sent, until, &*self.clock);
                    self.unprinted.push(receipt);
                }
            }
            Err(error) if is_of_the_message(&error) => {
                self.refuse(line, &with_advice(&error));
            }
            Err(error) => {
                self.tally.fail(&error);
                if !matches!(self.end, Some(End::Failed)) {
                    self.progress
                        .error(&format!("line {line}: {}", with_advice(&error)));
                    self.end = Some(End::Failed);
                }
            }
        }
    }

    /// Prints receipts. Dropping the future loses those that are not printed yet.
    async fn print(&mut self) {
        let Some(receipts) = &mut self.receipts else {
            return;
        };
        for receipt in self.unprinted.drain(..) {
            match receipts.print(&receipt).await {
                Ok(true) => {}
                Ok(false) => self.end = Some(End::Unwritable),
                Err(failure) => self.end = Some(End::Unreadable(failure)),
            }
        }
    }

    fn refuse(&mut self, line: u64, reason: &str) {
        self.tally.refuse(line, self.is_strict);
        if self.is_strict {
            self.end.get_or_insert(End::Strict);
        }
        let text = format!("line {line}: {reason}");
        if self.tally.not_taken <= BAD_LINES_SAID_MAX {
            self.progress.error(&text);
        } else {
            self.progress.detail(&text);
        }
    }

    fn show(&mut self) {
        let view = View {
            count: self.tally.confirmed,
            what: "sent".to_owned(),
            share: self.all_bytes.map(|all| (self.read_bytes, all)),
        };
        self.pulse.show(&view);
    }

    /// Ends the sending, once nothing is under way.
    pub(super) async fn close(&self) -> Result<()> {
        self.producer.close().await
    }

    /// Returns what became of the lines, and how long it took.
    pub(super) fn into_tally(self) -> (Tally, Duration) {
        let took = self.pulse.took();
        (self.tally, took)
    }
}

/// Makes a producer that keeps the order of the input where the queue does: one call after the
/// other, each with what has come meanwhile.
fn producer(queue: &Queue) -> Result<Producer> {
    let builder = queue.producer_builder();
    if queue.provider().capabilities().queue_order.is_supported() {
        return builder.calls_in_flight(1).batch_max(BATCH_MAX).build();
    }
    builder.build()
}

/// Waits until a message may leave, and for the line that it is made of. Dropping the future
/// loses no line.
async fn next(pace: Option<&Pace>, lines: &mut Lines) -> Option<Result<Line<Message>, Failure>> {
    if let Some(pace) = pace {
        pace.due().await;
    }
    lines.recv().await
}
