//! What the store in memory and the layer promise.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use futures_util::FutureExt;
use relayhouse_core::{
    Context, Delivery, Error, ErrorKind, Event, Instant, Mark, Message, Observer, Result,
    SeededRandom, Settlement, Timestamp,
    port::{Claim, Claiming, DedupStore, Marking, Site},
};
use relayhouse_testkit::{clock::ManualClock, conformance::stores};
use tower::{Layer, Service, ServiceExt, service_fn};

use super::*;
use crate::testing::{delivery, poll_and_drop};

fn at_manual_time() -> (ManualClock, Context) {
    let clock = ManualClock::new(Timestamp::from_micros(1));
    let random = Arc::new(SeededRandom::new(7));
    (clock.clone(), Context::new(Arc::new(clock), random))
}

#[tokio::test]
async fn store_in_memory_keeps_the_rules_of_its_port() {
    let (clock, context) = at_manual_time();
    let store = MemoryDedup::new(NonZeroUsize::MAX, &context);
    stores::dedup(&store, &clock).await.unwrap();
}

#[tokio::test]
async fn full_store_refuses_and_forgets_nothing() {
    let (clock, context) = at_manual_time();
    let store = MemoryDedup::new(NonZeroUsize::new(2).unwrap(), &context);
    let hold = Duration::from_secs(1);
    let mut batch = ["a", "b", "c"].map(|key| Claiming::new(key, 1));
    store.claim(&mut batch, hold).await.unwrap();
    let answers = batch.map(|it| it.outcome.settle(&Ok(())).map_err(|error| error.kind()));
    let expected = [Ok(Claim::New), Ok(Claim::New), Err(ErrorKind::Full)];
    assert_eq!(answers, expected);
    clock.advance(hold);
    let mut batch = [Claiming::new("c", 1)];
    store.claim(&mut batch, hold).await.unwrap();
    assert!(batch[0].outcome.is_done());
    assert_eq!(store.len(), 1, "those whose time is over are gone");
}

/// Answers as it is told, writes down what it handled, and takes one more poll for it.
#[derive(Clone, Debug)]
struct Handler {
    answer: Result<Settlement>,
    handled: Arc<Mutex<Vec<String>>>,
}

impl Handler {
    fn new(answer: Result<Settlement>) -> Self {
        Self {
            answer,
            handled: Arc::default(),
        }
    }

    fn handled(&self) -> Vec<String> {
        self.handled.lock().unwrap().clone()
    }

    async fn handle(self, delivery: Delivery) -> Result<Settlement> {
        self.handled.lock().unwrap().push(delivery.id.to_string());
        tokio::task::yield_now().await;
        self.answer
    }

    async fn call(&self, layer: &IdempotencyLayer, delivery: Delivery) -> Result<Settlement> {
        let handler = self.clone();
        let service = service_fn(move |delivery| handler.clone().handle(delivery));
        layer.layer(service).oneshot(delivery).await
    }

    async fn call_batch(
        &self,
        layer: &IdempotencyLayer,
        batch: Vec<Delivery>,
    ) -> Vec<Result<Settlement>> {
        let handler = self.clone();
        let service = service_fn(move |batch: Vec<Delivery>| {
            let handler = handler.clone();
            async move {
                let mut answers = Vec::new();
                for delivery in batch {
                    answers.push(handler.clone().handle(delivery).await);
                }
                Ok::<_, Error>(answers)
            }
        });
        layer.layer(service).call(batch).await.unwrap()
    }
}

fn layer(context: &Context) -> IdempotencyLayer {
    let store = Arc::new(MemoryDedup::new(NonZeroUsize::MAX, context));
    IdempotencyLayer::new(store, context)
}

fn order(id: &str) -> Delivery {
    delivery(id, 1, Instant::NEVER)
}

fn failed() -> Error {
    Error::new(ErrorKind::Handler, "no stock")
}

