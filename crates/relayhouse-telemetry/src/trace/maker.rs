//! Makes spans, and only for what is sampled.

use std::{sync::Arc, time::SystemTime};

use opentelemetry::{
    Context as Otel, InstrumentationScope, KeyValue,
    trace::{Link, SpanBuilder, SpanKind, Status, TraceContextExt, TracerProvider},
};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use relayhouse_core::{Clock, Context, Error, Random};

use super::{
    context::TraceContext,
    place::{Act, Place},
    sampler::{Decided, Sampler},
};
use crate::metric::error_name;

/// The schema of the messaging conventions that names and attributes follow.
pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.44.0";

/// The most links of one span, as the specification bounds them by default.
const LINKS_MAX: usize = 128;

/// What all that makes spans shares.
#[derive(Debug)]
pub(super) struct Maker {
    tracer: SdkTracer,
    pub(super) sampler: Sampler,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
}

/// Is a span that is to be made.
pub(super) struct Plan<'a> {
    pub(super) place: &'a Place,
    pub(super) act: Act,
    pub(super) kind: SpanKind,
    pub(super) parent: Option<Otel>,
    pub(super) links: Vec<Link>,
    pub(super) attributes: Vec<KeyValue>,
    pub(super) started_at: SystemTime,
}

impl Maker {
    pub(super) fn new(provider: &SdkTracerProvider, sampler: Sampler, context: &Context) -> Self {
        let scope = InstrumentationScope::builder("relayhouse")
            .with_version(env!("CARGO_PKG_VERSION"))
            .with_schema_url(SCHEMA_URL)
            .build();
        Self {
            tracer: provider.tracer_with_scope(scope),
            sampler,
            clock: Arc::clone(&context.clock),
            random: Arc::clone(&context.random),
        }
    }

    pub(super) fn wall(&self) -> SystemTime {
        self.clock.wall().into()
    }

    /// Makes a span, which is in the context that is returned.
    pub(super) fn make(&self, plan: Plan<'_>) -> Otel {
        let Plan {
            place,
            act,
            kind,
            parent,
            mut links,
            attributes,
            started_at,
        } = plan;
        links.truncate(LINKS_MAX);
        let mut all = place.attributes(act);
        all.extend(attributes);
        let builder = SpanBuilder::from_name(place.name(act))
            .with_kind(kind)
            .with_start_time(started_at)
            .with_attributes(all)
            .with_links(links);
        let parent = parent.unwrap_or_default();
        let span = builder.start_with_context(&self.tracer, &parent.with_value(Decided));
        parent.with_span(span)
    }
}

/// Returns the context of a span that is elsewhere.
pub(super) fn remote(context: TraceContext, tracestate: Option<&str>) -> Otel {
    Otel::new().with_remote_span_context(context.to_span(tracestate))
}

/// Returns a link to a span that is elsewhere.
pub(super) fn link(context: TraceContext) -> Link {
    Link::with_context(context.to_span(None))
}

/// Writes on the span of `context` that it failed, and how: the kind, and never the text.
pub(super) fn failed(context: &Otel, error: &Error) {
    let span = context.span();
    let name = error_name(error.kind());
    span.set_attribute(KeyValue::new("error.type", name));
    span.set_status(Status::error(name));
}
