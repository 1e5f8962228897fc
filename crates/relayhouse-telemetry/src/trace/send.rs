//! The spans of messages that are made to be sent: a layer around whatever sends.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use opentelemetry::{
    Context as Otel, KeyValue,
    baggage::BaggageExt,
    propagation::{Injector, TextMapPropagator},
    trace::{SpanKind, TraceContextExt},
};
use opentelemetry_sdk::propagation::BaggagePropagator;
use relayhouse_core::{Message, Text};
use tower_layer::Layer;
use tower_service::Service;

use super::{
    context::{TRACEPARENT, TraceContext, Travelling},
    current::current,
    maker::{Maker, Plan, remote},
    place::{Act, Place},
};

/// Puts [`Create`] around a producer, or a stack of layers around one.
///
/// # Order
///
/// Outside of a retry: each message gets its trace once, whatever it takes to send it. Inside of
/// what encodes values, since it looks at messages.
///
/// # Cancellation
///
/// Its work is done when the call returns its future. Dropping that costs what it costs with the
/// inner service.
#[derive(Clone, Debug)]
pub struct CreateLayer {
    maker: Arc<Maker>,
    place: Arc<Place>,
}

/// Lets each message belong to a trace: that of what the code is doing, or a new one.
///
/// A sampled message gets a span of its own, and each message the headers that name its trace.
/// One that has a `traceparent` already keeps it, and gets no span.
#[derive(Clone, Debug)]
pub struct Create<S> {
    inner: S,
    maker: Arc<Maker>,
    place: Arc<Place>,
}

impl CreateLayer {
    pub(super) fn new(maker: Arc<Maker>, place: Place) -> Self {
        Self {
            maker,
            place: Arc::new(place),
        }
    }
}

impl<S> Layer<S> for CreateLayer {
    type Service = Create<S>;

    fn layer(&self, inner: S) -> Create<S> {
        Create {
            inner,
            maker: Arc::clone(&self.maker),
            place: Arc::clone(&self.place),
        }
    }
}

impl<S: Service<Message>> Service<Message> for Create<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut message: Message) -> S::Future {
        if message.headers().get(TRACEPARENT).is_some() {
            return self.inner.call(message);
        }
        let span = self.prepare(&mut message);
        let future = self.inner.call(message);
        if let Some(span) = span {
            span.span().end_with_timestamp(self.maker.wall());
        }
        future
    }
}

impl<S> Create<S> {
    /// Lets `message` belong to a trace, and begins its span if it is sampled.
    fn prepare(&self, message: &mut Message) -> Option<Otel> {
        let maker = &*self.maker;
        let (parent, ambient) = parent();
        let sampled = parent.as_ref().map(|parent| parent.context.is_sampled);
        let number = maker.random.next_u64();
        if !maker.sampler.decide(sampled, || number) {
            let unrecorded = || TraceContext::unrecorded(number).map(Travelling::new);
            if let Some(mut travelling) = parent.or_else(unrecorded) {
                travelling.context.is_sampled &= maker.sampler.passes();
                travelling.inject(message);
            }
            return None;
        }
        let ambient = ambient.or_else(|| {
            let parent = parent.as_ref()?;
            Some(remote(parent.context, parent.tracestate.as_deref()))
        });
        let span = maker.make(Plan {
            place: &self.place,
            act: Act::CREATE,
            kind: SpanKind::Producer,
            parent: ambient,
            links: Vec::new(),
            attributes: attributes(message),
            started_at: maker.wall(),
        });
        let context = TraceContext::of_span(span.span().span_context())?;
        let travelling = parent.unwrap_or_else(|| Travelling::new(context));
        let travelling = Travelling {
            context,
            ..travelling
        };
        travelling.inject(message);
        Some(span)
    }
}

fn attributes(message: &Message) -> Vec<KeyValue> {
    let mut attributes = Vec::new();
    if let Some(id) = &message.id {
        attributes.push(KeyValue::new("messaging.message.id", id.to_string()));
    }
    if let Some(id) = &message.details().correlation_id {
        let key = "messaging.message.conversation_id";
        attributes.push(KeyValue::new(key, id.to_string()));
    }
    attributes
}

/// Returns what the code that runs belongs to: the span that is current in OpenTelemetry, else the
/// delivery whose handler runs.
fn parent() -> (Option<Travelling>, Option<Otel>) {
    let ambient = Otel::map_current(|current| {
        let is_valid = current.span().span_context().is_valid();
        is_valid.then(|| current.clone())
    });
    let Some(ambient) = ambient else {
        return (current(), None);
    };
    let span = ambient.span().span_context().clone();
    let travelling = TraceContext::of_span(&span).map(|context| Travelling {
        context,
        tracestate: Some(span.trace_state().header())
            .filter(|header| !header.is_empty())
            .map(Text::from),
        baggage: baggage(&ambient).or_else(|| current().and_then(|current| current.baggage)),
    });
    (travelling, Some(ambient))
}

fn baggage(context: &Otel) -> Option<Text> {
    #[derive(Default)]
    struct Header(Option<String>);

    impl Injector for Header {
        fn set(&mut self, _: &str, value: String) {
            self.0 = Some(value);
        }
    }

    if context.baggage().is_empty() {
        return None;
    }
    let mut header = Header::default();
    BaggagePropagator::new().inject_context(context, &mut header);
    header.0.map(Text::from)
}