#[tokio::test]
async fn acked_message_is_acked_again_without_the_handler() {
    let (clock, context) = at_manual_time();
    let layer = layer(&context);
    let handler = Handler::new(Ok(Settlement::Ack));
    for id in ["a", "a", "b", "a"] {
        let answer = handler.call(&layer, order(id)).await.unwrap();
        assert_eq!(answer, Settlement::Ack);
    }
    assert_eq!(handler.handled(), ["a", "b"]);
    clock.advance(IdempotencyConfig::default().keep);
    handler.call(&layer, order("a")).await.unwrap();
    assert_eq!(handler.handled(), ["a", "b", "a"], "it is forgotten");
}

#[tokio::test]
async fn what_was_not_acked_is_handled_again() {
    for answer in [
        Err(failed()),
        Ok(Settlement::RELEASE),
        Ok(Settlement::dead_letter("rejected", "no such order")),
    ] {
        let (_, context) = at_manual_time();
        let layer = layer(&context);
        let handler = Handler::new(answer);
        for _ in 0..2 {
            drop(handler.call(&layer, order("a")).await);
        }
        assert_eq!(handler.handled(), ["a", "a"], "{:?}", handler.answer);
    }
}

/// Takes the answer apart, and returns its marks.
fn marks(answer: Settlement, messages: usize) -> Vec<Mark> {
    let Settlement::Forward(outgoing) = answer else {
        panic!("{answer:?} takes nothing along");
    };
    assert_eq!(outgoing.messages().len(), messages);
    outgoing.marks().to_vec()
}

#[tokio::test]
async fn answer_that_sends_takes_its_key_along() {
    let (_, context) = at_manual_time();
    let layer = layer(&context);
    let forward = Settlement::forward("payments", Message::new("7"));
    let handler = Handler::new(Ok(forward));
    let answer = handler.call(&layer, order("a")).await.unwrap();
    let [mark] = &marks(answer, 1)[..] else {
        panic!("one key is done");
    };
    let IdempotencyConfig { keep, hold, .. } = IdempotencyConfig::default();
    assert_eq!((&*mark.key, mark.keep), ("/a", keep));
    // Until it is carried out, the message is being handled.
    let copy = handler.call(&layer, order("a")).await.unwrap();
    assert_eq!(copy, Settlement::Release { delay: hold });
    let mut batch = [Marking::new(mark.key.clone(), mark.owner)];
    mark.store.complete(&mut batch, keep).await.unwrap();
    let copy = handler.call(&layer, order("a")).await.unwrap();
    assert_eq!(copy, Settlement::Ack);
    assert_eq!(handler.handled(), ["a"]);
}

/// A store that is kept beside messages.
#[derive(Debug)]
struct Beside(MemoryDedup, Site);

#[async_trait]
impl DedupStore for Beside {
    fn site(&self) -> Option<&Site> {
        Some(&self.1)
    }

    async fn claim(&self, batch: &mut [Claiming], hold: Duration) -> Result<()> {
        self.0.claim(batch, hold).await
    }

    async fn complete(&self, _: &mut [Marking], _: Duration) -> Result<()> {
        panic!("who acks completes the keys");
    }

    async fn abandon(&self, batch: &mut [Marking]) -> Result<()> {
        self.0.abandon(batch).await
    }
}

#[tokio::test]
async fn keys_beside_messages_are_left_to_who_acks() {
    let (_, context) = at_manual_time();
    let keys = MemoryDedup::new(NonZeroUsize::MAX, &context);
    let store = Arc::new(Beside(keys, Site::new("here")));
    let layer = IdempotencyLayer::new(store, &context);
    let inner = layer.clone().scope("inner");
    let handler = Handler::new(Ok(Settlement::Ack));
    let answer = handler.call(&layer, order("a")).await.unwrap();
    let keys = |answer| {
        marks(answer, 0)
            .iter()
            .map(|mark| mark.key.to_string())
            .collect()
    };
    let found: Vec<String> = keys(answer);
    assert_eq!(found, ["/a"]);
    let answers = handler
        .call_batch(&layer, vec![order("a"), order("b")])
        .await;
    let [Ok(Settlement::Release { .. }), Ok(answer)] = &answers[..] else {
        panic!("{answers:?}");
    };
    assert_eq!(keys(answer.clone()), ["/b"]);
    // What another such layer has left is kept.
    let twice = Handler::new(handler.call(&inner, order("c")).await);
    let answer = twice.call(&layer, order("c")).await.unwrap();
    assert_eq!(keys(answer), ["inner/c", "/c"]);
    let failing = Handler::new(Err(failed()));
    for _ in 0..2 {
        failing.call(&layer, order("d")).await.unwrap_err();
    }
    assert_eq!(failing.handled(), ["d", "d"], "its claim was given up");
}

