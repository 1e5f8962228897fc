//! A receiver that puts bodies back.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use relayhouse_core::{
    Capabilities, Context, DeadLetter, Delivery, Error, ErrorKind, Event, Extending, LeaseKind,
    Receipt, Result, Settlement, Settling, Source, Support, Text,
    port::{BlobStore, ReceiveRequest, Receiver, Sessions, Settings},
};

use super::{
    ClaimCheckConfig, Cleanup,
    claim::{Claim, HEADER},
    shared::Shared,
};
use crate::{
    WrappedSessions,
    sync::{Mutex, lock},
};

/// Receives through another receiver, and puts the bodies of large messages back.
///
/// The bytes of blobs come on top of what a receive is asked for. The other receiver may be that of
/// a session: see [`sessions`](Self::sessions).
#[derive(Debug)]
pub struct ClaimReceiver {
    capabilities: Capabilities,
    shared: Shared,
    /// What a dropped receive has left behind.
    rescued: Mutex<Vec<Delivery>>,
    inner: Arc<dyn Receiver>,
}

impl ClaimReceiver {
    /// Puts itself around `inner`.
    #[must_use]
    pub fn new(
        inner: Arc<dyn Receiver>,
        store: Arc<dyn BlobStore>,
        config: ClaimCheckConfig,
        context: &Context,
    ) -> Self {
        Self::around(inner, Shared::new(store, config, context))
    }

    /// Accepts the sessions of `inner`, and puts itself around each.
    #[must_use]
    pub fn sessions(
        inner: Arc<dyn Sessions>,
        store: Arc<dyn BlobStore>,
        config: ClaimCheckConfig,
        context: &Context,
    ) -> WrappedSessions {
        let capabilities = unlimited(inner.capabilities());
        let shared = Shared::new(store, config, context);
        let wrap = move |inner| Self::around(inner, shared.clone());
        WrappedSessions::new(inner, capabilities, wrap)
    }

    fn around(inner: Arc<dyn Receiver>, shared: Shared) -> Self {
        Self {
            capabilities: unlimited(inner.capabilities()),
            shared,
            rescued: Mutex::default(),
            inner,
        }
    }

    /// Takes what dropped receives have left behind, as much as is asked for.
    fn rescued(&self, request: ReceiveRequest) -> Vec<Delivery> {
        let max = usize::try_from(request.messages_max.get()).unwrap_or(usize::MAX);
        let mut rescued = lock(&self.rescued);
        let count = max.min(rescued.len());
        rescued.drain(..count).collect()
    }

    /// Fetches the bodies of what `rescue` holds; those that have none to come are settled.
    async fn check_out(&self, rescue: &mut Rescue<'_>) -> Vec<Delivery> {
        let read = |it: &Delivery| self.shared.read(&it.message);
        let claims: Vec<_> = rescue.deliveries.iter().map(read).collect();
        let wanted: Vec<Claim> = claims.iter().flatten().flatten().cloned().collect();
        let mut blobs = self.shared.fetch(&wanted).await.into_iter();
        let (mut whole, mut refused) = (Vec::new(), Vec::new());
        let mut released = BTreeSet::new();
        for (mut delivery, claim) in rescue.take().into_iter().zip(claims) {
            let blob = claim.and_then(|claim| claim.and_then(|_| blobs.next()).transpose());
            let line = self.line(&delivery);
            match blob {
                // Nothing overtakes what comes back later.
                _ if line.as_ref().is_some_and(|it| released.contains(it)) => {
                    refused.push(Settling::new(delivery, self.release()));
                }
                Ok(None) => whole.push(delivery),
                Ok(Some(blob)) => {
                    delivery.message.body = blob;
                    whole.push(delivery);
                }
                Err(error) => {
                    let refusal = self.refuse(delivery, &error);
                    released.extend(line.filter(|_| is_release(&refusal)));
                    refused.push(refusal);
                }
            }
        }
        // What cannot be settled comes again when its lease ends.
        rescue.deliveries = whole;
        if refused.iter().any(is_release) && !self.can_delay() {
            self.rest().await;
        }
        if !refused.is_empty() {
            let _ = self.inner.settle(&mut refused).await;
        }
        rescue.take()
    }

    /// Waits in the place of the queue, which would bring a released message again at once.
    async fn rest(&self) {
        let Shared {
            config, context, ..
        } = &self.shared;
        let end = context.clock.now() + config.retry_delay;
        context.clock.sleep_until(end).await;
    }

    const fn can_delay(&self) -> bool {
        self.capabilities.release_delay.is_supported()
    }

    /// Returns what names the deliveries that keep an order with this one, if any do.
    fn line(&self, delivery: &Delivery) -> Option<Text> {
        let Capabilities {
            queue_order,
            key_order,
            lease,
            ..
        } = &self.capabilities;
        if queue_order.is_supported() || *lease == LeaseKind::Session {
            return Some(Text::default());
        }
        let key = delivery.message.details().ordering_key.clone();
        key.filter(|_| key_order.is_supported())
    }

