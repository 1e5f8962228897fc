//! The spans of handlers: a layer around whatever handles deliveries.

use std::{
    fmt::{self, Debug},
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use fastrand::Rng;
use opentelemetry::{
    Context as Otel, KeyValue,
    baggage::BaggageExt,
    propagation::TextMapPropagator,
    trace::{SpanKind, TraceContextExt},
};
use opentelemetry_sdk::propagation::BaggagePropagator;
use pin_project_lite::pin_project;
use relayhouse_core::{Clock, Delivery, Error, Headers, Instant, Outgoing, Result, Settlement};
use tower_layer::Layer;
use tower_service::Service;

use super::{
    context::{BAGGAGE, TRACEPARENT, TRACESTATE, TraceContext, Travelling, of_headers, text},
    current::{Entered, Going},
    maker::{Maker, Plan, failed, link, remote},
    place::{Act, Place, of_delivery},
};

/// Puts [`Process`] around a handler, or a stack of layers around one.
///
/// # Order
///
/// Outside of everything that may try again or refuse: one span for each delivery, whatever happens
/// within. Inside of a retry there would be a span for each try.
///
/// # Cancellation
///
/// Dropping the future ends the span, which says that the handler was dropped, and costs what it
/// costs with the inner service.
#[derive(Clone, Debug)]
pub struct ProcessLayer {
    maker: Arc<Maker>,
    place: Arc<Place>,
}

/// Makes a span around each call of a handler whose message is sampled, and lets what the handler
/// sends belong to the same trace.
#[derive(Debug)]
pub struct Process<S> {
    inner: S,
    maker: Arc<Maker>,
    place: Arc<Place>,
    /// Begun by the randomness of the maker, which all threads share.
    random: Rng,
}

impl ProcessLayer {
    pub(super) fn new(maker: Arc<Maker>, place: Place) -> Self {
        Self {
            maker,
            place: Arc::new(place),
        }
    }
}

impl<S> Layer<S> for ProcessLayer {
    type Service = Process<S>;

    fn layer(&self, inner: S) -> Process<S> {
        Process::new(inner, &self.maker, &self.place)
    }
}

impl<S: Clone> Clone for Process<S> {
    fn clone(&self) -> Self {
        Self::new(self.inner.clone(), &self.maker, &self.place)
    }
}

impl<S> Service<Delivery> for Process<S>
where
    S: Service<Delivery, Response = Settlement, Error = Error>,
{
    type Response = Settlement;
    type Error = Error;
    type Future = ProcessFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, delivery: Delivery) -> Self::Future {
        let (going, open) = self.begin(&delivery);
        self.run(going, open, |inner| inner.call(delivery))
    }
}

impl<S> Service<Vec<Delivery>> for Process<S>
where
    S: Service<Vec<Delivery>, Response = Vec<Result<Settlement>>, Error = Error>,
{
    type Response = Vec<Result<Settlement>>;
    type Error = Error;
    type Future = ProcessFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, deliveries: Vec<Delivery>) -> Self::Future {
        let (going, open) = self.begin_batch(&deliveries);
        self.run(going, open, |inner| inner.call(deliveries))
    }
}

impl<S> Process<S> {
    fn new(inner: S, maker: &Arc<Maker>, place: &Arc<Place>) -> Self {
        Self {
            inner,
            maker: Arc::clone(maker),
            place: Arc::clone(place),
            random: Rng::with_seed(maker.random.next_u64()),
        }
    }

    /// Calls the inner service as a part of the trace, and returns what goes on with it.
    #[inline]
    fn run<F>(
        &mut self,
        mut going: Going,
        open: Option<Box<Open>>,
        call: impl FnOnce(&mut S) -> F,
    ) -> ProcessFuture<F> {
        let future = {
            let _entered = Entered::new(&mut going);
            let _attached = open.as_ref().map(|open| open.context.clone().attach());
            call(&mut self.inner)
        };
        ProcessFuture {
            inner: future,
            going,
            open,
        }
    }

    /// Decides on a delivery, and begins its span if it is sampled.
    #[inline]
    fn begin(&mut self, delivery: &Delivery) -> (Going, Option<Box<Open>>) {
        let headers = delivery.message.headers();
        let number = self.random.u64(..);
        if !headers.is_empty() {
            return self.begin_known(delivery, headers, number);
        }
        match self.maker.sampler.decide(None, || number) {
            true => self.begin_sampled(delivery, None, None),
            false => (Going::Unrecorded(number), None),
        }
    }

