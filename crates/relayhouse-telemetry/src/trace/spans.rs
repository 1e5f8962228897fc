//! The spans of calls: made after the fact, of what an observer is told.

use std::{sync::Arc, time::Duration};

use opentelemetry::{
    KeyValue,
    trace::{SpanKind, TraceContextExt},
};
use relayhouse_core::{Error, Event, Instant, Observer, QueueName, Settlement, Source};

use super::{
    context::{TraceContext, of_headers},
    maker::{Maker, Plan, failed, link, remote},
    place::{Act, Place},
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
            if let Some(next) = Self::begins(event, call.as_ref()) {
                self.make(call.replace(next));
            }
            if let Some(call) = &mut call {
                call.note(event);
            }
        }
        self.make(call);
    }
}

impl Calls {
    /// Returns the call that `event` begins, if it begins one.
    fn begins<'a>(event: &Event<'a>, open: Option<&Call<'_>>) -> Option<Call<'a>> {
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
            } => (At::Source(source), Act::EXTEND, took, error),
            Event::Settled {
                source,
                settlement,
                took,
                result,
                ..
            } => {
                let act = settle(settlement);
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
        let mut attributes = Vec::new();
        if call.messages != 1 {
            let count = i64::try_from(call.messages).unwrap_or(i64::MAX);
            attributes.push(KeyValue::new("messaging.batch.message_count", count));
        }
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
    fn note(&mut self, event: &Event<'a>) {
        match *event {
            Event::Sent { result, .. } => self.error = self.error.or(result.err()),
            Event::Extended { result, .. } => self.error = self.error.or(result.err()),
            Event::Received { .. } | Event::Settled { .. } => {}
            _ => return,
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

fn settle(settlement: &Settlement) -> Act {
    Act::settle(match settlement {
        Settlement::Ack | Settlement::Forward(_) => "ack",
        Settlement::Release { .. } => "release",
        Settlement::DeadLetter(_) => "dead_letter",
        _ => "settle",
    })
}
