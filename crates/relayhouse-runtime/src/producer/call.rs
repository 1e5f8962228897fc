//! One call of the sender, and what an observer is told of its end.

use std::{future::Future, panic::AssertUnwindSafe, pin::Pin, sync::Arc};

use futures_util::FutureExt;
use relayhouse_core::{
    Context, Error, ErrorKind, Event, Message, MessageId, Operation, QueueName, Result, Sending,
    Sent,
};

use super::outlet::{Opened, Outlet};
use crate::sync::answered;

/// Is a call in flight. It gives back its items, with their answers, and the call's own.
pub(super) type Call = Pin<Box<dyn Future<Output = Called> + Send>>;

/// Is the end of a call.
pub(super) struct Called {
    batch: Vec<Sending>,
    /// What an observer is told of each message, if there is one.
    marks: Vec<Mark>,
    result: Result<()>,
}

/// Is what an observer is told of a message, which the adapter takes away when it sends it.
pub(crate) struct Mark {
    id: Option<MessageId>,
    bytes: u64,
}

impl Mark {
    pub(crate) fn of(message: &Message) -> Self {
        Self {
            id: message.id.clone(),
            bytes: message.size(),
        }
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
            let call = async { sender.send(&mut batch).await };
            let call = answered(&*clock, timeout, ErrorKind::OutcomeUnknown, call);
            let result = AssertUnwindSafe(call).catch_unwind().await;
            Called {
                result: result.unwrap_or_else(|_| Err(panicked())),
                batch,
                marks,
            }
        })
    }

    /// Takes the answers out of a call's items, in order.
    pub(super) fn answer(&self, called: Called) -> Vec<Result<Sent>> {
        let Called {
            batch,
            marks,
            result,
        } = called;
        let queue = self.queue();
        let mut marks = marks.into_iter();
        let answers = batch.into_iter().map(|item| {
            let answer = item.outcome.settle(&result);
            let answer = answer.map_err(|error| error.at(Operation::Send, queue));
            if let Some(mark) = marks.next() {
                report(&self.context, queue, &mark, &answer);
            }
            answer
        });
        answers.collect()
    }
}

/// Tells the observer, if there is one, how the send of a message ended.
pub(crate) fn report(context: &Context, queue: &QueueName, mark: &Mark, answer: &Result<Sent>) {
    let Some(observer) = &context.observer else {
        return;
    };
    let sent_id = answer.as_ref().ok().and_then(|sent| sent.id.as_ref());
    if let Some(id) = mark.id.as_ref().or(sent_id) {
        let event = Event::Sent {
            queue,
            id,
            bytes: mark.bytes,
            result: answer.as_ref(),
        };
        observer.observe(context.clock.now(), &[event]);
    }
}

fn panicked() -> Error {
    Error::new(ErrorKind::OutcomeUnknown, "the sender panicked")
}
