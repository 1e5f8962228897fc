//! An observer that feeds an oracle.

use std::sync::{Mutex, MutexGuard, PoisonError};

use relayhouse_core::{Error, Event, Instant, Message, Observer, Source};

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
        let is_mine = |source: &Source| source.entity == self.source.entity;
        let is_live = |source: &Source| is_mine(source) && !source.dead_letter;
        match *event {
            Event::Sent { id, result, .. } => {
                let done = |deduplicated| {
                    if deduplicated {
                        Answer::Deduplicated
                    } else {
                        Answer::Done
                    }
                };
                let answer = result.map_or_else(Answer::from, |sent| done(sent.deduplicated));
                Some(Entry::Sent { id, answer })
            }
            Event::Received { source, delivery } if is_mine(source) => {
                if source.dead_letter {
                    return Some(Entry::Dead(delivery));
                }
                Some(Entry::Received(delivery))
            }
            Event::Started { source, delivery } if is_live(source) => {
                Some(Entry::Started(&delivery.receipt))
            }
            Event::Handled {
                source,
                delivery,
                result,
                ..
            } if is_live(source) => {
                let is_success = result.is_ok_and(relayhouse_core::Settlement::is_success);
                let end = if is_success {
                    HandlerEnd::Success
                } else {
                    HandlerEnd::Failure
                };
                Some(Entry::Handled {
                    receipt: &delivery.receipt,
                    end,
                })
            }
            Event::Settled {
                source,
                delivery,
                settlement,
                result,
            } if is_live(source) => {
                let answer = result.map_or_else(Answer::from, |()| Answer::Done);
                let receipt = &delivery.receipt;
                Some(Entry::Settled {
                    receipt,
                    settlement,
                    answer,
                })
            }
            Event::Extended {
                source,
                receipt,
                result,
            } if is_live(source) => {
                let until = result.map_err(Error::kind).ok()?;
                Some(Entry::Extended { receipt, until })
            }
            _ => None,
        }
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