#[tokio::test]
async fn copy_of_a_running_message_is_released_until_its_claim_ends() {
    let (clock, context) = at_manual_time();
    let layer = layer(&context).hold(Duration::from_secs(60));
    let handler = Handler::new(Ok(Settlement::Ack));
    let mut running = Box::pin(handler.call(&layer, order("a")));
    assert!((&mut running).now_or_never().is_none());
    clock.advance(Duration::from_secs(20));
    let delay = Duration::from_secs(40);
    let copy = handler.call(&layer, order("a")).await.unwrap();
    assert_eq!(copy, Settlement::Release { delay });
    assert_eq!(running.await.unwrap(), Settlement::Ack);
    let copy = handler.call(&layer, order("a")).await.unwrap();
    assert_eq!(copy, Settlement::Ack);
    assert_eq!(handler.handled(), ["a"]);
}

#[tokio::test]
async fn dropped_call_holds_its_claim_until_its_end() {
    for polls in 1..10 {
        let (clock, context) = at_manual_time();
        let layer = layer(&context);
        let handler = Handler::new(Ok(Settlement::Ack));
        let ended = poll_and_drop(handler.call(&layer, order("a")), polls).await;
        if ended.is_some() {
            assert!(1 < polls, "it was dropped once at least");
            return;
        }
        let again = handler.call(&layer, order("a")).await.unwrap();
        let delay = IdempotencyConfig::default().hold;
        assert_eq!(again, Settlement::Release { delay });
        clock.advance(delay);
        let again = handler.call(&layer, order("a")).await.unwrap();
        assert_eq!(again, Settlement::Ack);
        assert_eq!(handler.handled(), ["a", "a"]);
    }
    unreachable!("the call never ended");
}

#[tokio::test]
async fn key_is_that_of_a_header_or_function_within_its_scope() {
    let (_, context) = at_manual_time();
    let store: Arc<dyn DedupStore> = Arc::new(MemoryDedup::new(NonZeroUsize::MAX, &context));
    let layer = || IdempotencyLayer::new(Arc::clone(&store), &context);
    let paid = |id: &str, payment: &'static str| {
        let mut delivery = order(id);
        delivery.message = delivery.message.header("payment", payment);
        delivery
    };
    let handler = Handler::new(Ok(Settlement::Ack));
    let by_header = layer().header("payment");
    handler.call(&by_header, paid("a", "7")).await.unwrap();
    handler.call(&by_header, paid("b", "7")).await.unwrap();
    assert_eq!(handler.handled(), ["a"]);
    for id in ["c", "c"] {
        handler.call(&by_header, order(id)).await.unwrap();
    }
    assert_eq!(handler.handled(), ["a", "c", "c"], "no header, no key");
    let of_others = layer().header("payment").scope("refunds");
    handler.call(&of_others, paid("d", "7")).await.unwrap();
    let by_function = layer().function(|delivery| Some(delivery.id.to_string().into()));
    handler.call(&by_function, paid("7", "8")).await.unwrap();
    assert_eq!(handler.handled(), ["a", "c", "c", "d"], "7 is done");
}

