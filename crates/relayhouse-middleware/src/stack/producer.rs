//! The stack around a producer.

use relayhouse_core::{Context, Text};
use tower_layer::Stack;

use super::ProducerConfig;
use crate::{
    breaker::{BreakerLayer, Open},
    deadline::DeadlineLayer,
    retry::RetryLayer,
    timeout::TimeoutLayer,
};

/// Is the stack that [`producer`] makes, with the layers from inside to outside.
pub type ProducerLayers =
    Stack<TimeoutLayer, Stack<BreakerLayer, Stack<DeadlineLayer, RetryLayer>>>;

/// Makes the recommended stack around a producer.
///
/// From outside to inside: [`retry`](crate::retry), [`deadline`](crate::deadline),
/// [`breaker`](crate::breaker), which fails at once while it is open, [`timeout`](crate::timeout).
/// Events call the breaker `name`.
///
/// What clones of the stack are put around shares one budget of retries, one circuit and one timer:
/// use clones for producers of the same provider, and a stack for each other one.
#[must_use]
pub fn producer(name: impl Into<Text>, context: &Context) -> ProducerLayers {
    producer_with(name, ProducerConfig::default(), context)
}

/// Makes the stack of [`producer`] as `config` says.
#[must_use]
pub fn producer_with(
    name: impl Into<Text>,
    config: ProducerConfig,
    context: &Context,
) -> ProducerLayers {
    let ProducerConfig {
        breaker,
        deadline,
        retry,
        timeout,
    } = config;
    let outside = Stack::new(
        DeadlineLayer::with_config(deadline, context),
        RetryLayer::with_config(retry, context),
    );
    let breaker = BreakerLayer::with_config(name, Open::Fail, breaker, context);
    let timeout = TimeoutLayer::with_config(timeout, context);
    Stack::new(timeout, Stack::new(breaker, outside))
}
