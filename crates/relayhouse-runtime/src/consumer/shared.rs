//! What all workers of one consumer share.

use std::sync::Arc;

use relayhouse_core::{Context, Event, Instant, Source, port::Dispatch};

use super::{
    control::Control,
    report::{Counts, add},
};
use crate::{config::ConsumerConfig, ordering::Ordering, output::Outputs};

/// Is shared by all workers of one consumer.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) source: Source,
    pub(crate) context: Context,
    pub(crate) config: ConsumerConfig,
    pub(crate) control: Control,
    pub(crate) counts: Counts,
    /// The workers that share concurrency and prefetch; for sessions, 1.
    pub(crate) workers: usize,
    /// How deliveries are dispatched by key, if they are.
    pub(crate) dispatch: Option<Ordering>,
    /// Who chooses what starts next, if that is not the order of arrival.
    pub(crate) policy: Option<Arc<dyn Dispatch>>,
    /// Where handlers may send to with their answers.
    pub(crate) outputs: Outputs,
}

impl Shared {
    /// Tells the observer, if there is one, what `events` makes.
    pub(crate) fn observe<'a>(&self, now: Instant, events: impl FnOnce() -> Vec<Event<'a>>) {
        if let Some(observer) = &self.context.observer {
            observer.observe(now, &events());
        }
    }

    /// Tells the observer, if there is one, the one thing that `event` makes.
    pub(crate) fn observe_one<'a>(&self, now: Instant, event: impl FnOnce() -> Event<'a>) {
        if let Some(observer) = &self.context.observer {
            observer.observe(now, &[event()]);
        }
    }

    /// Counts receives that were dropped, and tells of them.
    pub(crate) fn receives_dropped(&self, now: Instant, receives: u64) {
        if receives == 0 {
            return;
        }
        add(&self.counts.receives_dropped, receives);
        let source = &self.source;
        self.observe_one(now, || Event::ReceivesDropped { source, receives });
    }

    /// Counts the deliveries of handlers that were dropped, and tells of them.
    pub(crate) fn abandoned(&self, now: Instant, messages: u64) {
        add(&self.counts.abandoned, messages);
        let source = &self.source;
        self.observe_one(now, || Event::Abandoned { source, messages });
    }
}
