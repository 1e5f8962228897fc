//! What the console hears of a consumer while it works.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use relayhouse_core::{Event, Instant, Observer, Source};

/// The breakers that are told apart; further ones are not kept.
const BREAKERS_MAX: usize = 256;
/// A name longer than this is cut.
const NAME_CHARS_MAX: usize = 128;

/// Hears how long handlers take, what is in the hands of a consumer, and which breakers are not
/// closed.
///
/// It is an observer of the context that the consumer is built with, alone or among others. What
/// it costs are a few additions for each handler; only breakers, which rarely change, take a lock.
#[derive(Debug)]
pub struct Watch {
    source: Source,
    handled: AtomicU64,
    handler_nanos: AtomicU64,
    running: AtomicI64,
    waiting: AtomicI64,
    /// Those that are not closed.
    breakers: Mutex<BTreeMap<String, Breaker>>,
}

/// Is how a breaker is that is not closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Breaker {
    Open,
    HalfOpen,
}

/// Is what was heard so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) handled: u64,
    pub(crate) handler_time: Duration,
    pub(crate) running: u64,
    pub(crate) waiting: u64,
}

impl Watch {
    /// Makes a watch over the consumer of `source`, and over all breakers.
    #[must_use]
    pub fn new(source: Source) -> Self {
        Self {
            source,
            handled: AtomicU64::new(0),
            handler_nanos: AtomicU64::new(0),
            running: AtomicI64::new(0),
            waiting: AtomicI64::new(0),
            breakers: Mutex::default(),
        }
    }

    pub(crate) fn heard(&self) -> Heard {
        let level = |it: &AtomicI64| u64::try_from(it.load(Relaxed)).unwrap_or(0);
        Heard {
            handled: self.handled.load(Relaxed),
            handler_time: Duration::from_nanos(self.handler_nanos.load(Relaxed)),
            running: level(&self.running),
            waiting: level(&self.waiting),
        }
    }

    /// Returns the names of the breakers that are in `state`.
    pub(crate) fn breakers_in(&self, state: Breaker) -> BTreeSet<String> {
        let breakers = self.breakers();
        let those = breakers.iter().filter(|(_, it)| **it == state);
        those.map(|(name, _)| name.clone()).collect()
    }

    fn breakers(&self) -> MutexGuard<'_, BTreeMap<String, Breaker>> {
        self.breakers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_breaker(&self, name: &str, state: Breaker) {
        let (mut breakers, name) = (self.breakers(), cut(name));
        if breakers.len() < BREAKERS_MAX || breakers.contains_key(&name) {
            breakers.insert(name, state);
        }
    }

    fn note(&self, event: &Event<'_>) {
        match event {
            Event::Handled { source, took, .. } if **source == self.source => {
                let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
                self.handled.fetch_add(1, Relaxed);
                self.handler_nanos.fetch_add(nanos, Relaxed);
            }
            Event::Load {
                source,
                before,
                now,
            } if **source == self.source => {
                change(&self.running, before.running, now.running);
                change(&self.waiting, before.waiting, now.waiting);
            }
            Event::BreakerOpened { name, .. } => self.note_breaker(name, Breaker::Open),
            Event::BreakerHalfOpened { name } => self.note_breaker(name, Breaker::HalfOpen),
            Event::BreakerClosed { name } => {
                self.breakers().remove(&cut(name));
            }
            _ => {}
        }
    }
}

impl Observer for Watch {
    fn observe(&self, _: Instant, events: &[Event<'_>]) {
        events.iter().for_each(|event| self.note(event));
    }
}

fn change(level: &AtomicI64, before: u64, now: u64) {
    let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    level.fetch_add(signed(now) - signed(before), Relaxed);
}

fn cut(name: &str) -> String {
    name.chars().take(NAME_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use relayhouse_core::Load;

    use super::*;

    fn load(running: u64, waiting: u64) -> Load {
        Load {
            running,
            waiting,
            ..Load::default()
        }
    }

    #[test]
    fn loads_of_workers_add_up_and_those_of_others_are_not_heard() {
        let (orders, mails): (Source, Source) =
            ("orders".parse().unwrap(), "mails".parse().unwrap());
        let watch = Watch::new(orders.clone());
        let tell = |source, before, now| {
            let event = Event::Load {
                source,
                before,
                now,
            };
            watch.observe(Instant::START, &[event]);
        };
        tell(&orders, load(0, 0), load(3, 5));
        tell(&orders, load(0, 0), load(2, 0));
        tell(&mails, load(0, 0), load(9, 9));
        tell(&orders, load(3, 5), load(1, 0));
        let heard = watch.heard();
        assert_eq!((heard.running, heard.waiting), (3, 0));
    }

    #[test]
    fn breakers_are_known_until_they_close_and_bounded() {
        let watch = Watch::new("orders".parse().unwrap());
        let until = Instant::NEVER;
        for index in 0..1_000 {
            let name = &format!("{index}{}", "x".repeat(1_000));
            watch.observe(Instant::START, &[Event::BreakerOpened { name, until }]);
        }
        assert_eq!(watch.breakers_in(Breaker::Open).len(), BREAKERS_MAX);
        let name = &format!("0{}", "x".repeat(1_000));
        watch.observe(Instant::START, &[Event::BreakerHalfOpened { name }]);
        let open = watch.breakers_in(Breaker::Open);
        assert_eq!(open.len(), BREAKERS_MAX - 1);
        assert!(open.iter().all(|name| name.len() <= NAME_CHARS_MAX));
        assert_eq!(watch.breakers_in(Breaker::HalfOpen), [cut(name)].into());
        watch.observe(Instant::START, &[Event::BreakerOpened { name, until }]);
        assert_eq!(watch.breakers_in(Breaker::Open).len(), BREAKERS_MAX);
        watch.observe(Instant::START, &[Event::BreakerClosed { name }]);
        assert_eq!(watch.breakers_in(Breaker::Open).len(), BREAKERS_MAX - 1);
        assert!(watch.breakers_in(Breaker::HalfOpen).is_empty());
    }
}
