//! The spans of calls: made after the fact, of what an observer is told.

use std::{sync::Arc, time::Duration};

use opentelemetry::{
    KeyValue,
    trace::{SpanKind, TraceContextExt},
};
use relayhouse_core::{Error, Event, Instant, Observer, QueueName, Source};

use super::{
    context::{TraceContext, of_headers},
    maker::{Maker, Plan, failed, link, remote},
    place::{Act, Place, of_delivery},
};

/// Makes a span of each call that took a message which is sampled: send, receive, settle, extend.
///
/// A call with one such message is a part of its trace. One with several is a trace of its own, with
/// a link to each.
#[derive(Debug)]
pub(super) struct Calls {
    pub(super) maker: Arc<Maker>,
    pub(super) system: &'static str,
}

/// Says where a call went.
enum At<'a> {
    Queue(&'a QueueName),
    Source(&'a Source),
}

/// Is one call, as its events tell.
struct Call<'a> {
    place: At<'a>,
    act: Act,
    took: Duration,
    /// How many messages it had.
    messages: usize,
    /// The attributes of the first of them.
    first: Vec<KeyValue>,
    /// The traces of those that are sampled.
    traces: Vec<TraceContext>,
    error: Option<&'a Error>,
}

impl Observer for Calls {
    fn observe(&self, _: Instant, events: &[Event<'_>]) {
        if !events.iter().any(is_sampled) {
            return;
        }
        let mut call: Option<Call<'_>> = None;
        for event in events {
            if let Some(next) = self.begins(event, call.as_ref()) {
                self.make(call.replace(next));
            }
            if let Some(call) = &mut call {
                call.note(self.system, event);
            }
        }
        self.make(call);
    }
}

impl Calls {
    /// Returns the call that `event` begins, if it begins one.
    fn begins<'a>(&self, event: &Event<'a>, open: Option<&Call<'_>>) -> Option<Call<'a>> {
        let (place, act, took, error) = match *event {
            Event::SendCall {
                queue, took, error, ..
            } => (At::Queue(queue), Act::SEND, took, error),
            Event::Intake {
                source,
                received,
                took,
                error,
                ..
            } if received != 0 => (At::Source(source), Act::RECEIVE, took, error),
            Event::ExtendCall {
                source,
                took,
                error,
                ..
            } => (At::Source(source), Act::extend(self.system), took, error),
            Event::Settled {
                source,
                settlement,
                took,
                result,
                ..
            } => {
                let act = Act::settle(self.system, settlement);
                let goes_on = open.is_some_and(|open| {
                    open.act.name == act.name && open.error.is_none() && result.is_ok()
                });
                if goes_on {
                    return None;
                }
                (At::Source(source), act, took, result.err())
            }
            _ => return None,
        };
        Some(Call {
            place,
            act,
            took,
            messages: 0,
            first: Vec::new(),
            traces: Vec::new(),
            error,
        })
    }

    fn make(&self, call: Option<Call<'_>>) {
        let Some(call) = call.filter(|call| !call.traces.is_empty()) else {
            return;
        };
        let ended_at = self.maker.wall();
        let parent = match call.traces[..] {
            [trace] => Some(remote(trace, None)),
            _ => None,
        };
        let attributes = if call.messages == 1 {
            call.first
        } else {
            let count = i64::try_from(call.messages).unwrap_or(i64::MAX);
            vec![KeyValue::new("messaging.batch.message_count", count)]
        };
        let place = match call.place {
            At::Queue(queue) => Place::of_queue(self.system, queue),
            At::Source(source) => Place::of_source(self.system, source),
        };
        let context = self.maker.make(Plan {
            place: &place,
            act: call.act,
            kind: SpanKind::Client,
            parent,
            links: call.traces.iter().copied().map(link).collect(),
            attributes,
            started_at: ended_at.checked_sub(call.took).unwrap_or(ended_at),
        });
        if let Some(error) = call.error {
            failed(&context, error);
        }
        context.span().end_with_timestamp(ended_at);
    }
}

impl<'a> Call<'a> {
    /// Takes note of a message of the call.
    fn note(&mut self, system: &str, event: &Event<'a>) {
        match *event {
            Event::Sent { result, .. } => self.error = self.error.or(result.err()),
            Event::Extended { result, .. } => self.error = self.error.or(result.err()),
            Event::Received { .. } | Event::Settled { .. } => {}
            _ => return,
        }
        if self.messages == 0 {
            self.first = of_message(system, event);
        }
        self.messages += 1;
        self.traces.extend(sampled(event));
    }
}

/// Returns true if `event` is about a message that is sampled.
fn is_sampled(event: &Event<'_>) -> bool {
    sampled(event).is_some()
}

/// Returns the trace of the message that `event` is about, if it is sampled.
fn sampled(event: &Event<'_>) -> Option<TraceContext> {
    let trace = match *event {
        Event::Sent { traceparent, .. } | Event::Extended { traceparent, .. } => {
            TraceContext::parse(traceparent?)
        }
        Event::Received { delivery, .. } | Event::Settled { delivery, .. } => {
            of_headers(delivery.message.headers(), || false)
        }
        _ => None,
    };
    trace.filter(|trace| trace.is_sampled)
}

/// Returns the attributes of the one message that a call was about.
fn of_message(system: &str, event: &Event<'_>) -> Vec<KeyValue> {
    let (id, delivery) = match *event {
        Event::Sent { id, .. } => (id, None),
        Event::Received { delivery, .. } | Event::Settled { delivery, .. } => {
            (&delivery.id, Some(delivery))
        }
        _ => return Vec::new(),
    };
    let mut attributes = vec![KeyValue::new("messaging.message.id", id.to_string())];
    if let Some(id) = delivery.and_then(|it| it.message.details().correlation_id.as_ref()) {
        let key = "messaging.message.conversation_id";
        attributes.push(KeyValue::new(key, id.to_string()));
    }
    if let Event::Received { delivery, .. } = event {
        attributes.extend(of_delivery(system, delivery));
    }
    attributes
}
