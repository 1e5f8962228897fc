//! The stacks around a handler.

use std::time::Duration;

use relayhouse_core::{Context, Text};
use tower_layer::Stack;

use super::ConsumerConfig;
use crate::{
    adaptive::{AdaptiveConfig, AdaptiveLayer},
    breaker::{BreakerLayer, Open},
    catch_panic::CatchPanicLayer,
    deadline::DeadlineLayer,
    retry::RetryLayer,
    timeout::TimeoutLayer,
};

/// Is the stack that [`consumer`] makes, with the layers from inside to outside.
pub type ConsumerLayers = Stack<
    CatchPanicLayer,
    Stack<TimeoutLayer, Stack<BreakerLayer, Stack<RetryLayer, DeadlineLayer>>>,
>;

/// Is the stack that [`high_throughput`] makes, with the layers from inside to outside.
pub type ThroughputLayers = Stack<
    CatchPanicLayer,
    Stack<
        TimeoutLayer,
        Stack<AdaptiveLayer, Stack<BreakerLayer, Stack<RetryLayer, DeadlineLayer>>>,
    >,
>;

/// Makes the recommended stack around a handler, of one delivery or of several.
///
/// From outside to inside: [`deadline`](crate::deadline), [`retry`](crate::retry),
/// [`breaker`](crate::breaker), which pauses the intake, [`timeout`](crate::timeout),
/// [`catch_panic`](crate::catch_panic). Events call the breaker `name`.
///
/// What clones of the stack are put around shares one budget of retries, one circuit and one timer:
/// use clones for consumers whose handlers need the same database, and a stack for each other one.
#[must_use]
pub fn consumer(name: impl Into<Text>, context: &Context) -> ConsumerLayers {
    consumer_with(name, ConsumerConfig::default(), context)
}

/// Makes the stack of [`consumer`] as `config` says.
#[must_use]
pub fn consumer_with(
    name: impl Into<Text>,
    config: ConsumerConfig,
    context: &Context,
) -> ConsumerLayers {
    let layers = Layers::new(name.into(), config, context);
    let outside = Stack::new(layers.breaker, Stack::new(layers.retry, layers.deadline));
    Stack::new(CatchPanicLayer::new(), Stack::new(layers.timeout, outside))
}

/// Makes the stack of [`consumer`] for handlers whose answer somebody waits for.
///
/// A try that is not done within `limit` is given up; the next one follows soon, and a breaker that
/// opened tries again after 5 s: [`ConsumerConfig::low_latency`]. It goes with the runtime's preset
/// of that name. What is of no use after a time is sent with a
/// [`Message::deadline`](relayhouse_core::Message::deadline).
#[must_use]
pub fn low_latency(name: impl Into<Text>, limit: Duration, context: &Context) -> ConsumerLayers {
    consumer_with(name, ConsumerConfig::low_latency(limit), context)
}

/// Makes the stack of [`consumer`] for queues whose calls are paid for.
///
/// Retries wait in the process rather than in the queue, and an outage is left alone for long:
/// [`ConsumerConfig::low_cost`]. It goes with the runtime's preset of that name.
#[must_use]
pub fn low_cost(name: impl Into<Text>, context: &Context) -> ConsumerLayers {
    consumer_with(name, ConsumerConfig::low_cost(), context)
}

/// Makes the stack of [`consumer`] with an [`adaptive`](crate::adaptive) limit, between breaker and
/// timeout.
///
/// It finds how many handlers may run at a time, while what they need gets faster and slower. Set
/// the concurrency of the consumer to the ceiling of the limit, 256. Around a handler of several
/// deliveries it is paid for once for all of them, and counts each of them. Events call breaker and
/// limit `name`.
#[must_use]
pub fn high_throughput(name: impl Into<Text>, context: &Context) -> ThroughputLayers {
    let (config, adaptive) = (ConsumerConfig::default(), AdaptiveConfig::default());
    high_throughput_with(name, config, adaptive, context)
}

/// Makes the stack of [`high_throughput`] as `config` and `adaptive` say.
#[must_use]
pub fn high_throughput_with(
    name: impl Into<Text>,
    config: ConsumerConfig,
    adaptive: AdaptiveConfig,
    context: &Context,
) -> ThroughputLayers {
    let name = name.into();
    let adaptive = AdaptiveLayer::with_config(name.clone(), adaptive, context);
    let layers = Layers::new(name, config, context);
    let outside = Stack::new(layers.breaker, Stack::new(layers.retry, layers.deadline));
    let limited = Stack::new(adaptive, outside);
    Stack::new(CatchPanicLayer::new(), Stack::new(layers.timeout, limited))
}

/// The layers that all stacks around a handler have.
struct Layers {
    breaker: BreakerLayer,
    deadline: DeadlineLayer,
    retry: RetryLayer,
    timeout: TimeoutLayer,
}

impl Layers {
    fn new(name: Text, config: ConsumerConfig, context: &Context) -> Self {
        let ConsumerConfig {
            breaker,
            deadline,
            retry,
            timeout,
        } = config;
        Self {
            breaker: BreakerLayer::with_config(name, Open::Pause, breaker, context),
            deadline: DeadlineLayer::with_config(deadline, context),
            retry: RetryLayer::with_config(retry, context),
            timeout: TimeoutLayer::with_config(timeout, context),
        }
    }
}