#[tokio::test]
async fn batch_is_answered_in_its_order() {
    let (_, context) = at_manual_time();
    let layer = layer(&context);
    let handler = Handler::new(Ok(Settlement::Ack));
    handler.call(&layer, order("done")).await.unwrap();
    let batch = ["new", "done", "new", "other"].map(order).into();
    let answers = handler.call_batch(&layer, batch).await;
    let delay = IdempotencyConfig::default().hold;
    let held = Settlement::Release { delay };
    let expected = [Settlement::Ack, Settlement::Ack, held, Settlement::Ack];
    assert!(answers.into_iter().map(Result::unwrap).eq(expected));
    assert_eq!(handler.handled(), ["done", "new", "other"]);
    let all_done = handler
        .call_batch(&layer, vec![order("new"), order("other")])
        .await;
    assert!(
        all_done
            .iter()
            .all(|it| it.as_ref().unwrap() == &Settlement::Ack)
    );
    assert_eq!(handler.handled().len(), 3);
}

/// A store that is not there, or not any more.
#[derive(Debug)]
struct Broken {
    claims: bool,
}

#[async_trait]
impl DedupStore for Broken {
    fn site(&self) -> Option<&Site> {
        None
    }

    async fn claim(&self, batch: &mut [Claiming], _: Duration) -> Result<()> {
        if !self.claims {
            return Err(Error::new(ErrorKind::Closed, "closed"));
        }
        for item in batch {
            item.outcome = Ok(Claim::New).into();
        }
        Ok(())
    }

    async fn complete(&self, _: &mut [Marking], _: Duration) -> Result<()> {
        Err(Error::new(ErrorKind::ConnectionFailed, "refused"))
    }

    async fn abandon(&self, _: &mut [Marking]) -> Result<()> {
        Err(Error::new(ErrorKind::ConnectionFailed, "refused"))
    }
}

/// Writes down what it hears.
#[derive(Debug, Default)]
struct Heard(Mutex<Vec<String>>);

impl Observer for Heard {
    fn observe(&self, _: Instant, events: &[Event<'_>]) {
        let text = |event: &Event<'_>| match event {
            Event::Deduplicated { delivery } => format!("skipped {}", delivery.id),
            Event::DedupNotNoted { key, error } => format!("{key} not noted: {error}"),
            other => format!("{other:?}"),
        };
        self.0.lock().unwrap().extend(events.iter().map(text));
    }
}

#[tokio::test]
async fn nothing_is_handled_while_the_store_does_not_answer() {
    let (_, context) = at_manual_time();
    let layer = IdempotencyLayer::new(Arc::new(Broken { claims: false }), &context);
    let handler = Handler::new(Ok(Settlement::Ack));
    let error = handler.call(&layer, order("a")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert!(error.is_temporary(), "the message waits");
    assert!(handler.handled().is_empty());
}

#[tokio::test]
async fn handled_message_is_acked_also_if_that_cannot_be_noted() {
    let heard = Arc::new(Heard::default());
    let (_, context) = at_manual_time();
    let context = context.observer(Arc::clone(&heard) as Arc<dyn Observer>);
    let layer = IdempotencyLayer::new(Arc::new(Broken { claims: true }), &context);
    let handler = Handler::new(Ok(Settlement::Ack));
    let answer = handler.call(&layer, order("a")).await.unwrap();
    assert_eq!(answer, Settlement::Ack);
    let handler = Handler::new(Err(failed()));
    let error = handler.call(&layer, order("b")).await.unwrap_err();
    assert_eq!(error.message(), "no stock");
    let expected = ["/a not noted: refused", "/b not noted: refused"];
    assert_eq!(*heard.0.lock().unwrap(), expected);
}

#[tokio::test]
async fn skipped_message_is_told() {
    let heard = Arc::new(Heard::default());
    let (_, context) = at_manual_time();
    let context = context.observer(Arc::clone(&heard) as Arc<dyn Observer>);
    let layer = layer(&context);
    let handler = Handler::new(Ok(Settlement::Ack));
    for _ in 0..2 {
        handler.call(&layer, order("a")).await.unwrap();
    }
    assert_eq!(*heard.0.lock().unwrap(), ["skipped a"]);
}
