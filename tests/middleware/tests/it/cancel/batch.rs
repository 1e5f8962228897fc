//! Batches: what was called is called, and a close that is dropped is left to the next.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use relayhouse_core::{Context, Error, Message, Result};
use relayhouse_middleware::batch::{Batch, BatchConfig, BatchLayer, BatchSize};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::cancel::harness::{STEP, at_every_poll, context, pass};

const LINGER: Duration = Duration::from_millis(5);

/// Which bodies came in which batch.
type Seen = Arc<Mutex<Vec<Vec<Bytes>>>>;

/// Makes a batch of three that answers each message with its body, and has room for three.
fn batch(context: &Context) -> (Batch<Message, Bytes>, Seen) {
    let config = BatchConfig {
        requests_max: 3.try_into().unwrap(),
        buffer_requests_max: 3.try_into().unwrap(),
        linger: LINGER,
        size: BatchSize::Full,
        ..BatchConfig::default()
    };
    let (seen, clock) = (Seen::default(), context.clone());
    let inner = {
        let seen = Arc::clone(&seen);
        service_fn(move |batch: Vec<Message>| {
            let bodies: Vec<Bytes> = batch.into_iter().map(|message| message.body).collect();
            seen.lock().unwrap().push(bodies.clone());
            let context = clock.clone();
            async move {
                pass(&context, STEP).await;
                Ok::<Vec<Result<Bytes>>, Error>(bodies.into_iter().map(Ok).collect())
            }
        })
    };
    (BatchLayer::new(context).config(config).layer(inner), seen)
}

#[tokio::test(start_paused = true)]
async fn dropped_call_stays_in_its_batch_beside_its_neighbours() {
    at_every_poll(2, async |polls| {
        let context = context();
        let (batch, seen) = batch(&context);
        let [first, dropped, third] =
            ["a", "b", "c"].map(|body| batch.clone().oneshot(Message::new(body)));
        let (first, dropped, third) = tokio::join!(biased; first, polls.then_drop(dropped), third);
        assert_eq!((first.unwrap(), third.unwrap()), ("a".into(), "c".into()));
        let batches = seen.lock().unwrap().clone();
        // Before its first poll nothing was called, and the others left without it at their time.
        let was_called = batches == [["a", "b", "c"]];
        assert!(was_called || batches == [["a", "c"]], "{batches:?}");
        // The place in the buffer is free, whoever has heard of the answer.
        let mut clones = [(); 3].map(|()| batch.clone());
        for clone in &mut clones {
            clone.ready().await.unwrap();
        }
        drop(clones);
        batch.close().await;
        if let Some(answer) = dropped {
            assert_eq!(answer.unwrap(), "b");
            return true;
        }
        false
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn dropped_close_is_left_to_the_next() {
    at_every_poll(1, async |polls| {
        let context = context();
        let (batch, seen) = batch(&context);
        let mut service = batch.clone();
        let call = service.ready().await.unwrap().call(Message::new("a"));
        let closed = polls.then_drop(batch.close()).await;
        if closed.is_none() {
            batch.close().await;
        }
        assert_eq!(call.await.unwrap(), "a");
        assert_eq!(*seen.lock().unwrap(), [["a"]]);
        closed.is_some()
    })
    .await;
}
