//! The shard of the lease limit: a slab of slots, a ring of ready slots and a ring of leases.

use std::{
    collections::VecDeque,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

use crate::clock::Mark;

const LEASE_MILLIS: u32 = 300_000;

/// The payload of a message: one allocation, shared by reference count.
pub type Payload = Arc<[u8]>;

/// Proves the lease of one delivery: a slot, and which of its leases this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    slot: u32,
    generation: u32,
}

/// Carries a message to a consumer of the limit.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The proof of the lease.
    pub receipt: Receipt,
    /// The payload.
    pub payload: Payload,
}

/// Is the least queue that keeps leases.
#[derive(Debug)]
pub struct LeaseQueue {
    shard: Mutex<Shard>,
    start: Mark,
}

#[derive(Debug, Default)]
struct Shard {
    slots: Vec<Slot>,
    free: Vec<u32>,
    ready: VecDeque<u32>,
    leases: VecDeque<Leased>,
    sleepers: VecDeque<Waker>,
}

#[derive(Debug)]
struct Slot {
    payload: Option<Payload>,
    generation: u32,
    attempt: u32,
}

/// One lease in the order of their ends; stale once its slot has another generation.
#[derive(Clone, Copy, Debug)]
struct Leased {
    until_millis: u32,
    receipt: Receipt,
}

