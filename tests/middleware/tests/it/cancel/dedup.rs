//! Idempotency: the claim of a dropped call is held until it ends.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use async_trait::async_trait;
use relayhouse_core::{
    Context, Result, Settlement,
    port::{Claiming, DedupStore, Marking, Site},
};
use relayhouse_middleware::idempotency::{IdempotencyConfig, IdempotencyLayer, MemoryDedup};
use tower::{Layer, ServiceExt};

use crate::cancel::harness::{Inner, STEP, at_every_poll, context, delivery, pass};

/// Remembers in memory, and takes a step before it does something, and one after that.
#[derive(Debug)]
pub(crate) struct SlowStore {
    inner: MemoryDedup,
    context: Context,
}

impl SlowStore {
    pub(crate) fn new(context: &Context) -> Arc<Self> {
        const KEYS: NonZeroUsize = NonZeroUsize::new(100).unwrap();
        Arc::new(Self {
            inner: MemoryDedup::new(KEYS, context),
            context: context.clone(),
        })
    }

    /// Waits for a step, does `work`, and waits for another.
    async fn slowly(&self, work: impl Future<Output = Result<()>>) -> Result<()> {
        pass(&self.context, STEP).await;
        let done = work.await;
        pass(&self.context, STEP).await;
        done
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl DedupStore for SlowStore {
    fn site(&self) -> Option<&Site> {
        self.inner.site()
    }

    async fn claim(&self, batch: &mut [Claiming], hold: Duration) -> Result<()> {
        self.slowly(self.inner.claim(batch, hold)).await
    }

    async fn complete(&self, batch: &mut [Marking], keep: Duration) -> Result<()> {
        self.slowly(self.inner.complete(batch, keep)).await
    }

    async fn abandon(&self, batch: &mut [Marking]) -> Result<()> {
        self.slowly(self.inner.abandon(batch)).await
    }
}

/// Whenever the call is dropped, a copy is handled by nobody while the claim lasts, and the message
/// is handled or known as done after that.
#[tokio::test(start_paused = true)]
async fn claim_of_a_dropped_call_holds_until_its_end() {
    at_every_poll(6, async |polls| {
        let context = context();
        let layer = IdempotencyLayer::new(SlowStore::new(&context), &context);
        let inner = Inner::new(1, &context);
        let call = |id| layer.layer(inner.handler()).oneshot(delivery(id, 1));
        let ended = polls.then_drop(call("7")).await;
        let (begun, handled) = (inner.begun(), inner.ended());
        assert_eq!(inner.in_flight(), 0);

        let copy = call("7").await.unwrap();
        match copy {
            // It was dropped before it had claimed the key, or after it had noted it as done.
            Settlement::Ack => {
                let is_fresh = begun == 0 && inner.ended() == 1;
                assert!(is_fresh || (handled == 1 && inner.begun() == 1));
            }
            copy => {
                assert!(matches!(copy, Settlement::Release { .. }));
                assert_eq!(inner.begun(), begun, "nobody handles it meanwhile");
                pass(&context, IdempotencyConfig::default().hold).await;
                assert_eq!(call("7").await.unwrap(), Settlement::Ack);
                assert_eq!(inner.begun(), begun + 1);
            }
        }
        // In every case it is done now, once and for all.
        let all = inner.begun();
        assert_eq!(call("7").await.unwrap(), Settlement::Ack);
        assert_eq!(inner.begun(), all);
        ended.is_some()
    })
    .await;
}

/// The same for one that fails: dropped before its claim was given up, it is waited for.
#[tokio::test(start_paused = true)]
async fn claim_of_a_failing_call_is_given_up_or_ends() {
    at_every_poll(6, async |polls| {
        let context = context();
        let layer = IdempotencyLayer::new(SlowStore::new(&context), &context);
        let inner = Inner::new(1, &context).failing(1);
        let call = |id| layer.layer(inner.handler()).oneshot(delivery(id, 1));
        let ended = polls.then_drop(call("7")).await;
        // The failure is used up here if it was not before.
        let mut copy = call("7").await;
        if copy.is_err() {
            copy = call("7").await;
        }
        if matches!(copy, Ok(Settlement::Release { .. })) {
            pass(&context, IdempotencyConfig::default().hold).await;
            copy = call("7").await;
        }
        if copy.is_err() {
            copy = call("7").await;
        }
        assert_eq!(copy.unwrap(), Settlement::Ack);
        assert_eq!(inner.in_flight(), 0);
        ended.is_some()
    })
    .await;
}
