//! A service of a known capacity that loses half of it for a while, and callers that want more
//! than it can do. Time is simulated.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    num::NonZeroU32,
    sync::{Arc, Mutex},
    time::Duration,
};

use relayhouse_core::{Clock, Context, Error, Instant, Message, Random, Sent, Timestamp};
use relayhouse_middleware::{
    adaptive::{AdaptiveConfig, AdaptiveLayer, Algorithm},
    backpressure::{BackpressureConfig, BackpressureLayer},
};
use relayhouse_time::simulated;
use tower::{Layer, Service, ServiceExt, service_fn};

/// How many calls the service works on at a time.
pub(crate) const CAPACITY: usize = 16;
/// How long a call takes on average when the service has room.
pub(crate) const SERVICE_TIME: Duration = Duration::from_millis(40);
/// How many callers there are, each with one call after the other.
const CALLERS: usize = 48;
/// How long each of the three parts is: whole, halved, whole again.
pub(crate) const PART: Duration = Duration::from_secs(15);

/// Says what limits the callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// Nothing.
    None,
    /// A number of calls.
    Fixed(u32),
    /// A limit that is found.
    Adaptive(Algorithm),
}

/// Is a call that has ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    /// When it ended.
    pub(crate) at: Instant,
    /// How long the service took.
    pub(crate) latency: Duration,
}

/// Is what happened.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// The calls, as they ended.
    pub(crate) calls: Vec<Call>,
    /// The limits, ten times a second.
    pub(crate) limits: Vec<(Instant, u32)>,
}

/// Serves calls in order, as many at a time as it has room for, each for some time.
#[derive(Debug)]
pub(crate) struct Server {
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    /// When each place is free next.
    places: Mutex<BinaryHeap<Reverse<Instant>>>,
}

impl Server {
    pub(crate) fn new(capacity: usize, context: &Context) -> Self {
        Self {
            clock: Arc::clone(&context.clock),
            random: Arc::clone(&context.random),
            places: Mutex::new(vec![Reverse(Instant::START); capacity].into()),
        }
    }

    fn set_capacity(&self, capacity: usize) {
        let now = self.clock.now();
        let mut places = self.places.lock().unwrap();
        while capacity < places.len() {
            places.pop();
        }
        while places.len() < capacity {
            places.push(Reverse(now));
        }
    }

    /// Returns when a call ends that comes now: it takes between half and one and a half times as
    /// long as on average.
    pub(crate) fn serve(&self) -> Instant {
        let now = self.clock.now();
        let takes = SERVICE_TIME / 2 + self.random.up_to(SERVICE_TIME);
        let mut places = self.places.lock().unwrap();
        let Reverse(free) = places.pop().unwrap();
        let end = free.max(now) + takes;
        places.push(Reverse(end));
        end
    }
}

/// Runs the three parts with `limit`, under paused time.
pub(crate) async fn run(limit: Limit) -> Report {
    let context = simulated(Timestamp::default(), 7);
    let server = Arc::new(Server::new(CAPACITY, &context));
    let report = Arc::new(Mutex::new(Report::default()));
    let inner = {
        let (server, report) = (Arc::clone(&server), Arc::clone(&report));
        service_fn(move |_: Message| {
            let (server, report) = (Arc::clone(&server), Arc::clone(&report));
            async move {
                let began = server.clock.now();
                server.clock.sleep_until(server.serve()).await;
                let at = server.clock.now();
                let latency = at.since(began);
                report.lock().unwrap().calls.push(Call { at, latency });
                Ok::<_, Error>(Sent::default())
            }
        })
    };
    let parts = drive_parts(&context, &server);
    let backpressure = |messages| {
        BackpressureLayer::new(BackpressureConfig {
            messages_max: NonZeroU32::new(messages).unwrap(),
            ..BackpressureConfig::default()
        })
    };
    match limit {
        Limit::None => race(parts, || inner.clone()).await,
        Limit::Fixed(messages) => {
            let layer = backpressure(messages);
            race(parts, || layer.layer(inner.clone())).await;
        }
        Limit::Adaptive(algorithm) => {
            let config = AdaptiveConfig {
                algorithm,
                latency_max: Some(SERVICE_TIME * 3 / 2),
                ..AdaptiveConfig::default()
            };
            let layer = AdaptiveLayer::with_config("simulated", config, &context);
            let watch = watch(&context, &layer, &report);
            let parts = async { tokio::join!(parts, watch).0 };
            race(parts, || layer.layer(inner.clone())).await;
        }
    }
    std::mem::take(&mut *report.lock().unwrap())
}

/// Halves the capacity after the first part, restores it after the second, and ends after the
/// third.
async fn drive_parts(context: &Context, server: &Server) {
    let clock = &context.clock;
    for capacity in [CAPACITY / 2, CAPACITY, CAPACITY] {
        clock.sleep_until(clock.now() + PART).await;
        server.set_capacity(capacity);
    }
}

/// Notes the limit ten times a second.
async fn watch(context: &Context, layer: &AdaptiveLayer, report: &Mutex<Report>) {
    for _ in 0..PART.as_millis() * 3 / 100 {
        let now = context.clock.now();
        let limit = layer.explain().limit;
        report.lock().unwrap().limits.push((now, limit));
        let next = now + Duration::from_millis(100);
        context.clock.sleep_until(next).await;
    }
}

/// Lets all callers call one time after the other, until `end` ends.
async fn race<S>(end: impl Future<Output = ()>, make: impl Fn() -> S)
where
    S: Service<Message, Response = Sent, Error = Error, Future: Send> + Send + 'static,
{
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..CALLERS {
        let mut service = make();
        callers.spawn(async move {
            loop {
                let service = service.ready().await.unwrap();
                service.call(Message::new("")).await.unwrap();
            }
        });
    }
    end.await;
    callers.shutdown().await;
}

impl Report {
    /// Returns the calls that ended in a second.
    pub(crate) fn throughput(&self, from: Duration, to: Duration) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "far fewer than fit")]
        let calls = self.within(from, to).count() as f64;
        calls / (to - from).as_secs_f64()
    }

    /// Returns the latency that `share` of the calls stay below.
    pub(crate) fn percentile(&self, share: f64, from: Duration, to: Duration) -> Duration {
        let mut latencies: Vec<Duration> = self.within(from, to).map(|call| call.latency).collect();
        latencies.sort_unstable();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            clippy::cast_sign_loss,
            reason = "an index"
        )]
        let index = (latencies.len() as f64 * share) as usize;
        let index = index.min(latencies.len().saturating_sub(1));
        latencies.get(index).copied().unwrap_or_default()
    }

    fn within(&self, from: Duration, to: Duration) -> impl Iterator<Item = &Call> {
        let span = Instant::START + from..Instant::START + to;
        self.calls
            .iter()
            .filter(move |call| span.contains(&call.at))
    }
}
