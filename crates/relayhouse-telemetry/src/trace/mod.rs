//! Traces: which one a message belongs to, who decides whether it is recorded, and its spans.

mod context;
mod current;
mod maker;
mod place;
mod process;
mod sampler;
mod send;
mod spans;

use std::sync::Arc;

use opentelemetry_sdk::trace::SdkTracerProvider;
use relayhouse_core::{Context, Observer, Source};

pub use self::{
    context::TraceContext,
    maker::SCHEMA_URL,
    process::{Process, ProcessFuture, ProcessLayer},
    sampler::Sampler,
    send::{Create, CreateLayer},
};
use self::{maker::Maker, place::Place, spans::Calls};
use crate::metric::system;

/// Makes the spans of messages, by the messaging conventions of OpenTelemetry, version 1.44.0.
///
/// | span | made by | parent |
/// | --- | --- | --- |
/// | `create` | [`create`](Self::create), for each message | the span that is current, or the delivery that is handled |
/// | `send` | [`observer`](Self::observer), for each call | the `create` of the message, if the call had one message that is sampled |
/// | `receive` | the same | the same |
/// | `process` | [`process`](Self::process), for each delivery | the `create` of the message; none for a batch |
/// | `ack`, `release`, `dead_letter` (type `settle`); at Service Bus `complete`, `abandon`, `dead_letter` | the observer | as `send` |
/// | `extend`; at Service Bus `renew_message_lock` | the observer | as `send` |
///
/// Each of them has a link to the `create` of each message that it is about. What is not sampled
/// makes no span, but its headers travel on, so that all that come after it agree.
///
/// Of what the conventions recommend, the spans do not tell what an observer does not know: the
/// address of the server, and what providers call a client or a request. Topics of Amazon SNS are at
/// the system `aws_sqs`, as their URLs are.
///
/// A consumer of this library is handed each delivery by the runtime, which receives ahead of the
/// handlers: the span `receive` tells of the call that brought the message, and not of a wait of the
/// program.
#[derive(Clone, Debug)]
pub struct Traces {
    maker: Arc<Maker>,
}

impl Traces {
    /// Makes spans by `provider`, for what `sampler` decides to record, with the clock and the
    /// randomness of `context`. The provider needs the same sampler as its own.
    #[must_use]
    pub fn new(provider: &SdkTracerProvider, sampler: Sampler, context: &Context) -> Self {
        Self {
            maker: Arc::new(Maker::new(provider, sampler, context)),
        }
    }

    /// Makes the observer that tells of calls at a provider whose URLs have this `scheme`.
    #[must_use]
    pub fn observer(&self, scheme: &'static str) -> Arc<dyn Observer> {
        Arc::new(Calls {
            maker: Arc::clone(&self.maker),
            system: system(scheme),
        })
    }

    /// Makes the layer for producers of `queue`.
    #[must_use]
    pub fn create(&self, scheme: &'static str, queue: &Source) -> CreateLayer {
        let place = Place::of_source(system(scheme), queue);
        CreateLayer::new(Arc::clone(&self.maker), place)
    }

    /// Makes the layer for handlers of what comes from `source`.
    #[must_use]
    pub fn process(&self, scheme: &'static str, source: &Source) -> ProcessLayer {
        let place = Place::of_source(system(scheme), source);
        ProcessLayer::new(Arc::clone(&self.maker), place)
    }
}
