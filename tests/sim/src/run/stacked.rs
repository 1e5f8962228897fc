//! Producers within the recommended stack, which send message by message.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use anyhow::{Result, bail};
use futures_util::future::try_join_all;
use relayhouse_core::{Error, ErrorKind, Message, Sent};
use relayhouse_middleware::stack;
use relayhouse_runtime::{Producer, SendFuture};
use tower::{Layer, Service, ServiceExt};

use super::World;

/// How long a producer waits before it sends again what the stack has given up.
const AGAIN_AFTER: Duration = Duration::from_millis(100);
/// A producer that stops to listen does so within this time.
const PATIENCE_MAX: Duration = Duration::from_millis(200);

/// Is a producer that tells the oracle of each try.
#[derive(Clone)]
struct Told {
    producer: Producer,
    world: Arc<World>,
}

impl World {
    /// Sends a share of the messages, those of a key one after the other and all else at once;
    /// what certainly failed is sent again.
    pub(super) async fn produce_stacked(self: Arc<Self>, number: u64) -> Result<()> {
        let producer = self.producer().await?;
        let told = Told {
            producer: producer.clone(),
            world: Arc::clone(&self),
        };
        let service = stack::producer("simulated", &self.context).layer(told);
        let mut waves = self.waves(number);
        while let Some(messages) = waves.next(&self) {
            let chains = chains(messages).into_iter();
            try_join_all(chains.map(|chain| self.send_chain(service.clone(), chain))).await?;
        }
        drop(service);
        producer.close().await?;
        Ok(())
    }

    async fn send_chain<S>(&self, mut service: S, chain: Vec<Message>) -> Result<()>
    where
        S: Service<Message, Response = Sent, Error = Error>,
    {
        for message in chain {
            self.send_one(&mut service, message).await?;
        }
        Ok(())
    }

    /// Sends a message until it is sent, or nobody knows whether it is.
    async fn send_one<S>(&self, service: &mut S, message: Message) -> Result<()>
    where
        S: Service<Message, Response = Sent, Error = Error>,
    {
        loop {
            match self.answer(call(service, message.clone())).await {
                Some(Ok(_)) => {
                    self.ledger.confirmed(&message);
                    return Ok(());
                }
                Some(Err(error)) if error.kind() != ErrorKind::OutcomeUnknown => {
                    if error.is_permanent() {
                        bail!("a send was refused for good: {error}");
                    }
                    self.pass(AGAIN_AFTER).await;
                }
                Some(Err(_)) | None => {
                    self.forget(std::slice::from_ref(&message));
                    return Ok(());
                }
            }
        }
    }

    /// Waits for an answer, or stops to listen at a random poll: `None`.
    async fn answer<T>(&self, send: impl Future<Output = T>) -> Option<T> {
        if !self.faults.strikes(0.01) {
            return Some(send.await);
        }
        let patience = self.context.random.up_to(PATIENCE_MAX);
        tokio::select! {
            biased;
            answer = send => Some(answer),
            () = self.pass(patience) => None,
        }
    }
}

async fn call<S>(service: &mut S, message: Message) -> relayhouse_core::Result<Sent>
where
    S: Service<Message, Response = Sent, Error = Error>,
{
    service.ready().await?.call(message).await
}

/// Puts the messages of each key together, in their order; one without a key is alone.
fn chains(messages: Vec<Message>) -> Vec<Vec<Message>> {
    let mut chains: Vec<Vec<Message>> = Vec::new();
    let mut places = BTreeMap::new();
    for message in messages {
        let Some(key) = message.details().ordering_key.clone() else {
            chains.push(vec![message]);
            continue;
        };
        let place = *places.entry(key).or_insert(chains.len());
        match chains.get_mut(place) {
            Some(chain) => chain.push(message),
            None => chains.push(vec![message]),
        }
    }
    chains
}

impl Service<Message> for Told {
    type Response = Sent;
    type Error = Error;
    type Future = SendFuture;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<relayhouse_core::Result<()>> {
        self.producer.poll_ready(context)
    }

    fn call(&mut self, message: Message) -> SendFuture {
        let now = self.world.context.clock.now();
        self.world.watch.sending(now, &message);
        self.producer.call(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_a_key_are_a_chain() {
        let keyed = |key: &'static str| Message::new(key).ordering_key(key);
        let chains = chains(vec![keyed("a"), Message::new("x"), keyed("b"), keyed("a")]);
        let lengths: Vec<usize> = chains.iter().map(Vec::len).collect();
        assert_eq!(lengths, [2, 1, 1]);
    }
}
