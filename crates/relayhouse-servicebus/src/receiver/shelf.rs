//! What came over a link: what waits to be received, what is held, and what was lost.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use fe2o3_amqp::link::delivery::DeliveryInfo;
use relayhouse_core::{Error, Instant, Receipt};
use tokio::sync::Notify;

use crate::{convert::Incoming, link::tap::Token};

/// Is one delivery that nobody has received yet.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) token: Token,
    pub(super) info: DeliveryInfo,
    pub(super) incoming: Incoming,
}

/// Keeps the deliveries of one receiver.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    inner: Mutex<Inner>,
    /// Rings when something arrived, or the link ended.
    pub(super) news: Notify,
    /// Rings when deliveries were lost.
    pub(super) losses: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    ready: VecDeque<Arrived>,
    held: HashMap<Token, Held>,
    lost: Vec<Receipt>,
    end: Option<Error>,
}

/// Is a delivery that somebody handles.
#[derive(Debug)]
struct Held {
    info: DeliveryInfo,
    /// When its lock ends, as far as that is known.
    until: Instant,
}

impl Shelf {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn arrive(&self, arrived: Arrived) {
        self.lock().ready.push_back(arrived);
        self.news.notify_waiters();
    }

    /// Notes that the link has ended with all the locks that came over it.
    pub(super) fn end(&self, error: Error) {
        let mut inner = self.lock();
        let Inner {
            ready,
            held,
            lost,
            end,
        } = &mut *inner;
        ready.clear();
        lost.extend(held.drain().map(|(token, _)| Receipt::from_bytes(token)));
        *end = Some(error);
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
    pub(super) fn hold(&self, token: Token, info: DeliveryInfo, until: Instant) {
        self.lock().held.insert(token, Held { info, until });
    }

    /// Notes that a lock now ends at `until`.
    pub(super) fn extend(&self, token: &Token, until: Instant) {
        if let Some(held) = self.lock().held.get_mut(token) {
            held.until = until;
        }
    }

    /// Takes what nobody settled before `time`, so that it is not kept for ever.
    pub(super) fn take_expired(&self, time: Instant) -> Vec<DeliveryInfo> {
        let mut inner = self.lock();
        let expired = inner.held.extract_if(|_, held| held.until < time);
        expired.map(|(_, held)| held.info).collect()
    }

    /// Takes what nobody has received.
    pub(super) fn take_ready(&self) -> Vec<DeliveryInfo> {
        let ready = std::mem::take(&mut self.lock().ready);
        ready.into_iter().map(|arrived| arrived.info).collect()
    }

    /// Takes a delivery that is held, to settle it.
    pub(super) fn take(&self, token: &Token) -> Option<DeliveryInfo> {
        self.lock().held.remove(token).map(|held| held.info)
    }

    pub(super) fn holds(&self, token: &Token) -> bool {
        self.lock().held.contains_key(token)
    }

    /// Takes the receipts of what was lost.
    pub(super) fn take_lost(&self) -> Vec<Receipt> {
        std::mem::take(&mut self.lock().lost)
    }
}
