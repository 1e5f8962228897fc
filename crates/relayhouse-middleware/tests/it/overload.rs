//! Three times as much work as a service can do, for a minute of simulated time.

use std::{
    num::NonZeroU32,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use relayhouse_core::{Clock, Context, Error, ErrorKind, Instant, Message, Sent, Timestamp};
use relayhouse_middleware::{
    adaptive::AdaptiveLayer,
    backpressure::{BackpressureConfig, BackpressureLayer, Full},
};
use relayhouse_time::simulated;
use tower::{Service, ServiceBuilder, ServiceExt, service_fn};

use crate::simulation::{SERVICE_TIME, Server};

const PLACES: usize = 4;
/// What the service can do in a second.
const CAPACITY: u32 = 100;
const BODY_BYTES: usize = 1_024;
const IN_FLIGHT_MAX: u32 = 64;
const OVERLOAD: Duration = Duration::from_secs(60);
const AFTER: Duration = Duration::from_secs(20);

/// Is how one request ended.
#[derive(Clone, Copy, Debug)]
struct End {
    came: Instant,
    latency: Duration,
    is_done: bool,
}

#[derive(Debug, Default)]
struct Seen {
    ends: Mutex<Vec<End>>,
    alive: AtomicUsize,
    alive_max: AtomicUsize,
}

/// Sends `per_second` requests a second for `time`, whatever becomes of them.
async fn offer<S>(context: &Context, service: &S, per_second: u32, time: Duration, seen: &Arc<Seen>)
where
    S: Service<Message, Response = Sent, Error = Error, Future: Send> + Clone + Send + 'static,
{
    let clock = &context.clock;
    let until = clock.now() + time;
    let mut next = clock.now();
    while clock.now() < until {
        let alive = seen.alive.fetch_add(1, Ordering::Relaxed) + 1;
        seen.alive_max.fetch_max(alive, Ordering::Relaxed);
        tokio::spawn(request(
            service.clone(),
            Arc::clone(clock),
            Arc::clone(seen),
        ));
        next = next + Duration::from_secs(1) / per_second;
        clock.sleep_until(next).await;
    }
}

async fn request<S>(service: S, clock: Arc<dyn Clock>, seen: Arc<Seen>)
where
    S: Service<Message, Response = Sent, Error = Error>,
{
    let came = clock.now();
    let result = service.oneshot(Message::new(vec![0; BODY_BYTES])).await;
    if let Err(error) = &result {
        assert_eq!(error.kind(), ErrorKind::Full);
    }
    let end = End {
        came,
        latency: clock.now().since(came),
        is_done: result.is_ok(),
    };
    seen.ends.lock().unwrap().push(end);
    seen.alive.fetch_sub(1, Ordering::Relaxed);
}

fn service(
    context: &Context,
) -> impl Service<Message, Response = Sent, Error = Error, Future: Send> + Clone + use<> {
    let server = Arc::new(Server::new(PLACES, context));
    let clock = Arc::clone(&context.clock);
    service_fn(move |_: Message| {
        let sleep = clock.sleep_until(server.serve());
        async move {
            sleep.await;
            Ok::<_, Error>(Sent::default())
        }
    })
}

/// Returns the requests that came within a span and were done, and how many there were.
fn within(seen: &Seen, from: Duration, to: Duration) -> (Vec<Duration>, usize) {
    let span = Instant::START + from..Instant::START + to;
    let ends = seen.ends.lock().unwrap();
    let ends = ends.iter().filter(|end| span.contains(&end.came));
    let all = ends.clone().count();
    let mut done: Vec<Duration> = ends
        .filter(|end| end.is_done)
        .map(|end| end.latency)
        .collect();
    done.sort_unstable();
    (done, all)
}

async fn overload<S>(context: &Context, service: S) -> Arc<Seen>
where
    S: Service<Message, Response = Sent, Error = Error, Future: Send> + Clone + Send + 'static,
{
    let seen = Arc::new(Seen::default());
    offer(context, &service, CAPACITY * 3, OVERLOAD, &seen).await;
    offer(context, &service, CAPACITY / 2, AFTER, &seen).await;
    let clock = &context.clock;
    clock.sleep_until(clock.now() + OVERLOAD * 3).await;
    assert_eq!(seen.alive.load(Ordering::Relaxed), 0);
    seen
}

/// Memory and latency stay bounded, the service does all it can, and five seconds after the
/// overload is over no more than one request in a hundred is refused, by a burst.
#[tokio::test(start_paused = true)]
async fn overload_is_refused_and_recovered_from() {
    let context = simulated(Timestamp::default(), 7);
    let backpressure = BackpressureLayer::new(BackpressureConfig {
        messages_max: NonZeroU32::new(IN_FLIGHT_MAX).unwrap(),
        full: Full::Fail,
        ..BackpressureConfig::default()
    });
    let stack = ServiceBuilder::new()
        .layer(backpressure.clone())
        .layer(AdaptiveLayer::new("simulated", &context))
        .service(service(&context));
    let seen = overload(&context, stack).await;
    assert_eq!(backpressure.load().messages, 0);

    let alive = seen.alive_max.load(Ordering::Relaxed);
    assert!(alive <= IN_FLIGHT_MAX as usize, "{alive} at a time");
    let warm = Duration::from_secs(5);
    let (done, all) = within(&seen, warm, OVERLOAD);
    let p99 = done[done.len() * 99 / 100];
    assert!(p99 < SERVICE_TIME * 3, "{p99:?}");
    let seconds = (OVERLOAD - warm).as_secs();
    let possible = usize::try_from(u64::from(CAPACITY) * seconds).unwrap();
    assert!(
        possible * 9 / 10 < done.len(),
        "{} of {possible}",
        done.len()
    );
    assert!(done.len() * 2 < all);

    let (done, all) = within(&seen, OVERLOAD + warm, OVERLOAD + AFTER);
    assert!(all * 99 / 100 <= done.len(), "{} of {all}", done.len());
    let p99 = done[done.len() * 99 / 100];
    assert!(p99 < SERVICE_TIME * 2, "{p99:?}");
}

/// What the layers are for: without them work piles up for as long as the overload lasts.
#[tokio::test(start_paused = true)]
async fn overload_without_layers_piles_up() {
    let context = simulated(Timestamp::default(), 7);
    let seen = overload(&context, service(&context)).await;
    let alive = seen.alive_max.load(Ordering::Relaxed);
    assert!(10_000 < alive, "{alive} at a time");
}