    /// Decides on a delivery that may have come with a trace, and with baggage.
    fn begin_known(
        &self,
        delivery: &Delivery,
        headers: &Headers,
        number: u64,
    ) -> (Going, Option<Box<Open>>) {
        let maker = &*self.maker;
        let decide = |parent| maker.sampler.decide(parent, || number);
        let came = of_headers(headers, || decide(None));
        let baggage = headers.get(BAGGAGE).map(|_| headers);
        if decide(came.map(|came| came.is_sampled)) {
            return self.begin_sampled(delivery, came, baggage);
        }
        let context = match came {
            Some(came) => Some(TraceContext {
                is_sampled: came.is_sampled && maker.sampler.passes(),
                ..came
            }),
            None => TraceContext::unrecorded(number),
        };
        let open = baggage.map(|headers| self.open(with_baggage(&Otel::new(), headers)));
        (carried(context, headers), open)
    }

    /// Begins the span of a delivery, in the trace that it came with if it did.
    #[cold]
    fn begin_sampled(
        &self,
        delivery: &Delivery,
        came: Option<TraceContext>,
        baggage: Option<&Headers>,
    ) -> (Going, Option<Box<Open>>) {
        let headers = delivery.message.headers();
        let mut attributes = self.attributes(delivery);
        attributes.extend(left(&*self.maker.clock, delivery));
        let parent = came.map(|came| remote(came, headers.text(TRACESTATE)));
        let parent = match baggage {
            Some(headers) => Some(with_baggage(&parent.unwrap_or_default(), headers)),
            None => parent,
        };
        let links = came.into_iter().map(link).collect();
        let open = self.span(parent, links, attributes);
        (carried(open.trace(), headers), Some(open))
    }

    /// Decides on a batch, which is sampled if any of its deliveries is, and begins its span, with a
    /// link for each delivery that came with a trace.
    fn begin_batch(&mut self, deliveries: &[Delivery]) -> (Going, Option<Box<Open>>) {
        let number = self.random.u64(..);
        let decide = |parent| self.maker.sampler.decide(parent, || number);
        let came = deliveries.iter().filter_map(|delivery| {
            let headers = delivery.message.headers();
            of_headers(headers, || decide(None))
        });
        let came: Vec<TraceContext> = came.collect();
        let sampled = came.iter().any(|came| came.is_sampled);
        if !decide((!came.is_empty()).then_some(sampled)) {
            return (Going::Unrecorded(number), None);
        }
        let count = i64::try_from(deliveries.len()).unwrap_or(i64::MAX);
        let attributes = vec![KeyValue::new("messaging.batch.message_count", count)];
        let links = came.into_iter().map(link).collect();
        let open = self.span(None, links, attributes);
        let going = open.trace().map(Travelling::new).map(Going::from);
        (going.unwrap_or_default(), Some(open))
    }

    fn span(
        &self,
        parent: Option<Otel>,
        links: Vec<opentelemetry::trace::Link>,
        attributes: Vec<KeyValue>,
    ) -> Box<Open> {
        let context = self.maker.make(Plan {
            place: &self.place,
            act: Act::PROCESS,
            kind: SpanKind::Consumer,
            parent,
            links,
            attributes,
            started_at: self.maker.wall(),
        });
        self.open(context)
    }

    fn open(&self, context: Otel) -> Box<Open> {
        Box::new(Open {
            context,
            maker: Arc::clone(&self.maker),
            is_ended: false,
        })
    }

    fn attributes(&self, delivery: &Delivery) -> Vec<KeyValue> {
        let mut attributes = vec![
            KeyValue::new("messaging.message.id", delivery.id.to_string()),
            KeyValue::new("relayhouse.attempt", i64::from(delivery.attempt)),
        ];
        attributes.extend(of_delivery(self.place.system, delivery));
        if let Some(id) = &delivery.message.details().correlation_id {
            let key = "messaging.message.conversation_id";
            attributes.push(KeyValue::new(key, id.to_string()));
        }
        attributes
    }
}

/// Returns what is left of the lease, in seconds, if it has an end.
fn left(clock: &dyn Clock, delivery: &Delivery) -> Option<KeyValue> {
    let until = delivery.lease.until();
    let left = until.since(clock.now()).as_secs_f64();
    (until != Instant::NEVER).then(|| KeyValue::new("relayhouse.lease.left", left))
}