    fn refuse(&self, delivery: Delivery, error: &Error) -> Settling {
        let reason = match error.kind() {
            ErrorKind::BlobNotFound => "blob-missing".into(),
            ErrorKind::Corrupt => "blob-damaged".into(),
            ErrorKind::MessageTooLarge => "blob-too-large".into(),
            ErrorKind::Codec => DeadLetter::NOT_DECODABLE,
            _ => {
                let id = &delivery.id;
                self.shared.tell(&Event::BlobNotFetched { id, error });
                return Settling::new(delivery, self.release());
            }
        };
        let dead_letter = DeadLetter::from_error(reason, error);
        Settling::new(delivery, Settlement::DeadLetter(Box::new(dead_letter)))
    }

    fn release(&self) -> Settlement {
        if !self.can_delay() {
            return Settlement::RELEASE;
        }
        let delay = self.shared.config.retry_delay;
        let max = self.capabilities.release_delay_max;
        Settlement::Release {
            delay: max.map_or(delay, |max| delay.min(max)),
        }
    }

    /// Settles claims, not bodies: where a settlement is a send, the body would be too large.
    async fn settle_claims(&self, batch: &mut [Settling]) -> Result<()> {
        let claim_again = |item: &Settling| {
            let mut delivery = item.delivery.clone();
            if has_claim(&delivery) {
                delivery.message.body = Bytes::new();
            }
            Settling::new(delivery, item.settlement.clone())
        };
        let mut claims: Vec<Settling> = batch.iter().map(claim_again).collect();
        let call = self.inner.settle(&mut claims).await;
        let mut acked = Vec::new();
        for (item, claim) in batch.iter_mut().zip(claims) {
            let is_acked = claim.outcome.is_done() && claim.settlement.is_success();
            if is_acked && self.shared.config.cleanup == Cleanup::Acked {
                acked.extend(Claim::read(&item.delivery.message).ok().flatten());
            }
            item.outcome = claim.outcome;
        }
        self.shared
            .remove(acked.into_iter().map(|it| it.name))
            .await;
        call
    }
}

/// Returns what can be done through a wrapper around what can do `inner`.
fn unlimited(inner: &Capabilities) -> Capabilities {
    Capabilities {
        message_bytes_max: None,
        receive_bytes_over_max: None,
        receive_drop: Support::Unsupported,
        ..inner.clone()
    }
}

const fn is_release(item: &Settling) -> bool {
    matches!(item.settlement, Settlement::Release { .. })
}

fn has_claim(delivery: &Delivery) -> bool {
    delivery.message.headers().get(HEADER).is_some()
}

/// Holds deliveries of a receive, and leaves them to the next one if it is dropped.
struct Rescue<'a> {
    receiver: &'a ClaimReceiver,
    deliveries: Vec<Delivery>,
}

impl Rescue<'_> {
    fn take(&mut self) -> Vec<Delivery> {
        std::mem::take(&mut self.deliveries)
    }
}

impl Drop for Rescue<'_> {
    fn drop(&mut self) {
        if !self.deliveries.is_empty() {
            lock(&self.receiver.rescued).append(&mut self.deliveries);
        }
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Receiver for ClaimReceiver {
    fn source(&self) -> &Source {
        self.inner.source()
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn settings(&self) -> Result<Settings> {
        let settings = self.inner.settings().await?;
        Ok(Settings {
            message_bytes_max: None,
            ..settings
        })
    }

    async fn receive(&self, request: ReceiveRequest, into: &mut Vec<Delivery>) -> Result<()> {
        let mut rescue = Rescue {
            receiver: self,
            deliveries: self.rescued(request),
        };
        if rescue.deliveries.is_empty() {
            self.inner.receive(request, &mut rescue.deliveries).await?;
        }
        let whole = if rescue.deliveries.iter().any(has_claim) {
            self.check_out(&mut rescue).await
        } else {
            rescue.take()
        };
        into.extend(whole);
        Ok(())
    }

    async fn settle(&self, batch: &mut [Settling]) -> Result<()> {
        if batch.iter().any(|item| has_claim(&item.delivery)) {
            return self.settle_claims(batch).await;
        }
        self.inner.settle(batch).await
    }

    async fn extend(&self, batch: &mut [Extending], by: Duration) -> Result<()> {
        self.inner.extend(batch, by).await
    }

    async fn lost(&self, into: &mut Vec<Receipt>) {
        self.inner.lost(into).await;
    }

    /// Gives back what a dropped receive has left behind, and closes the receiver inside.
    async fn close(&self) -> Result<()> {
        let rescued = std::mem::take(&mut *lock(&self.rescued));
        let release = |delivery| Settling::new(delivery, Settlement::RELEASE);
        let mut batch: Vec<Settling> = rescued.into_iter().map(release).collect();
        if !batch.is_empty() {
            // What cannot be given back comes again when its lease ends.
            let _ = self.inner.settle(&mut batch).await;
        }
        self.inner.close().await
    }
}
