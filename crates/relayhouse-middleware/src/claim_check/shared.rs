//! What both sides share: how bodies become claims, and how claims become bodies.

use std::sync::Arc;

use bytes::Bytes;
use relayhouse_core::{
    Context, Error, ErrorKind, Event, Message, Result,
    port::{BlobName, BlobStore, Deleting, Fetching, Storing},
};

use super::{
    ClaimCheckConfig,
    claim::{Claim, HEADER},
};

#[derive(Clone, Debug)]
pub(super) struct Shared {
    pub(super) store: Arc<dyn BlobStore>,
    pub(super) config: ClaimCheckConfig,
    pub(super) context: Context,
    /// The most bytes of a message that the queue takes, where that is known.
    pub(super) queue_bytes_max: u64,
}

impl Shared {
    pub(super) fn new(
        store: Arc<dyn BlobStore>,
        config: ClaimCheckConfig,
        context: &Context,
    ) -> Self {
        Self {
            store,
            config,
            context: context.clone(),
            queue_bytes_max: u64::MAX,
        }
    }

    /// Returns true if `message` can leave as it is.
    pub(super) fn is_small(&self, message: &Message) -> bool {
        let has_claim = message.headers().get(HEADER).is_some();
        !has_claim && !self.needs_store(message)
    }

    /// Stores the large ones of `messages`, and returns each as it is to be sent.
    pub(super) async fn check_in(&self, messages: Vec<Message>) -> Vec<Result<Message>> {
        let mut batch = Vec::new();
        let is_stored: Vec<bool> = messages.iter().map(|it| self.is_large(it)).collect();
        for (message, _) in messages.iter().zip(&is_stored).filter(|(_, it)| **it) {
            let name = BlobName::draw(&*self.context.random);
            batch.push(Storing::new(name, message.body.clone()));
        }
        let call = match batch.as_mut_slice() {
            [] => Ok(()),
            batch => self.store.put(batch).await,
        };
        let mut stored = batch.into_iter();
        let mut claim = |(mut message, is_stored): (Message, bool)| {
            // A claim that came from elsewhere would put another body in the place of this one.
            if message.headers().get(HEADER).is_some() {
                message.details_mut().headers.remove(HEADER);
            }
            self.check_size(&message)?;
            let stored = is_stored.then(|| stored.next()).flatten();
            let Some(item) = stored else {
                return Ok(message);
            };
            let claim = Claim::of(item.name, &message.body);
            item.outcome.settle(&call)?;
            message.body = Bytes::new();
            Ok(message.header(HEADER, claim.to_string()))
        };
        messages
            .into_iter()
            .zip(is_stored)
            .map(&mut claim)
            .collect()
    }

    /// Stores the body of `message` if it is large, and returns the message as it is to be sent.
    pub(super) async fn check_in_one(self, message: Message) -> Result<Message> {
        let missing = || Error::new(ErrorKind::Unexpected, "message was not looked at");
        let mut messages = self.check_in(vec![message]).await;
        messages.pop().ok_or_else(missing)?
    }

    fn is_large(&self, message: &Message) -> bool {
        let bytes = message.body.len() as u64;
        bytes <= self.config.bytes_max.get() && self.needs_store(message)
    }

    /// Returns true for a body from the limit on, and for a message that the queue would refuse.
    fn needs_store(&self, message: &Message) -> bool {
        let bytes = message.body.len() as u64;
        self.config.bytes_min <= bytes || self.queue_bytes_max < message.size()
    }

    fn check_size(&self, message: &Message) -> Result<()> {
        let (bytes, max) = (message.body.len() as u64, self.config.bytes_max.get());
        if bytes <= max {
            return Ok(());
        }
        let text = format!("body has {bytes} bytes, at most {max} are allowed");
        Err(Error::new(ErrorKind::MessageTooLarge, text))
    }

    /// Reads the claim of a message, if it has one that may be fetched.
    pub(super) fn read(&self, message: &Message) -> Result<Option<Claim>> {
        let claim = Claim::read(message)?;
        let is_allowed = |it: &Claim| it.has_digest() || self.config.without_digest;
        if claim.as_ref().is_none_or(is_allowed) {
            return Ok(claim);
        }
        let text = "claim of the message tells no digest: allow that by without_digest";
        Err(Error::new(ErrorKind::Codec, text))
    }

    /// Fetches and checks the blobs of `claims`.
    pub(super) async fn fetch(&self, claims: &[Claim]) -> Vec<Result<Bytes>> {
        let mut batch: Vec<Fetching> = claims.iter().map(|it| Fetching::new(it.name)).collect();
        let bytes_max = self.config.bytes_max.get();
        let call = self.store.get(&mut batch, bytes_max).await;
        let checked = |(item, claim): (Fetching, &Claim)| {
            let blob = item.outcome.settle(&call)?;
            claim.check(&blob)?;
            Ok(blob)
        };
        batch.into_iter().zip(claims).map(checked).collect()
    }

    /// Removes blobs that no message names any more. One that cannot be removed is left to a sweep.
    pub(super) async fn remove(&self, names: impl Iterator<Item = BlobName> + Send) {
        let mut batch: Vec<Deleting> = names.map(Deleting::new).collect();
        if batch.is_empty() {
            return;
        }
        let call = self.store.delete(&mut batch).await;
        for item in batch {
            if let Err(error) = item.outcome.settle(&call) {
                self.tell(&Event::BlobLeft { error: &error });
            }
        }
    }

    pub(super) fn tell(&self, event: &Event<'_>) {
        if let Some(observer) = &self.context.observer {
            observer.observe(self.context.clock.now(), std::slice::from_ref(event));
        }
    }
}
