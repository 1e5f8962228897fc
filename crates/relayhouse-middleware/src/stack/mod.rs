//! The stacks that we recommend, as plain tower stacks.
//!
//! | function | around | for |
//! | --- | --- | --- |
//! | [`producer`] | a producer | sends that bear a bad moment, and say soon that there is an outage |
//! | [`consumer`] | a handler | what most handlers need |
//! | [`low_latency`] | a handler | answers that somebody waits for |
//! | [`high_throughput`] | a handler | as many handlers at a time as what they need can bear |
//! | [`low_cost`] | a handler | queues whose calls are paid for |
//!
//! No layer of them boxes the future of a call or spawns a task. A consumer takes a stack by `layer`, and tower's `ServiceBuilder` takes it around a producer; what
//! stands before it there is outside of it, and what comes after it is inside.
//!
//! # Order
//!
//! Around a handler, from outside to inside:
//!
//! 1. **[`deadline`](crate::deadline)**: what is late is done with before it takes a permit, a
//!    probe's place or a try. Further in, late messages would count as tries of what is not tried.
//! 2. **[`retry`](crate::retry)**: each try passes all that is inside anew. What is inside has
//!    given back its permit before the wait. Further in, one bad moment of five tries would be one
//!    failure to the breaker.
//! 3. **[`breaker`](crate::breaker)**: it counts each try, panics and cut-off calls included, and
//!    while it is open the consumer receives nothing. It opens at more failures in a row than one
//!    message can have, so that a message that always fails does not stop the others; and it makes
//!    one probe at a time, since a probe that fails uses up a try of its message.
//! 4. **[`adaptive`](crate::adaptive)**, in [`high_throughput`] alone: inside the breaker, so that
//!    nobody holds a permit while it is open; outside the timeout, so that calls that were cut off
//!    are failures to it.
//! 5. **[`timeout`](crate::timeout)**: it cuts off one try, in time for its lease, and no wait.
//! 6. **[`catch_panic`](crate::catch_panic)**: next to the handler, so that all others hear of a
//!    panic as of any failure, and none of them is torn by it.
//!
//! Around a producer, from outside to inside: retry; deadline, which here ends the retries of what
//! has become late; breaker, which fails at once instead of waiting; timeout. A panic of a producer
//! is a bug, and is not caught.
//!
//! What is not in them has its place by what it acts on:
//!
//! - **What changes messages** goes outside the stack, so that it is done once for all tries:
//!   around a producer [`correlation`](crate::correlation), `compression`, `encryption` and
//!   `claim_check`, from outside to inside; around a handler `encryption`, and then
//!   `compression`. Correlation inside encryption would change what is bound already.
//! - **[`correlation`](crate::correlation)** around a handler goes inside encryption and outside
//!   the stack. It writes two ids as text for each message, and is of use where handlers send.
//! - **[`idempotency`](crate::idempotency)** goes inside of what changes messages and outside the
//!   stack: a claim covers all tries, and no message is claimed that was not checked.
//! - **[`rate_limit`](crate::rate_limit)** and **[`backpressure`](crate::backpressure)** go inside
//!   the stack, next to the handler: each try takes a token or a permit, and what waits for one has
//!   no time running. A consumer has bounds of its own; back-pressure is for several that share one.
//! - **[`batch`](crate::batch)** is for single deliveries of several consumers that go to one bulk
//!   call. Its stack is made by hand: deadline, retry and breaker outside it, timeout and
//!   catch panic inside. Within one consumer, a handler of several deliveries does that, with any
//!   stack of here around it.
//! - **[`failover`](crate::failover)** goes inside [`producer`], with a timeout for each endpoint
//!   and the time of all of them in the stack.
//! - **[`fault`](crate::fault)** goes next to the handler or the producer, inside the stack.
//! - **[`dead_letter`](crate::dead_letter)**, `claim_check` on the receiving side and
//!   [`outbox`](crate::outbox) wrap ports, below consumer and producer; and
//!   [`fair`](crate::fair) is a policy of the consumer.
//!
//! # Cancellation
//!
//! Dropping a call drops the try in flight or the wait, and gives back what it holds: each layer's
//! page says it for its part.
//!
//! # Defaults
//!
//! - Those of the layers, but for what [`ConsumerConfig`] and [`ProducerConfig`] name.
//!
//! # Example
//!
//! ```
//! use relayhouse_core::{Delivery, Error, Message, Sent, Settlement};
//! use relayhouse_middleware::{correlation::CorrelationLayer, stack};
//! use tower::ServiceBuilder;
//!
//! let context = relayhouse_time::context()?;
//! let producer = ServiceBuilder::new()
//!     .layer(CorrelationLayer::new(&context))
//!     .layer(stack::producer("broker", &context))
//!     .service_fn(|_: Message| async { Ok::<_, Error>(Sent::default()) });
//! // Of a consumer: `.layer(stack::consumer("database", &context)).handler(..)`.
//! let handler = ServiceBuilder::new()
//!     .layer(stack::consumer("database", &context))
//!     .service_fn(|_: Delivery| async { Ok::<_, Error>(Settlement::Ack) });
//! # let _ = (producer, handler);
//! # Ok::<(), std::io::Error>(())
//! ```

mod config;
mod consumer;
mod producer;

#[cfg(test)]
mod tests;

pub use self::{
    config::{ConsumerConfig, ProducerConfig},
    consumer::{
        ConsumerLayers, ThroughputLayers, consumer, consumer_with, high_throughput,
        high_throughput_with, low_cost, low_latency,
    },
    producer::{ProducerLayers, producer, producer_with},
};
