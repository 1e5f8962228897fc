//! What came over a link: what waits to be received, what is held, and what was lost.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use fe2o3_amqp::link::delivery::DeliveryInfo;
use foldhash::fast::RandomState;
use relayhouse_core::{Error, Instant, Receipt, Source};
use tokio::sync::Notify;

use super::intake::Desk;
use crate::{convert::Reading, link::tap::Token};

/// How long after one look at all deliveries the next one comes.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Is one delivery that nobody has received yet.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) token: Token,
    pub(super) info: DeliveryInfo,
    pub(super) reading: Reading,
}

/// Keeps the deliveries of one receiver.
#[derive(Debug)]
pub(super) struct Shelf {
    source: Source,
    inner: Mutex<Inner>,
    /// Rings when something arrived, or the link ended.
    pub(super) news: Notify,
    /// Rings when deliveries were lost.
    pub(super) losses: Notify,
    /// Rings when the last one who receives has left.
    pub(super) rested: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    /// The link, while there is one.
    desk: Option<Desk>,
    ready: VecDeque<Arrived>,
    held: HashMap<Token, Held, RandomState>,
    lost: Vec<Receipt>,
    end: Option<Error>,
    visitors: usize,
    /// When it was last looked for what nobody has settled.
    looked_at: Option<Instant>,
}

/// Is somebody who receives.
#[derive(Debug)]
pub(super) struct Visit<'a>(&'a Shelf);

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        let mut inner = self.0.lock();
        inner.visitors -= 1;
        let is_last = inner.visitors == 0;
        drop(inner);
        if is_last {
            self.0.rested.notify_one();
        }
    }
}

/// Is a delivery that somebody handles.
#[derive(Debug)]
pub(super) struct Held {
    /// How the link knows it, if it came over the link.
    pub(super) info: Option<DeliveryInfo>,
    /// When its lock ends, as far as that is known.
    pub(super) until: Instant,
}

impl Shelf {
    /// Makes an empty shelf for what comes from `source`.
    pub(super) fn new(source: Source) -> Self {
        Self {
            source,
            inner: Mutex::default(),
            news: Notify::default(),
            losses: Notify::default(),
            rested: Notify::default(),
        }
    }

    pub(super) const fn source(&self) -> &Source {
        &self.source
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that somebody receives, as long as what it returns is kept.
    pub(super) fn visit(&self) -> Visit<'_> {
        self.lock().visitors += 1;
        Visit(self)
    }

    pub(super) fn has_visitors(&self) -> bool {
        0 < self.lock().visitors
    }

    /// Notes that there is a link.
    pub(super) fn open(&self, desk: Desk) {
        let mut inner = self.lock();
        inner.desk = Some(desk);
        // Why the one before ended is of no use to those who have this one.
        inner.end = None;
    }

    /// Returns the desk of the link, if there is one.
    pub(super) fn desk(&self) -> Option<Desk> {
        let desk = self.lock().desk.clone();
        desk.filter(|desk| !desk.is_over())
    }

    /// Takes all of `arrived` in.
    pub(super) fn arrive(&self, arrived: &mut Vec<Arrived>) {
        self.lock().ready.extend(arrived.drain(..));
        self.news.notify_waiters();
    }

    /// Notes that the link has ended with all the locks that came over it.
    pub(super) fn end(&self, error: Error) {
        let mut inner = self.lock();
        let Inner {
            desk,
            ready,
            held,
            lost,
            end,
            visitors: _,
            looked_at: _,
        } = &mut *inner;
        *desk = None;
        ready.clear();
        lost.extend(held.drain().map(|(token, _)| Receipt::from_bytes(token)));
        // What happened first is the reason.
        end.get_or_insert(error);
        drop(inner);
        self.news.notify_waiters();
        self.losses.notify_one();
    }

    /// Returns why the link has ended, once.
    pub(super) fn take_end(&self) -> Option<Error> {
        self.lock().end.take()
    }

    pub(super) fn ready_count(&self) -> usize {
        self.lock().ready.len()
    }

    /// Takes the next delivery.
    pub(super) fn next(&self) -> Option<Arrived> {
        self.lock().ready.pop_front()
    }

    /// Holds a delivery, whose lock ends at `until`, for whoever will settle it.
    pub(super) fn hold(&self, token: Token, info: Option<DeliveryInfo>, until: Instant) {
        self.lock().held.insert(token, Held { info, until });
    }

    /// Notes that a lock now ends at `until`.
    pub(super) fn extend(&self, token: &Token, until: Instant) {
        if let Some(held) = self.lock().held.get_mut(token) {
            held.until = until;
        }
    }

    /// Takes what nobody settled before `time`, so that it is not kept for ever; looks no more than
    /// once a second, since it looks at everything.
    pub(super) fn take_expired(&self, time: Instant) -> Vec<DeliveryInfo> {
        let mut inner = self.lock();
        let looked_at = inner.looked_at;
        if looked_at.is_some_and(|looked_at| time < looked_at + LOOK_EVERY) {
            return Vec::new();
        }
        inner.looked_at = Some(time);
        let expired = inner.held.extract_if(|_, held| held.until < time);
        expired.filter_map(|(_, held)| held.info).collect()
    }

    /// Takes what nobody has received.
    pub(super) fn take_ready(&self) -> Vec<DeliveryInfo> {
        let ready = std::mem::take(&mut self.lock().ready);
        ready.into_iter().map(|arrived| arrived.info).collect()
    }

    /// Takes a delivery that is held, to settle it.
    pub(super) fn take(&self, token: &Token) -> Option<Held> {
        self.lock().held.remove(token)
    }

    /// Takes deliveries that are held, to settle them; `None` for one that is not.
    pub(super) fn take_each<'a>(
        &self,
        tokens: impl Iterator<Item = &'a Token>,
    ) -> Vec<Option<Held>> {
        let mut inner = self.lock();
        tokens.map(|token| inner.held.remove(token)).collect()
    }

    /// Returns true if a delivery is held that is settled by the link.
    pub(super) fn is_linked(&self, token: &Token) -> bool {
        let inner = self.lock();
        inner
            .held
            .get(token)
            .is_some_and(|held| held.info.is_some())
    }

    pub(super) fn holds(&self, token: &Token) -> bool {
        self.lock().held.contains_key(token)
    }

    /// Takes the receipts of what was lost.
    pub(super) fn take_lost(&self) -> Vec<Receipt> {
        std::mem::take(&mut self.lock().lost)
    }
}