/// Returns what goes on with a delivery of `context`: what others have put into its headers too.
fn carried(context: Option<TraceContext>, headers: &Headers) -> Going {
    let Some(context) = context else {
        return Going::Nothing;
    };
    Going::from(Travelling {
        context,
        tracestate: text(headers, TRACESTATE),
        baggage: text(headers, BAGGAGE),
    })
}

/// Lets the messages of an answer that have no trace of their own belong to that of the delivery.
fn carry(outgoing: &mut Outgoing, going: &Going) {
    let Some(travelling) = going.travelling() else {
        return;
    };
    for message in outgoing.messages_mut() {
        if message.headers().get(TRACEPARENT).is_none() {
            travelling.inject(message);
        }
    }
}

/// Adds what the program wants to have along to a context, for the handler to read.
fn with_baggage(context: &Otel, headers: &Headers) -> Otel {
    struct Baggage<'a>(&'a Headers);

    impl opentelemetry::propagation::Extractor for Baggage<'_> {
        fn get(&self, key: &str) -> Option<&str> {
            self.0.text(key)
        }

        fn keys(&self) -> Vec<&str> {
            vec![BAGGAGE]
        }
    }

    let read = BaggagePropagator::new().extract(&Baggage(headers));
    let pairs = read.baggage().iter();
    let pairs = pairs.map(|(key, (value, metadata))| {
        let pair = (key.clone(), value.clone(), metadata.clone());
        opentelemetry::baggage::KeyValueMetadata::new(pair.0, pair.1, pair.2)
    });
    context.with_baggage(pairs.collect::<Vec<_>>())
}

/// Is the span of a handler that runs, in its context.
#[derive(Debug)]
struct Open {
    context: Otel,
    maker: Arc<Maker>,
    is_ended: bool,
}

impl Open {
    /// Returns the trace that goes on from this span.
    fn trace(&self) -> Option<TraceContext> {
        TraceContext::of_span(self.context.span().span_context())
    }

    fn end(mut self, outcome: &'static str, error: Option<&Error>) {
        if let Some(error) = error {
            failed(&self.context, error);
        }
        self.finish(outcome);
    }

    fn finish(&mut self, outcome: &'static str) {
        self.is_ended = true;
        let span = self.context.span();
        span.set_attribute(KeyValue::new("relayhouse.outcome", outcome));
        span.end_with_timestamp(self.maker.wall());
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if !self.is_ended {
            self.finish("dropped");
        }
    }
}

/// What a handler answers, as far as its span is concerned.
trait Answered {
    /// Lets the messages that the answer sends belong to the trace.
    fn carry(&mut self, going: &Going);

    /// Returns how it ended, in a word.
    fn outcome(&self) -> &'static str;
}

impl Answered for Settlement {
    #[inline]
    fn carry(&mut self, going: &Going) {
        if let Self::Forward(outgoing) = self {
            carry(outgoing, going);
        }
    }

    fn outcome(&self) -> &'static str {
        match self {
            Self::Ack => "ack",
            Self::Release { .. } => "release",
            Self::DeadLetter(_) => "dead_letter",
            Self::Forward(_) => "forward",
            _ => "other",
        }
    }
}

impl Answered for Vec<Result<Settlement>> {
    fn carry(&mut self, going: &Going) {
        self.iter_mut().flatten().for_each(|it| it.carry(going));
    }

    fn outcome(&self) -> &'static str {
        let mut outcomes = self.iter().map(|answer| match answer {
            Ok(settlement) => settlement.outcome(),
            Err(_) => "error",
        });
        let first = outcomes.next().unwrap_or("ack");
        match outcomes.all(|outcome| outcome == first) {
            true => first,
            false => "mixed",
        }
    }
}

pin_project! {
    /// Is the future of one call.
    pub struct ProcessFuture<F> {
        #[pin]
        inner: F,
        going: Going,
        open: Option<Box<Open>>,
    }
}

impl<F> Debug for ProcessFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProcessFuture")
            .field("has_span", &self.open.is_some())
            .finish_non_exhaustive()
    }
}

impl<F: Future<Output = Result<A>>, A: Answered> Future for ProcessFuture<F> {
    type Output = Result<A>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut answer = {
            let _entered = Entered::new(this.going);
            let _attached = this.open.as_ref().map(|open| open.context.clone().attach());
            ready!(this.inner.poll(context))
        };
        if let Ok(answer) = &mut answer {
            answer.carry(this.going);
        }
        if let Some(open) = this.open.take() {
            match &answer {
                Ok(answer) => open.end(answer.outcome(), None),
                Err(error) => open.end("error", Some(error)),
            }
        }
        Poll::Ready(answer)
    }
}
