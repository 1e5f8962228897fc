//! Batches under paused time: when they leave, what is answered, and what survives.

use std::{
    num::{NonZeroU32, NonZeroU64},
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use futures_util::future::join_all;
use proptest::{collection::vec, prelude::*};
use relayhouse_core::{Clock, Context, Error, ErrorKind, Message, Result};
use relayhouse_time::simulated;
use tokio::sync::Semaphore;
use tower::{Layer, Service, ServiceExt, service_fn};

use super::*;
use crate::testing::context;

type Batches = Arc<Mutex<Vec<Vec<String>>>>;

fn body(message: &Message) -> String {
    String::from_utf8(message.body.to_vec()).unwrap()
}

/// Answers each message with its body, writes the batches down, and lets each call wait for a turn
/// if there is a semaphore.
fn batching(
    layer: &BatchLayer<Message, String>,
    turns: Option<Arc<Semaphore>>,
) -> (Batch<Message, String>, Batches) {
    let batches = Batches::default();
    let seen = Arc::clone(&batches);
    let service = service_fn(move |batch: Vec<Message>| {
        let bodies: Vec<String> = batch.iter().map(body).collect();
        seen.lock().unwrap().push(bodies.clone());
        let turns = turns.clone();
        async move {
            if let Some(turns) = turns {
                turns.acquire().await.unwrap().forget();
            }
            let answer = |body: String| match body.as_str() {
                "bad" => Err(Error::new(ErrorKind::Codec, "bad")),
                _ => Ok(body),
            };
            match bodies.first().map(String::as_str) {
                Some("fail all") => Err(Error::new(ErrorKind::Throttled, "slow down")),
                Some("panic") => std::panic::panic_any("panic"),
                Some("short") => Ok(vec![Ok("short".to_owned())]),
                _ => Ok(bodies.into_iter().map(answer).collect()),
            }
        }
    });
    (layer.layer(service), batches)
}

fn full(context: &Context, requests: u32) -> BatchLayer<Message, String> {
    BatchLayer::new(context)
        .size(BatchSize::Full)
        .requests_max(NonZeroU32::new(requests).unwrap())
}

async fn call(batch: &Batch<Message, String>, body: &str) -> Result<String> {
    batch.clone().oneshot(Message::new(body.to_owned())).await
}

async fn call_all(batch: &Batch<Message, String>, bodies: &[&str]) -> Vec<Result<String>> {
    join_all(bodies.iter().map(|body| call(batch, body))).await
}

#[tokio::test(start_paused = true)]
async fn full_batch_leaves_at_once_and_the_rest_in_time() {
    let context = context();
    let (batch, batches) = batching(&full(&context, 3), None);
    let before = context.clock.now();
    let answers = call_all(&batch, &["a", "b", "c", "d"]).await;
    let answers: Vec<String> = answers.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers, ["a", "b", "c", "d"]);
    let expected = [vec!["a", "b", "c"], vec!["d"]];
    assert_eq!(*batches.lock().unwrap(), expected);
    let linger = BatchConfig::default().linger;
    assert_eq!(
        context.clock.now().since(before),
        linger,
        "no further call came"
    );
}

