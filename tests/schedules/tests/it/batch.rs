//! The worker of a batch, those who call, and those who close.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use relayhouse_core::{Context, Error, ErrorKind, Message, Result};
use relayhouse_schedules::batch::{Batch, BatchConfig, BatchLayer, BatchSize};
use shuttle::future::{spawn, yield_now};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::support::{SECOND, Time, clock, context, explore, join, poll_and_drop};

type Echo = Batch<Message, u32>;

/// What the service inside was called with.
#[derive(Clone, Debug, Default)]
struct Seen(Arc<Mutex<Vec<Vec<u32>>>>);

impl Seen {
    /// Makes a batch service that answers each number with itself.
    fn service(
        &self,
    ) -> impl Service<Vec<Message>, Response = Vec<Result<u32>>, Error = Error, Future: Send>
    + Send
    + use<> {
        let seen = self.clone();
        service_fn(move |batch: Vec<Message>| {
            let numbers: Vec<u32> = batch.iter().map(number).collect();
            seen.0.lock().unwrap().push(numbers.clone());
            async move {
                yield_now().await;
                Ok(numbers.into_iter().map(Ok).collect())
            }
        })
    }

    fn numbers(&self) -> Vec<u32> {
        let mut all = self.0.lock().unwrap().concat();
        all.sort_unstable();
        all
    }
}

fn number(message: &Message) -> u32 {
    let bytes = message.body.as_ref().try_into().unwrap();
    u32::from_be_bytes(bytes)
}

fn numbered(number: u32) -> Message {
    Message::new(number.to_be_bytes().to_vec())
}

fn batch(config: BatchConfig, context: &Context, seen: &Seen) -> Echo {
    let layer = BatchLayer::new(context).config(config);
    layer.layer(seen.service())
}

/// Batches of whatever is there.
fn greedy(calls_in_flight: u32, buffer: u32) -> BatchConfig {
    BatchConfig {
        requests_max: 3.try_into().unwrap(),
        linger: Duration::ZERO,
        calls_in_flight: calls_in_flight.try_into().unwrap(),
        buffer_requests_max: buffer.try_into().unwrap(),
        ..BatchConfig::default()
    }
}

/// Each call gets its own answer, through a buffer that is smaller than the number of callers.
#[test]
fn everybody_is_answered_with_their_own() {
    explore(|| {
        let seen = Seen::default();
        let batch = batch(greedy(2, 2), &context(&clock()), &seen);
        let callers = (0..3).map(|caller| {
            let mut batch = batch.clone();
            spawn(async move {
                for number in [caller * 2, caller * 2 + 1] {
                    let ready = batch.ready().await.unwrap();
                    assert_eq!(ready.call(numbered(number)).await.unwrap(), number);
                }
            })
        });
        join(callers.collect::<Vec<_>>());
        join([spawn(async move { batch.close().await })]);
        assert_eq!(seen.numbers(), [0, 1, 2, 3, 4, 5]);
    });
}

/// What was called is called, also if its caller and then the last service are gone.
#[test]
fn nothing_is_lost_with_those_who_go_away() {
    explore(|| {
        let seen = Seen::default();
        let clock = clock();
        let config = BatchConfig {
            linger: SECOND,
            size: BatchSize::Full,
            ..greedy(1, 10)
        };
        let batch = batch(config, &context(&clock), &seen);
        let callers = (0..4).map(|number| {
            let mut batch = batch.clone();
            spawn(async move {
                let call = batch.ready().await.unwrap().call(numbered(number));
                if number % 2 == 0 {
                    drop(poll_and_drop(call).await);
                } else {
                    assert_eq!(call.await.unwrap(), number);
                }
            })
        });
        let callers: Vec<_> = callers.collect();
        drop(batch);
        let _time = Time::pass(&clock);
        join(callers);
        // Those who went away hear nothing; what they called leaves nonetheless.
        let all = seen.clone();
        join([spawn(async move {
            while all.numbers().len() < 4 {
                yield_now().await;
            }
        })]);
        assert_eq!(seen.numbers(), [0, 1, 2, 3]);
    });
}

/// A close meets calls: each is answered or refused, what is answered was called once, and all
/// closes end.
#[test]
fn close_answers_what_it_takes_and_refuses_the_rest() {
    explore(|| {
        let seen = Seen::default();
        let batch = batch(greedy(1, 2), &context(&clock()), &seen);
        let callers = (0..3).map(|number| {
            let batch = batch.clone();
            spawn(async move {
                match batch.oneshot(numbered(number)).await {
                    Ok(answer) => {
                        assert_eq!(answer, number);
                        Some(number)
                    }
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::Closed);
                        None
                    }
                }
            })
        });
        let callers: Vec<_> = callers.collect();
        let closers = (0..2).map(|_| {
            let batch = batch.clone();
            spawn(async move { batch.close().await })
        });
        let closers: Vec<_> = closers.collect();
        join(closers);
        let answered: Vec<u32> = join(callers).into_iter().flatten().collect();
        assert_eq!(seen.numbers(), answered);
    });
}

/// A batch that is not full leaves at its time, whoever looks at the clock when.
#[test]
fn late_batches_leave_at_their_time() {
    explore(|| {
        let (seen, clock) = (Seen::default(), clock());
        let config = BatchConfig {
            requests_max: 10.try_into().unwrap(),
            linger: SECOND,
            size: BatchSize::Full,
            ..greedy(2, 10)
        };
        let batch = batch(config, &context(&clock), &seen);
        let callers = (0..3).map(|number| {
            let batch = batch.clone();
            spawn(async move {
                assert_eq!(batch.oneshot(numbered(number)).await.unwrap(), number);
            })
        });
        let callers: Vec<_> = callers.collect();
        let _time = Time::pass(&clock);
        join(callers);
        assert_eq!(seen.numbers(), [0, 1, 2]);
    });
}
