//! The messages that are dead-lettered, said one by one.

use std::sync::atomic::{AtomicU64, Ordering};

use relayhouse::{Event, Instant, Observer, Settlement};

use crate::{exec::place, progress::Progress};

const SAID_MAX: u64 = 10;

/// Says which messages were dead-lettered, and why.
#[derive(Debug)]
pub(super) struct Letters {
    progress: Progress,
    said: AtomicU64,
}

impl Letters {
    pub(super) fn new(progress: &Progress) -> Self {
        Self {
            progress: progress.clone(),
            said: AtomicU64::new(0),
        }
    }

    fn say(&self, text: &str) {
        if self.said.fetch_add(1, Ordering::Relaxed) < SAID_MAX {
            self.progress.note(text);
        } else {
            self.progress.detail(text);
        }
    }
}

impl Observer for Letters {
    fn observe(&self, _: Instant, events: &[Event<'_>]) {
        for event in events {
            if let Event::Settled {
                delivery,
                settlement: Settlement::DeadLetter(letter),
                result: Ok(()),
                ..
            } = event
            {
                let (place, attempts) = (place(delivery, None), delivery.attempt);
                let plural = if attempts == 1 { "" } else { "s" };
                let why = &letter.description;
                self.say(&format!(
                    "{place}: dead-lettered after {attempts} attempt{plural}: {why}"
                ));
            }
        }
    }
}
