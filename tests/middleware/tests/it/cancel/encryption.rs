//! Encryption: a dropped call leaves the reading of keys to the next, and a nonce that it noted is
//! no replay of itself.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use relayhouse_core::{
    Context, Delivery, Error, ErrorKind, Message, Result, Timestamp,
    port::{Key, KeyId, KeyProvider, KeyRing},
};
use relayhouse_middleware::encryption::EncryptionLayer;
use tower::{Layer, ServiceExt, service_fn};

use super::dedup::SlowStore;
use crate::cancel::harness::{Inner, STEP, at_every_poll, context, delivery, message, pass};

/// Keys are old after that.
const REFRESH: Duration = Duration::from_secs(60);

/// Hands out one key, and takes a step for it.
#[derive(Debug)]
struct SlowKeys(Context);

#[async_trait]
impl KeyProvider for SlowKeys {
    async fn keys(&self) -> Result<KeyRing> {
        pass(&self.0, STEP).await;
        let key = Key::new(KeyId::new("2026-11")?, &[7; 32]);
        Ok(KeyRing::new(key))
    }
}

/// Makes a layer whose keys are old by now.
async fn layer(context: &Context) -> EncryptionLayer {
    let keys = Arc::new(SlowKeys(context.clone()));
    let builder = EncryptionLayer::builder(keys).refresh(REFRESH);
    let layer = builder.nonces(SlowStore::new(context)).build(context).await;
    pass(context, REFRESH).await;
    layer.unwrap()
}

async fn sealed(layer: &EncryptionLayer) -> Message {
    let service = service_fn(async |message: Message| Ok::<_, Error>(message));
    layer.layer(service).oneshot(message()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn dropped_send_leaves_the_keys_to_the_next() {
    at_every_poll(3, async |polls| {
        let context = context();
        let layer = layer(&context).await;
        let inner = Inner::new(1, &context);
        let send = layer.layer(inner.producer()).oneshot(message());
        let ended = polls.then_drop(send).await;
        assert_eq!(inner.in_flight(), 0);
        let next = layer.layer(inner.producer()).oneshot(message());
        next.await.unwrap();
        ended.is_some()
    })
    .await;
}

/// Wherever the call is dropped, the message that comes again is opened, and a copy of it is not
/// once it was.
#[tokio::test(start_paused = true)]
async fn dropped_delivery_comes_again_and_a_copy_does_not() {
    at_every_poll(4, async |polls| {
        let context = context();
        let layer = layer(&context).await;
        let arrived = Delivery {
            message: sealed(&layer).await,
            ..delivery("7", 1)
        };
        pass(&context, REFRESH).await;
        let inner = Inner::new(1, &context);
        let open = |delivery| layer.layer(inner.handler()).oneshot(delivery);
        let ended = polls.then_drop(open(arrived.clone())).await;
        assert_eq!(inner.in_flight(), 0);
        let again = Delivery {
            attempt: 2,
            ..arrived.clone()
        };
        open(again).await.unwrap();
        let copy = Delivery {
            enqueued_at: Timestamp::from_micros(2),
            ..arrived
        };
        let error = open(copy).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Replayed);
        ended.is_some()
    })
    .await;
}
