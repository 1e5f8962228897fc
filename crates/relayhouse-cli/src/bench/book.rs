//! The book of a run: what became of each message, and how long it took.

use std::{
    collections::BTreeMap,
    fmt::Display,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use hdrhistogram::Histogram;
use relayhouse::{Error, ErrorKind, Instant, Message, Result, Sent};
use tokio::sync::Notify;

/// The header that messages of a run have.
const HEADER: &str = "relayhouse-bench";

const LATENCY_MICROS_MAX: u64 = 3_600_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;

/// Keeps an entry for each message of a run.
#[derive(Debug)]
pub(super) struct Book {
    run: String,
    /// How many messages are measured; those behind them open connections.
    measured: u32,
    /// How many there are with those.
    all: u32,
    pages: Mutex<Pages>,
    changed: Notify,
}

/// Is what is known so far.
#[derive(Clone, Debug)]
pub(super) struct Pages {
    entries: Vec<Entry>,
    pub(super) counts: Counts,
    /// Why messages failed.
    pub(super) reasons: BTreeMap<String, u64>,
    pub(super) send: Histogram<u64>,
    pub(super) delivery: Histogram<u64>,
    pub(super) times: Times,
    last_news: Instant,
}

/// Counts messages by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Confirmed.
    pub(super) sent: u64,
    pub(super) failed: u64,
    pub(super) unknown: u64,
    /// Received at least once.
    pub(super) received: u64,
    /// Received more than once.
    pub(super) twice: u64,
    /// Of somebody else.
    pub(super) foreign: u64,
    /// Confirmed, and not received yet; those that open connections included.
    pub(super) missing: u64,
}

/// Says when things happened first and last.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Times {
    pub(super) start: Option<Instant>,
    pub(super) last_sent: Option<Instant>,
    pub(super) first_received: Option<Instant>,
    pub(super) last_received: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    due: Instant,
    is_confirmed: bool,
    received: u8,
}

impl Book {
    /// Opens the book of `run`, for `measured` messages and `more` that open connections.
    #[expect(clippy::expect_used, reason = "the bounds are constants")]
    pub(super) fn new(run: impl Display, measured: u32, more: u32) -> Self {
        let entry = Entry {
            due: Instant::NEVER,
            is_confirmed: false,
            received: 0,
        };
        let latency = || {
            Histogram::new_with_bounds(1, LATENCY_MICROS_MAX, SIGNIFICANT_DIGITS)
                .expect("the bounds are in range")
        };
        Self {
            run: run.to_string(),
            measured,
            all: measured + more,
            pages: Mutex::new(Pages {
                entries: vec![entry; (measured + more) as usize],
                counts: Counts::default(),
                reasons: BTreeMap::new(),
                send: latency(),
                delivery: latency(),
                times: Times::default(),
                last_news: Instant::START,
            }),
            changed: Notify::new(),
        }
    }

    pub(super) fn run(&self) -> &str {
        &self.run
    }

    /// Marks `message` as number `number` of this run.
    pub(super) fn mark(&self, number: u32, message: Message) -> Message {
        message.header(HEADER, format!("{}-{number}", self.run))
    }

    /// Returns the number that `message` has in this run; none if it is somebody else's.
    pub(super) fn number(&self, message: &Message) -> Option<u32> {
        let mark = message.headers().text(HEADER)?;
        let number = mark.strip_prefix(&*self.run)?.strip_prefix('-')?;
        number.parse().ok().filter(|number| *number < self.all)
    }

    /// Starts the clock.
    pub(super) fn start(&self, now: Instant) {
        let mut pages = self.lock();
        pages.times.start = Some(now);
        pages.last_news = now;
    }

    /// Takes note that messages from number `first` on leave, which were due at `due`.
    pub(super) fn leave(&self, first: u32, count: u32, due: Instant) {
        let first = first as usize;
        for entry in &mut self.lock().entries[first..first + count as usize] {
            entry.due = due;
        }
    }

    /// Takes note of the answers to messages from number `first` on.
    pub(super) fn answered(&self, now: Instant, first: u32, answers: &[Result<Sent>]) {
        let mut pages = self.lock();
        for (number, answer) in (first..).zip(answers) {
            pages.answered(now, number, number < self.measured, answer);
        }
    }

    /// Takes note that message `number` came.
    pub(super) fn received(&self, now: Instant, number: u32) {
        let mut pages = self.lock();
        let is_measured = number < self.measured;
        pages.received(now, number, is_measured);
        drop(pages);
        // Of the others nobody is told at once.
        if !is_measured {
            self.changed.notify_waiters();
        }
    }

    /// Takes note of a message of somebody else.
    pub(super) fn foreign(&self) {
        self.lock().counts.foreign += 1;
        self.changed.notify_waiters();
    }

    /// Ends when `is_so`, which is looked at when a message came that opens a connection, or one of
    /// somebody else.
    pub(super) async fn until(&self, is_so: impl Fn(&Counts) -> bool) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // What changes from here on is heard.
            changed.as_mut().enable();
            if is_so(&self.counts()) {
                return;
            }
            changed.await;
        }
    }

    pub(super) fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// Returns when something came or was confirmed last, or the clock was started.
    pub(super) fn last_news(&self) -> Instant {
        self.lock().last_news
    }

    /// Returns a copy of all that is known.
    pub(super) fn pages(&self) -> Pages {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    fn answered(&mut self, now: Instant, number: u32, is_measured: bool, answer: &Result<Sent>) {
        let counts = &mut self.counts;
        match answer {
            Ok(_) => {
                let entry = &mut self.entries[number as usize];
                entry.is_confirmed = true;
                counts.missing += u64::from(entry.received == 0);
                if is_measured {
                    counts.sent += 1;
                    self.send.saturating_record(micros(now.since(entry.due)));
                    self.times.last_sent = Some(now);
                }
                self.last_news = now;
            }
            Err(error) if is_unknown(error) => counts.unknown += 1,
            Err(error) => {
                counts.failed += 1;
                let reason = format!("{:?}", error.kind());
                *self.reasons.entry(reason).or_default() += 1;
            }
        }
    }

    fn received(&mut self, now: Instant, number: u32, is_measured: bool) {
        let entry = &mut self.entries[number as usize];
        entry.received = entry.received.saturating_add(1);
        match entry.received {
            1 => {
                self.counts.missing -= u64::from(entry.is_confirmed);
                if is_measured {
                    self.counts.received += 1;
                    let latency = micros(now.since(entry.due));
                    self.delivery.saturating_record(latency);
                    self.times.first_received.get_or_insert(now);
                    self.times.last_received = Some(now);
                }
            }
            2 => self.counts.twice += 1,
            _ => {}
        }
        self.last_news = now;
    }
}

fn is_unknown(error: &Error) -> bool {
    error.kind() == ErrorKind::OutcomeUnknown
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
