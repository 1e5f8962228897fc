//! Sends to the queues of one logical queue, each message to that of its key.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::future::join_all;
use relayhouse_core::{Capabilities, Message, Operation, QueueName, Result, Sending, port::Sender};

use super::Shards;
use crate::{
    capability::BATCH_MAX,
    error,
    link::{Closing, Link},
    queue::Queue,
    sender::SqsSender,
};

/// Sends to the queues of one logical queue.
#[derive(Debug)]
pub(crate) struct ShardedSender {
    name: QueueName,
    shards: Shards,
    capabilities: Capabilities,
    senders: Vec<SqsSender>,
    spread: Spread,
    link: Arc<Link>,
    closing: Closing,
}

impl ShardedSender {
    /// Sends to `queues`, which are those of `shards` in their order.
    pub(crate) fn new(
        link: &Arc<Link>,
        name: &QueueName,
        shards: Shards,
        queues: Vec<Queue>,
    ) -> Self {
        let is_fifo = queues.iter().all(|queue| queue.is_fifo);
        let spread = Spread::new(queues.len());
        let queues = queues.into_iter();
        let sender = |queue: Queue| {
            let name = queue.name.clone();
            SqsSender::new(Arc::clone(link), queue, name)
        };
        Self {
            capabilities: link.declared.sharded(is_fifo, shards.count()),
            senders: queues.map(sender).collect(),
            name: name.clone(),
            link: Arc::clone(link),
            closing: Closing::default(),
            shards,
            spread,
        }
    }

    /// Returns for each queue the places of the messages that go there, in their order.
    fn places(&self, batch: &[Sending]) -> Vec<Vec<usize>> {
        let mut places = vec![Vec::new(); self.senders.len()];
        let mut free = Vec::new();
        for (place, item) in batch.iter().enumerate() {
            match key(&item.message) {
                Some(key) => places[self.shards.shard_of(key)].push(place),
                None => free.push(place),
            }
        }
        // Together as far as one call takes them, so that they cost no more than elsewhere.
        for call in free.chunks(BATCH_MAX) {
            places[self.spread.take(call.len())].extend(call);
        }
        places
    }

    fn check_open(&self) -> Result<()> {
        let is_closed = self.closing.is_closed() || self.link.closing.is_closed();
        if is_closed {
            return Err(error::closed(Operation::Send).queue(&self.name));
        }
        Ok(())
    }
}

fn key(message: &Message) -> Option<&str> {
    message.details().ordering_key.as_deref()
}

#[async_trait]
impl Sender for ShardedSender {
    fn queue(&self) -> &QueueName {
        &self.name
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn send(&self, batch: &mut [Sending]) -> Result<()> {
        self.check_open()?;
        let places = self.places(batch);
        let parts = self.senders.iter().zip(places);
        let parts = parts.filter(|(_, places)| !places.is_empty());
        let calls = parts.map(|(sender, places)| {
            let messages = places.iter().map(|place| batch[*place].message.clone());
            let mut part: Vec<Sending> = messages.map(Sending::new).collect();
            async move {
                let call = sender.send(&mut part).await;
                (places, part, call)
            }
        });
        let calls: Vec<_> = calls.collect();
        for (places, part, call) in Box::pin(join_all(calls)).await {
            for (place, item) in places.into_iter().zip(part) {
                match item.outcome.settle(&call) {
                    Ok(sent) => drop(batch[place].done(sent)),
                    Err(error) => batch[place].fail(error),
                }
            }
        }
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        self.closing.close();
        let closes = join_all(self.senders.iter().map(Sender::close)).await;
        closes.into_iter().collect()
    }
}

/// Spreads messages without a key evenly: each call goes where the fewest went.
#[derive(Debug)]
struct Spread(Mutex<Vec<u64>>);

impl Spread {
    fn new(count: usize) -> Self {
        Self(Mutex::new(vec![0; count]))
    }

    /// Chooses the queue for `count` messages.
    fn take(&self, count: usize) -> usize {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fewest = counts.iter_mut().enumerate().min_by_key(|(_, sent)| **sent);
        fewest.map_or(0, |(shard, sent)| {
            *sent += count as u64;
            shard
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_without_a_key_are_spread_evenly() {
        let (spread, mut counts) = (Spread::new(4), [0; 4]);
        for call in 0..400 {
            let count = 1 + call % BATCH_MAX;
            counts[spread.take(count)] += count;
        }
        let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
        assert!(most - least <= BATCH_MAX, "{counts:?}");
    }
}
