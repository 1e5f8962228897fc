//! The senders of a run, which take batch after batch from one line.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use relayhouse::{Clock, Error, ErrorKind, Instant, Message, Queue, Result, runtime::Producer};
use tokio::{
    sync::watch,
    task::{JoinError, JoinSet},
};

use super::book::Book;
use crate::args::{Bench, Rate};

/// So many batches in a row that failed for a while end a sender.
const FAILED_BATCHES_MAX: u32 = 5;

/// How long a sender waits after a batch that failed.
const FAILED_WAIT: Duration = Duration::from_millis(100);

/// Sends the messages of a run.
#[derive(Debug)]
pub(super) struct Senders {
    producers: Vec<Producer>,
    line: Arc<Line>,
    tasks: JoinSet<Result<()>>,
}

/// Is what senders share: who is next, and whether to go on.
#[derive(Debug)]
struct Line {
    book: Arc<Book>,
    clock: Arc<dyn Clock>,
    body: Bytes,
    count: u32,
    batch: u32,
    keys: Option<u32>,
    next: AtomicU32,
    stopped: watch::Sender<bool>,
}

/// Says when messages are due.
#[derive(Clone, Copy, Debug)]
struct Timetable {
    start: Instant,
    rate: Option<Rate>,
}

impl Senders {
    pub(super) fn new(args: &Bench, queue: &Queue, book: &Arc<Book>) -> Result<Self> {
        let producer = || queue.producer_builder().batch_max(args.batch).build();
        let line = Line {
            book: Arc::clone(book),
            clock: Arc::clone(&queue.context().clock),
            body: vec![b'x'; args.size].into(),
            count: args.count,
            batch: args.batch,
            keys: args.keys,
            next: AtomicU32::new(0),
            stopped: watch::Sender::new(false),
        };
        Ok(Self {
            producers: (0..args.producers)
                .map(|_| producer())
                .collect::<Result<_>>()?,
            line: Arc::new(line),
            tasks: JoinSet::new(),
        })
    }

    /// Sends one message with each producer, numbered behind those that are measured.
    pub(super) async fn open(&self) -> Result<()> {
        for (number, producer) in (self.line.count..).zip(&self.producers) {
            self.line.send(producer, number, 1, self.line.now()).await?;
        }
        Ok(())
    }

    /// Starts to send.
    pub(super) fn start(&mut self, start: Instant, rate: Option<Rate>) {
        let timetable = Timetable { start, rate };
        for producer in &self.producers {
            let (line, producer) = (Arc::clone(&self.line), producer.clone());
            self.tasks
                .spawn(async move { line.send_all(&producer, timetable).await });
        }
    }

    /// Has no further batch sent.
    pub(super) fn stop(&self) {
        self.line.stopped.send_replace(true);
    }

    /// Waits until all senders have ended; an error ends the others. Dropping the future ends none.
    pub(super) async fn ended(&mut self) -> Result<()> {
        let mut first = Ok(());
        while let Some(ended) = self.tasks.join_next().await {
            let ended = ended.unwrap_or_else(|error| Err(panicked(error)));
            if ended.is_err() {
                self.stop();
            }
            first = first.and(ended);
        }
        first
    }

    /// Ends the producers.
    pub(super) async fn close(&self) -> Result<()> {
        let mut first = Ok(());
        for producer in &self.producers {
            first = first.and(producer.close().await);
        }
        first
    }
}

fn panicked(error: JoinError) -> Error {
    Error::new(ErrorKind::Unexpected, "a sender panicked").with_source(error)
}

impl Line {
    /// Sends batches until there is none left, or somebody stops it.
    async fn send_all(&self, producer: &Producer, timetable: Timetable) -> Result<()> {
        let mut failed = 0;
        while let Some((first, count)) = self.take() {
            let due = match timetable.due(first) {
                Some(due) => {
                    self.wait_until(due).await;
                    due
                }
                None => self.now(),
            };
            if self.is_stopped() {
                return Ok(());
            }
            match self.send(producer, first, count, due).await {
                Ok(()) => failed = 0,
                Err(error) if error.is_temporary() && failed + 1 < FAILED_BATCHES_MAX => {
                    failed += 1;
                    self.clock.sleep_until(self.now() + FAILED_WAIT).await;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes the next batch: the number of its first message, and how many there are.
    fn take(&self) -> Option<(u32, u32)> {
        if self.is_stopped() {
            return None;
        }
        let first = self.next.fetch_add(self.batch, Ordering::Relaxed);
        let left = self.count.checked_sub(first).filter(|left| 0 < *left)?;
        Some((first, left.min(self.batch)))
    }

    /// Sends messages from number `first` on, and returns an error that all of them have, or one that
    /// is for good.
    async fn send(&self, producer: &Producer, first: u32, count: u32, due: Instant) -> Result<()> {
        self.book.leave(first, count, due);
        let messages = (first..first + count).map(|number| self.message(number));
        let answers = producer.send_all(messages).await;
        self.book.answered(self.now(), first, &answers);
        let is_any_sent = answers.iter().any(Result::is_ok);
        let errors = answers.into_iter().filter_map(Result::err);
        let mut errors = errors.filter(|error| !is_any_sent || !error.is_temporary());
        errors.next().map_or(Ok(()), Err)
    }

    fn message(&self, number: u32) -> Message {
        let message = self.book.mark(number, Message::new(self.body.clone()));
        match self.keys {
            Some(keys) => message.ordering_key(format!("bench-{}", number % keys)),
            None => message,
        }
    }

    /// Waits until `due`, or somebody stops it.
    async fn wait_until(&self, due: Instant) {
        if due <= self.now() {
            return;
        }
        let mut stopped = self.stopped.subscribe();
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => {}
            () = self.clock.sleep_until(due) => {}
        }
    }

    fn is_stopped(&self) -> bool {
        *self.stopped.borrow()
    }

    fn now(&self) -> Instant {
        self.clock.now()
    }
}

impl Timetable {
    /// Returns when the batch that begins with message `first` is due; none if it is when its
    /// sender is ready.
    fn due(self, first: u32) -> Option<Instant> {
        let Rate { messages, per } = self.rate?;
        let nanos = per.as_nanos() * u128::from(first) / u128::from(messages.get());
        let after = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        Some(self.start + after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_due_by_the_clock_and_not_by_their_senders() {
        let start = Instant::START + Duration::from_secs(5);
        let rate = "1000/s".parse().ok();
        let due = |first| Timetable { start, rate }.due(first).unwrap();
        assert_eq!(due(0), start);
        assert_eq!(due(1500), start + Duration::from_millis(1500));
        assert_eq!(Timetable { start, rate: None }.due(0), None);
    }
}