#[tokio::test(start_paused = true)]
async fn bytes_fill_a_batch_and_a_large_request_goes_alone() {
    let context = context();
    let layer = full(&context, 100).bytes_max(NonZeroU64::new(4).unwrap());
    let (batch, batches) = batching(&layer, None);
    call_all(&batch, &["aa", "bb", "much too large", "c"]).await;
    let expected = [vec!["aa", "bb"], vec!["much too large"], vec!["c"]];
    assert_eq!(*batches.lock().unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn lone_caller_does_not_wait_for_others() {
    let context = context();
    let (batch, batches) = batching(&BatchLayer::new(&context), None);
    let before = context.clock.now();
    call(&batch, "a").await.unwrap();
    assert_eq!(context.clock.now(), before);
    assert_eq!(batches.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_comes_while_the_service_is_busy_leaves_together() {
    let context = context();
    let turns = Arc::new(Semaphore::new(0));
    let (batch, batches) = batching(&BatchLayer::new(&context), Some(Arc::clone(&turns)));
    let bodies: Vec<String> = (0..50).map(|number| number.to_string()).collect();
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    let first = call(&batch, "first");
    let others = async {
        tokio::task::yield_now().await;
        let answers = call_all(&batch, &bodies);
        turns.add_permits(2);
        answers.await
    };
    let (first, others) = tokio::join!(first, others);
    assert!(first.is_ok() && others.iter().all(Result::is_ok));
    assert_eq!(batches.lock().unwrap().len(), 2);
    assert_eq!(batches.lock().unwrap()[1], bodies);
}

/// A service that is always ready does not keep its thread for as long as there is work.
#[tokio::test(start_paused = true)]
async fn others_run_between_many_batches() {
    let context = context();
    let (batch, batches) = batching(&full(&context, 1), None);
    let mut answers = Vec::new();
    for number in 0..100 {
        let mut batch = batch.clone();
        let message = Message::new(number.to_string());
        answers.push(batch.ready().await.unwrap().call(message));
    }
    let seen = Arc::clone(&batches);
    let other = tokio::spawn(async move { seen.lock().unwrap().len() });
    let begun = other.await.unwrap();
    assert!((1..100).contains(&begun), "{begun} of 100");
    for answer in answers {
        answer.await.unwrap();
    }
    assert_eq!(batches.lock().unwrap().len(), 100);
}

#[tokio::test(start_paused = true)]
async fn each_request_has_its_own_answer() {
    let context = context();
    let (batch, _) = batching(&full(&context, 3), None);
    let answers = call_all(&batch, &["a", "bad", "c"]).await;
    let kinds = answers
        .into_iter()
        .map(|it| it.map_err(|error| error.kind()));
    let expected = [
        Ok("a".to_owned()),
        Err(ErrorKind::Codec),
        Ok("c".to_owned()),
    ];
    assert!(kinds.eq(expected));
}

#[tokio::test(start_paused = true)]
async fn failed_call_is_the_answer_of_all_and_a_missing_answer_that_of_one() {
    let context = context();
    let (batch, _) = batching(&full(&context, 2), None);
    let answers = call_all(&batch, &["fail all", "b"]).await;
    let failed = |it: Result<String>| it.unwrap_err().kind();
    assert!(
        answers
            .into_iter()
            .map(failed)
            .all(|kind| kind == ErrorKind::Throttled)
    );
    let mut answers = call_all(&batch, &["short", "b"]).await;
    assert_eq!(failed(answers.remove(1)), ErrorKind::OutcomeUnknown);
    assert_eq!(answers.remove(0).unwrap(), "short");
}

#[tokio::test(start_paused = true)]
async fn request_of_a_caller_that_went_away_is_not_lost() {
    let context = context();
    let (batch, batches) = batching(&full(&context, 3), None);
    for body in ["a", "b"] {
        let mut batch = batch.clone();
        drop(batch.ready().await.unwrap().call(Message::new(body)));
    }
    assert_eq!(call(&batch, "c").await.unwrap(), "c");
    assert_eq!(*batches.lock().unwrap(), [["a", "b", "c"]]);
}

#[tokio::test(start_paused = true)]
async fn dropped_services_leave_nothing_behind() {
    let context = context();
    let layer = full(&context, 100).linger(Duration::from_secs(3600));
    let (mut batch, batches) = batching(&layer, None);
    let answer = batch.ready().await.unwrap().call(Message::new("a"));
    let before = context.clock.now();
    drop(batch);
    assert_eq!(answer.await.unwrap(), "a");
    assert_eq!(context.clock.now(), before, "it did not wait for its time");
    assert_eq!(*batches.lock().unwrap(), [["a"]]);
}

#[tokio::test(start_paused = true)]
async fn close_sends_what_has_gathered_and_ends_the_worker() {
    let context = context();
    let layer = full(&context, 100).linger(Duration::from_secs(3600));
    let turns = Arc::new(Semaphore::new(0));
    let (mut batch, batches) = batching(&layer, Some(Arc::clone(&turns)));
    let answer = batch.ready().await.unwrap().call(Message::new("a"));
    assert!(
        crate::testing::poll_and_drop(batch.close(), 1)
            .await
            .is_none()
    );
    turns.add_permits(1);
    let other = batch.clone();
    tokio::join!(batch.close(), other.close());
    assert_eq!(answer.await.unwrap(), "a");
    assert_eq!(*batches.lock().unwrap(), [["a"]]);
    assert!(batch.is_joined());
    let error = call(&batch, "b").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
}

#[tokio::test(start_paused = true)]
async fn request_that_was_ready_before_the_close_is_refused_after_it() {
    let context = context();
    let (mut batch, batches) = batching(&full(&context, 2), None);
    batch.ready().await.unwrap();
    batch.close().await;
    let error = batch.call(Message::new("a")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    assert!(batches.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn buffer_is_bounded_in_requests_and_bytes() {
    let context = context();
    for (requests, bytes, taken) in [(3, 1_000, 3), (100, 5, 3)] {
        let config = BatchConfig {
            buffer_requests_max: NonZeroU32::new(requests).unwrap(),
            buffer_bytes_max: NonZeroU64::new(bytes).unwrap(),
            linger: Duration::from_secs(1),
            size: BatchSize::Full,
            ..BatchConfig::default()
        };
        let (batch, _) = batching(&BatchLayer::new(&context).config(config), None);
        let mut answers = Vec::new();
        for _ in 0..taken {
            let mut batch = batch.clone();
            answers.push(batch.ready().await.unwrap().call(Message::new("aa")));
        }
        let mut waiting = batch.clone();
        let mut ready = Box::pin(waiting.ready());
        let first = futures_util::FutureExt::now_or_never(&mut ready);
        assert!(first.is_none(), "it is full");
        ready.await.unwrap();
        for answer in answers {
            answer.await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn call_without_readiness_is_refused_when_full() {
    let context = context();
    let config = BatchConfig {
        buffer_requests_max: NonZeroU32::MIN,
        size: BatchSize::Full,
        ..BatchConfig::default()
    };
    let (mut batch, batches) = batching(&BatchLayer::new(&context).config(config), None);
    let first = batch.call(Message::new("a"));
    let error = batch.call(Message::new("b")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
    assert_eq!(first.await.unwrap(), "a");
    assert_eq!(*batches.lock().unwrap(), [["a"]]);
}

/// Whoever waits for room hears of the close, also those who are not the first.
#[tokio::test(start_paused = true)]
async fn close_is_heard_by_all_who_wait_for_room() {
    let context = context();
    let config = BatchConfig {
        buffer_requests_max: NonZeroU32::MIN,
        ..BatchConfig::default()
    };
    let (batch, _) = batching(&BatchLayer::new(&context).config(config), None);
    let mut holder = batch.clone();
    holder.ready().await.unwrap();
    let mut waiting = [(); 2].map(|()| tower_test::mock::Spawn::new(batch.clone()));
    for instance in &mut waiting {
        assert!(instance.poll_ready().is_pending());
    }
    batch.close().await;
    for instance in &mut waiting {
        assert!(instance.is_woken());
        let Poll::Ready(Err(error)) = instance.poll_ready() else {
            panic!("it still waits");
        };
        assert_eq!(error.kind(), ErrorKind::Closed);
    }
}

#[tokio::test(start_paused = true)]
async fn instance_that_is_dropped_gives_its_place_back() {
    let context = context();
    let config = BatchConfig {
        buffer_requests_max: NonZeroU32::MIN,
        ..BatchConfig::default()
    };
    let (batch, _) = batching(&BatchLayer::new(&context).config(config), None);
    let mut probe = batch.clone();
    probe.ready().await.unwrap();
    drop(probe);
    assert_eq!(call(&batch, "a").await.unwrap(), "a");
}

#[tokio::test(start_paused = true)]
async fn panic_inside_is_told_to_everybody_who_waits() {
    let context = context();
    let turns = Arc::new(Semaphore::new(0));
    let (batch, _) = batching(&full(&context, 1), Some(Arc::clone(&turns)));
    let others = async {
        tokio::task::yield_now().await;
        let waiting = call(&batch, "b");
        turns.add_permits(1);
        waiting.await
    };
    let (panicked, waiting) = tokio::join!(call(&batch, "panic"), others);
    assert_eq!(panicked.unwrap_err().kind(), ErrorKind::OutcomeUnknown);
    assert_eq!(waiting.unwrap_err().kind(), ErrorKind::Closed);
    let later = call(&batch, "c").await.unwrap_err();
    assert_eq!(later.kind(), ErrorKind::Closed);
    batch.close().await;
}

#[test]
fn options_are_read_from_text() {
    let pairs = [("linger", "20ms"), ("size", "full"), ("bytes_max", "4MiB")];
    let params = relayhouse_core::config::Params::from_pairs(pairs).unwrap();
    let config: BatchConfig = params.read().unwrap();
    assert_eq!(config.linger, Duration::from_millis(20));
    assert_eq!(config.size, BatchSize::Full);
    assert_eq!(config.bytes_max.get(), 4 << 20);
}

/// Calls at chosen times, and drops the chosen answers.
async fn offered(pauses: Vec<u64>, dropped: Vec<bool>, calls_in_flight: u32) {
    let context = simulated(relayhouse_core::Timestamp::from_micros(1), 7);
    let layer = BatchLayer::new(&context)
        .requests_max(NonZeroU32::new(7).unwrap())
        .calls_in_flight(NonZeroU32::new(calls_in_flight).unwrap());
    let (batch, batches) = batching(&layer, None);
    let mut answers = Vec::new();
    for (number, pause) in pauses.iter().enumerate() {
        let clock: &dyn Clock = &*context.clock;
        // Paused time jumps here at once.
        clock
            .sleep_until(clock.now() + Duration::from_millis(*pause))
            .await;
        let mut batch = batch.clone();
        let message = Message::new(number.to_string());
        let answer = batch.ready().await.unwrap().call(message);
        if !dropped.get(number).copied().unwrap_or(false) {
            answers.push((number, answer));
        }
    }
    for (number, answer) in answers {
        assert_eq!(answer.await.unwrap(), number.to_string());
    }
    batch.close().await;
    let batches = batches.lock().unwrap();
    assert!(batches.iter().all(|batch| (1..=7).contains(&batch.len())));
    let all: Vec<String> = batches.iter().flatten().cloned().collect();
    let expected: Vec<String> = (0..pauses.len()).map(|number| number.to_string()).collect();
    assert_eq!(all, expected, "in order, none lost, none twice");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_is_lost_and_the_order_is_kept(
        pauses in vec(0..12_u64, 0..60),
        dropped: Vec<bool>,
        calls_in_flight in 1..4_u32,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(offered(pauses, dropped, calls_in_flight));
    }
}
