//! A look at dead letters, a page at a time: nothing is taken where the provider can show them.

use std::{num::NonZeroU32, sync::Arc};

use relayhouse::{Delivery, Error, Queue, Source, port::Admin};

use crate::{
    console::Console,
    leased::{Leased, Looking},
    open::are_shown,
};

/// What one call shows: so many are held at a time, however many there are.
const PAGE_MAX: u32 = 100;

/// Shows the messages of one source in their order.
#[derive(Debug)]
pub(super) enum Letters {
    /// They stay where they are.
    Shown(Shown),
    /// They are received, and given back at the end.
    Received(Leased),
}

/// Is how far the provider has shown them.
#[derive(Debug)]
pub(super) struct Shown {
    admin: Arc<dyn Admin>,
    source: Source,
    from: u64,
    left: u64,
    is_end: bool,
}

impl Letters {
    /// Opens `queue` for a look at `scan` messages at most.
    pub(super) async fn open(
        queue: &Queue,
        scan: Option<u32>,
        console: Console,
    ) -> Result<Self, Error> {
        if are_shown(queue) {
            return Shown::open(queue, scan).map(Self::Shown);
        }
        console.note(
            "the provider shows no messages: each is received and given back, which counts a \
             delivery",
        );
        Leased::open(queue, Looking::at(scan))
            .await
            .map(Self::Received)
    }

    /// Returns the next page; an empty one at the end.
    pub(super) async fn page(&mut self) -> Result<Vec<Delivery>, Error> {
        match self {
            Self::Shown(shown) => shown.page().await,
            Self::Received(leased) => match leased.next(u32::MAX).await? {
                Some(delivery) => {
                    leased.hold(delivery.clone());
                    Ok(vec![delivery])
                }
                None => Ok(Vec::new()),
            },
        }
    }

    /// Ends the look, and says if it did not reach the end.
    pub(super) async fn close(self, console: Console) -> Result<(), Error> {
        match self {
            Self::Shown(shown) => {
                if shown.left == 0 {
                    console.note("there may be more: look at more of them with --scan");
                }
                Ok(())
            }
            Self::Received(leased) => {
                leased.say(console);
                leased.close().await
            }
        }
    }
}

impl Shown {
    pub(super) fn open(queue: &Queue, scan: Option<u32>) -> Result<Self, Error> {
        Ok(Self {
            admin: queue.admin()?,
            source: queue.source().clone(),
            from: 0,
            left: scan.map_or(u64::MAX, u64::from),
            is_end: false,
        })
    }

    /// Begins with the sequence number `from`.
    pub(super) const fn from(mut self, from: u64) -> Self {
        self.from = from;
        self
    }

    pub(super) async fn page(&mut self) -> Result<Vec<Delivery>, Error> {
        let max = u32::try_from(self.left).unwrap_or(u32::MAX).min(PAGE_MAX);
        let Some(max) = NonZeroU32::new(max).filter(|_| !self.is_end) else {
            return Ok(Vec::new());
        };
        let page = self.admin.peek(&self.source, self.from, max).await?;
        self.left = self.left.saturating_sub(page.len() as u64);
        let last = page.last().and_then(|last| last.sequence);
        match last.and_then(|sequence| sequence.checked_add(1)) {
            Some(next) => self.from = next,
            // A provider that does not number its messages shows one page.
            None => self.is_end = true,
        }
        Ok(page)
    }
}
