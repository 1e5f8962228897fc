//! What becomes of the dead letters that are sent back first.

use std::{collections::HashSet, time::Duration};

use relayhouse::{Delivery, Error, Queue, Sent};
use serde::Serialize;

use super::letters::{Letters, Shown};
use crate::{console::Console, open::are_shown};

const LOOK_FIRST: Duration = Duration::from_millis(100);
const LOOK_EVERY_MAX: Duration = Duration::from_secs(5);

/// Are the messages that were sent back first.
#[derive(Debug)]
pub(super) struct Canaries {
    ids: HashSet<String>,
    /// The lowest number that the far side gave; it gives none where this is zero.
    from: u64,
}

/// Tells what became of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Fate {
    sent: usize,
    /// Those that are dead letters again.
    failed: usize,
    /// Those that are on their queue still.
    open: usize,
}

impl Fate {
    /// Returns true if all of them were handled, as far as can be seen.
    pub(super) const fn is_good(&self) -> bool {
        self.failed == 0 && self.open == 0
    }

    pub(super) fn say(&self, console: Console) {
        let Self { sent, failed, open } = self;
        if self.is_good() {
            console.detail(&format!("of the first {sent} none came back"));
        } else {
            console.error(&format!(
                "of the first {sent}, {failed} came back as dead letters and {open} are not done \
                 with: the others stay where they are"
            ));
        }
    }
}

impl Canaries {
    pub(super) fn new(sent: Vec<(String, Sent)>) -> Self {
        let numbers = sent.iter().map(|(_, sent)| sent.sequence.unwrap_or(0));
        let from = numbers.min().unwrap_or(0);
        let ids = sent.into_iter().map(|(id, _)| id).collect();
        Self { ids, from }
    }

    /// Waits until all of them are handled or dead again, or `wait` has passed.
    pub(super) async fn watch(
        &self,
        dead: &Queue,
        sources: &[Queue],
        wait: Duration,
        console: Console,
    ) -> Result<Fate, Error> {
        let clock = &dead.context().clock;
        let until = clock.now() + wait;
        if !are_shown(dead) {
            clock.sleep_until(until).await;
            let failed = self.among_received(dead, console).await?;
            return Ok(self.fate(failed, 0));
        }
        let mut pause = LOOK_FIRST;
        loop {
            // One that dies in between is seen in the second look, not missed in both.
            let mut open = 0;
            for queue in sources {
                open += self.among(queue, self.from).await?;
            }
            let failed = self.among(dead, 0).await?;
            let now = clock.now();
            if open == 0 || until <= now {
                return Ok(self.fate(failed, open));
            }
            clock.sleep_until(until.min(now + pause)).await;
            pause = LOOK_EVERY_MAX.min(pause * 2);
        }
    }

    fn fate(&self, failed: usize, open: usize) -> Fate {
        let sent = self.ids.len();
        Fate { sent, failed, open }
    }

    /// Counts those that are shown on `queue`.
    async fn among(&self, queue: &Queue, from: u64) -> Result<usize, Error> {
        let mut shown = Shown::open(queue, None)?.from(from);
        let mut count = 0;
        loop {
            let page = shown.page().await?;
            if page.is_empty() {
                return Ok(count);
            }
            count += self.of(&page);
        }
    }

    async fn among_received(&self, queue: &Queue, console: Console) -> Result<usize, Error> {
        let mut letters = Letters::open(queue, None, console).await?;
        let mut count = 0;
        loop {
            let page = letters.page().await?;
            if page.is_empty() {
                break;
            }
            count += self.of(&page);
        }
        letters.close(console).await?;
        Ok(count)
    }

    fn of(&self, page: &[Delivery]) -> usize {
        let ids = page.iter().map(|delivery| delivery.id.to_string());
        ids.filter(|id| self.ids.contains(id)).count()
    }
}
