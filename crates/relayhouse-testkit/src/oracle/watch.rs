//! An observer that feeds an oracle.

use std::sync::{Mutex, MutexGuard, PoisonError};

use relayhouse_core::{Event, Instant, Message, Observer, Sent, Settlement, Source};

use super::{Answer, HandlerEnd, Oracle, Rules, Verdict, entry::Entry};

/// Listens to one source and its dead-letter queue, and feeds an oracle with what it hears.
///
/// Producers tell of sends that begin with [`sending`](Self::sending).
#[derive(Debug)]
pub struct Watch {
    source: Source,
    oracle: Mutex<Oracle>,
}

impl Watch {
    /// Starts to watch `source`.
    #[must_use]
    pub fn new(source: &Source, rules: Rules) -> Self {
        Self {
            source: source.live(),
            oracle: Mutex::new(Oracle::new(rules)),
        }
    }

    fn oracle(&self) -> MutexGuard<'_, Oracle> {
        self.oracle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note that a send of `message` begins.
    pub fn sending(&self, now: Instant, message: &Message) {
        self.note(now, Entry::Sending(message));
    }

    /// Takes note of what happened at `now`.
    pub fn note(&self, now: Instant, entry: Entry<'_>) {
        self.oracle().note(now, entry);
    }

    /// Ends the history, with `left` messages still in the queue or its dead-letter queue, and
    /// starts a new one by `rules`.
    pub fn verdict(&self, left: u64, rules: Rules) -> Verdict {
        let oracle = std::mem::replace(&mut *self.oracle(), Oracle::new(rules));
        oracle.verdict(left)
    }

    /// Returns the entry that `event` stands for, if it is about the source.
    fn entry<'a>(&self, event: &Event<'a>) -> Option<Entry<'a>> {
        if let Event::Sent { id, result, .. } = *event {
            let answer = result.map_or_else(Answer::from, sent);
            return Some(Entry::Sent { id, answer });
        }
        let source = source(event)?;
        if source.entity != self.source.entity {
            return None;
        }
        if source.dead_letter {
            return dead_entry(event);
        }
        live_entry(event)
    }
}

const fn sent(sent: &Sent) -> Answer {
    if sent.deduplicated {
        Answer::Deduplicated
    } else {
        Answer::Done
    }
}

/// The source that an event is about.
const fn source<'a>(event: &Event<'a>) -> Option<&'a Source> {
    match *event {
        Event::Received { source, .. }
        | Event::Started { source, .. }
        | Event::Handled { source, .. }
        | Event::Settled { source, .. }
        | Event::Extended { source, .. } => Some(source),
        _ => None,
    }
}

/// The entry of an event about a dead-letter queue.
const fn dead_entry<'a>(event: &Event<'a>) -> Option<Entry<'a>> {
    match *event {
        Event::Received { delivery, .. } => Some(Entry::Dead(delivery)),
        _ => None,
    }
}

/// The entry of an event about a queue or subscription itself.
fn live_entry<'a>(event: &Event<'a>) -> Option<Entry<'a>> {
    match *event {
        Event::Received { delivery, .. } => Some(Entry::Received(delivery)),
        Event::Started { delivery, .. } => Some(Entry::Started(&delivery.receipt)),
        Event::Handled {
            delivery, result, ..
        } => {
            let end = if result.is_ok_and(Settlement::is_success) {
                HandlerEnd::Success
            } else {
                HandlerEnd::Failure
            };
            let receipt = &delivery.receipt;
            Some(Entry::Handled { receipt, end })
        }
        Event::Settled {
            delivery,
            settlement,
            result,
            ..
        } => Some(Entry::Settled {
            receipt: &delivery.receipt,
            settlement,
            answer: result.map_or_else(Answer::from, |()| Answer::Done),
        }),
        Event::Extended {
            receipt, result, ..
        } => {
            let until = result.ok()?;
            Some(Entry::Extended { receipt, until })
        }
        _ => None,
    }
}

impl Observer for Watch {
    fn observe(&self, now: Instant, events: &[Event<'_>]) {
        let mut oracle = self.oracle();
        for event in events {
            if let Some(entry) = self.entry(event) {
                oracle.note(now, entry);
            }
        }
    }
}