impl LeaseQueue {
    /// Makes an empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self {
            shard: Mutex::default(),
            start: Mark::now(),
        }
    }

    /// Puts one message at the end.
    pub fn send(&self, payload: Payload) {
        let sleeper = {
            let mut shard = self.lock();
            shard.push(payload);
            shard.sleepers.pop_front()
        };
        if let Some(sleeper) = sleeper {
            sleeper.wake();
        }
    }

    /// Puts all of `batch` at the end, and leaves it empty.
    pub fn send_all(&self, batch: &mut Vec<Payload>) {
        let sleepers = {
            let mut shard = self.lock();
            let needed = batch.len().min(shard.sleepers.len());
            for payload in batch.drain(..) {
                shard.push(payload);
            }
            shard.sleepers.drain(..needed).collect::<Vec<_>>()
        };
        for sleeper in sleepers {
            sleeper.wake();
        }
    }

    /// Takes the oldest message, or leaves the waker of `context` until there is one.
    pub fn poll_receive(&self, context: &Context<'_>) -> Poll<Delivery> {
        let now = self.now_millis();
        let mut shard = self.lock();
        shard.expire(now);
        if let Some(delivery) = shard.lease(now) {
            return Poll::Ready(delivery);
        }
        shard.sleepers.push_back(context.waker().clone());
        Poll::Pending
    }

    /// Takes up to `max` messages into `into`, or leaves the waker of `context`.
    pub fn poll_receive_all(
        &self,
        context: &Context<'_>,
        max: usize,
        into: &mut Vec<Delivery>,
    ) -> Poll<()> {
        let now = self.now_millis();
        let mut shard = self.lock();
        shard.expire(now);
        let count = shard.ready.len().min(max);
        into.reserve(count);
        for _ in 0..count {
            into.extend(shard.lease(now));
        }
        if count == 0 {
            shard.sleepers.push_back(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// Acks one delivery; `false` if its lease has ended.
    pub fn ack(&self, receipt: Receipt) -> bool {
        // The payload is dropped after the lock is.
        let payload = self.lock().settle(receipt);
        payload.is_some()
    }

    /// Acks every delivery of `batch`, and leaves it empty. Returns how many leases had ended.
    pub fn ack_all(&self, batch: &mut Vec<Delivery>, freed: &mut Vec<Payload>) -> usize {
        let mut lost = 0;
        {
            let mut shard = self.lock();
            for delivery in batch.iter() {
                match shard.settle(delivery.receipt) {
                    Some(payload) => freed.push(payload),
                    None => lost += 1,
                }
            }
        }
        batch.clear();
        freed.clear();
        lost
    }

    fn now_millis(&self) -> u32 {
        let elapsed = self.start.elapsed();
        let millis = elapsed.as_secs() * 1000 + u64::from(elapsed.subsec_millis());
        u32::try_from(millis).unwrap_or(u32::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, Shard> {
        self.shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for LeaseQueue {
    fn default() -> Self {
        Self::new()
    }
}

impl Shard {
    fn push(&mut self, payload: Payload) {
        let slot = if let Some(slot) = self.free.pop() {
            self.slots[slot as usize].payload = Some(payload);
            slot
        } else {
            self.slots.push(Slot {
                payload: Some(payload),
                generation: 0,
                attempt: 0,
            });
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        };
        self.ready.push_back(slot);
    }

    fn lease(&mut self, now: u32) -> Option<Delivery> {
        let slot = self.ready.pop_front()?;
        let entry = &mut self.slots[slot as usize];
        entry.attempt += 1;
        let receipt = Receipt {
            slot,
            generation: entry.generation,
        };
        let payload = entry.payload.clone()?;
        self.leases.push_back(Leased {
            until_millis: now.saturating_add(LEASE_MILLIS),
            receipt,
        });
        Some(Delivery { receipt, payload })
    }

    fn settle(&mut self, receipt: Receipt) -> Option<Payload> {
        let entry = &mut self.slots[receipt.slot as usize];
        if entry.generation != receipt.generation {
            return None;
        }
        entry.generation = entry.generation.wrapping_add(1);
        entry.attempt = 0;
        self.free.push(receipt.slot);
        mem::take(&mut entry.payload)
    }

    /// Makes ready what was leased too long, and forgets the leases that were settled.
    fn expire(&mut self, now: u32) {
        while let Some(lease) = self.leases.front() {
            let entry = &mut self.slots[lease.receipt.slot as usize];
            if entry.generation == lease.receipt.generation {
                if now < lease.until_millis {
                    return;
                }
                entry.generation = entry.generation.wrapping_add(1);
                self.ready.push_back(lease.receipt.slot);
            }
            self.leases.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receive(queue: &LeaseQueue) -> Option<Delivery> {
        match queue.poll_receive(&Context::from_waker(Waker::noop())) {
            Poll::Ready(delivery) => Some(delivery),
            Poll::Pending => None,
        }
    }

    #[test]
    fn message_is_delivered_once_and_acked_once() {
        let queue = LeaseQueue::new();
        queue.send(Payload::from(*b"x"));
        let delivery = receive(&queue).unwrap();
        assert!(receive(&queue).is_none());
        assert!(queue.ack(delivery.receipt));
        assert!(!queue.ack(delivery.receipt));
    }

    #[test]
    fn lease_that_ends_makes_the_receipt_stale() {
        let queue = LeaseQueue::new();
        queue.send(Payload::from(*b"x"));
        let delivery = receive(&queue).unwrap();
        queue.lock().expire(u32::MAX);
        assert!(!queue.ack(delivery.receipt));
        let second = receive(&queue).unwrap();
        assert_eq!(queue.lock().slots[0].attempt, 2);
        assert!(queue.ack(second.receipt));
    }

    #[test]
    fn batch_keeps_order_and_slots_are_used_again() {
        let queue = LeaseQueue::new();
        let mut deliveries = Vec::new();
        for _ in 0..3 {
            queue.send_all(&mut vec![Payload::from(*b"1"), Payload::from(*b"2")]);
            let context = Context::from_waker(Waker::noop());
            let poll = queue.poll_receive_all(&context, 100, &mut deliveries);
            assert!(poll.is_ready());
            let bodies = deliveries.iter().map(|delivery| delivery.payload[0]);
            assert_eq!(bodies.collect::<Vec<_>>(), *b"12");
            assert_eq!(queue.ack_all(&mut deliveries, &mut Vec::new()), 0);
        }
        assert_eq!(queue.lock().slots.len(), 2);
    }
}
