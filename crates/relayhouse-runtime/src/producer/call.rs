//! One call of the sender, and what an observer is told of its end.

use std::{future::Future, panic::AssertUnwindSafe, pin::Pin, sync::Arc, time::Duration};

use futures_util::FutureExt;
use relayhouse_core::{
    Context, Error, ErrorKind, Event, HeaderValue, Message, MessageId, Operation, QueueName,
    Result, Sending, Sent,
};

use super::outlet::{Opened, Outlet};
use crate::sync::answered;

/// The header that says which trace a message belongs to, as W3C has it.
pub(crate) const TRACEPARENT: &str = "traceparent";

/// Is a call in flight. It gives back its items, with their answers, and the call's own.
pub(super) type Call = Pin<Box<dyn Future<Output = Called> + Send>>;

/// Is the end of a call.
pub(super) struct Called {
    batch: Vec<Sending>,
    /// What an observer is told of each message, if there is one.
    marks: Vec<Mark>,
    result: Result<()>,
    /// How long it took, if somebody is told of it.
    took: Duration,
}

/// Is what an observer is told of a message, which the adapter takes away when it sends it.
pub(crate) struct Mark {
    id: Option<MessageId>,
    bytes: u64,
    traceparent: Option<HeaderValue>,
}

impl Mark {
    pub(crate) fn of(message: &Message) -> Self {
        Self {
            id: message.id.clone(),
            bytes: message.size(),
            traceparent: message.headers().get(TRACEPARENT).cloned(),
        }
    }

    /// Returns what is told of the answer. A message without an id, which the provider gave none
    /// either, is not told of.
    fn event<'a>(&'a self, queue: &'a QueueName, answer: &'a Result<Sent>) -> Option<Event<'a>> {
        let sent_id = answer.as_ref().ok().and_then(|sent| sent.id.as_ref());
        Some(Event::Sent {
            queue,
            id: self.id.as_ref().or(sent_id)?,
            bytes: self.bytes,
            traceparent: self.traceparent.as_ref().and_then(HeaderValue::as_text),
            result: answer.as_ref(),
        })
    }
}

impl Outlet {
    /// Makes the call that sends `batch`, bounded by the deadline of a send. A panic of the sender
    /// is an answer too: the place of the call is given back after it.
    pub(super) fn call(&self, opened: &Opened, mut batch: Vec<Sending>) -> Call {
        let sender = Arc::clone(&opened.sender);
        let clock = Arc::clone(&self.context.clock);
        let timeout = self.config.timeouts.send;
        let marks = match self.context.observer {
            Some(_) => batch.iter().map(|item| Mark::of(&item.message)).collect(),
            None => Vec::new(),
        };
        Box::pin(async move {
            let began = (!marks.is_empty()).then(|| clock.now());
            let call = async { sender.send(&mut batch).await };
            let call = answered(&*clock, timeout, ErrorKind::OutcomeUnknown, call);
            let result = AssertUnwindSafe(call).catch_unwind().await;
            Called {
                result: result.unwrap_or_else(|_| Err(panicked())),
                batch,
                marks,
                took: began.map_or(Duration::ZERO, |began| clock.now().since(began)),
            }
        })
    }

    /// Takes the answers out of a call's items, in order.
    pub(super) fn answer(&self, called: Called) -> Vec<Result<Sent>> {
        let Called {
            batch,
            marks,
            result,
            took,
        } = called;
        let queue = self.queue();
        let answers = batch.into_iter().map(|item| {
            let answer = item.outcome.settle(&result);
            answer.map_err(|error| error.at(Operation::Send, queue))
        });
        let answers: Vec<Result<Sent>> = answers.collect();
        if !marks.is_empty() {
            let messages_max = self.messages_max();
            let call = Event::SendCall {
                queue,
                messages: u32::try_from(marks.len()).unwrap_or(u32::MAX),
                messages_max,
                took,
                error: result.as_ref().err(),
            };
            report(&self.context, queue, call, &marks, &answers);
        }
        answers
    }
}

/// Tells the observer, if there is one, how a call and the sends of its messages ended.
pub(crate) fn report<'a>(
    context: &Context,
    queue: &'a QueueName,
    call: Event<'a>,
    marks: &'a [Mark],
    answers: &'a [Result<Sent>],
) {
    let Some(observer) = &context.observer else {
        return;
    };
    let mut events = Vec::with_capacity(1 + marks.len());
    events.push(call);
    let sends = marks.iter().zip(answers);
    events.extend(sends.filter_map(|(mark, answer)| mark.event(queue, answer)));
    observer.observe(context.clock.now(), &events);
}

fn panicked() -> Error {
    Error::new(ErrorKind::OutcomeUnknown, "the sender panicked")
}
