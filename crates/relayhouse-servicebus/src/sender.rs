//! Sends to one queue or topic: messages leave one after the other, and then all answers are
//! waited for.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use fe2o3_amqp::{
    link::{SendError, Sender as AmqpSender},
    session::SessionHandle,
};
use fe2o3_amqp_types::messaging::{Outcome as AmqpOutcome, Source, Target};
use futures_util::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use relayhouse_core::{
    Capabilities, Error, ErrorKind, Instant, MessageId, MessageIds, Operation, QueueName, Result,
    Retry, Sending, Sent, port::Sender,
};
use tokio::sync::Mutex;

use crate::{
    capability::CAPABILITIES,
    convert::write,
    link::{self, Link},
};

/// Sends to one queue or topic.
#[derive(Debug)]
pub(crate) struct ServiceBusSender {
    link: Arc<Link>,
    ids: Arc<MessageIds>,
    queue: QueueName,
    call_timeout: Duration,
    attached: Mutex<Option<Attached>>,
    is_closed: AtomicBool,
}

#[derive(Debug)]
struct Attached {
    sender: AmqpSender,
    session: SessionHandle<()>,
}

/// Ends with the place of a message in its batch, its id, and what the broker said.
type Answer = BoxFuture<'static, (usize, MessageId, Result<AmqpOutcome, SendError>)>;

impl ServiceBusSender {
    pub(crate) fn new(
        link: Arc<Link>,
        ids: Arc<MessageIds>,
        queue: QueueName,
        call_timeout: Duration,
    ) -> Self {
        Self {
            link,
            ids,
            queue,
            call_timeout,
            attached: Mutex::new(None),
            is_closed: AtomicBool::new(false),
        }
    }

    /// Attaches, so that a queue that is not there is told before the first send.
    pub(crate) async fn attach(&self) -> Result<()> {
        let mut attached = self.attached.lock().await;
        let result = self.attached(&mut attached).await.map(|_| ());
        result.map_err(|error| error.at(Operation::Open, &self.queue))
    }

    async fn attached<'a>(&self, attached: &'a mut Option<Attached>) -> Result<&'a mut Attached> {
        if attached.as_ref().is_some_and(|it| it.session.is_ended()) {
            *attached = None;
        }
        if let Some(attached) = attached {
            self.link.renew(self.queue.as_str()).await?;
            return Ok(attached);
        }
        let (mut session, _) = self.link.session(self.queue.as_str()).await?;
        let name = self.link.name();
        let sender = AmqpSender::builder()
            .name(name.as_str())
            .source(Source::builder().address(name.as_str()).build())
            .target(Target::builder().address(self.queue.as_str()).build())
            .attach(&mut session)
            .await
            .map_err(link::of_sender_attach)?;
        Ok(attached.insert(Attached { sender, session }))
    }

    /// Has the messages of `batch` leave, in their order, until one cannot.
    async fn leave(
        &self,
        attached: &mut Option<Attached>,
        batch: &mut [Sending],
        deadline: Instant,
    ) -> Result<FuturesUnordered<Answer>> {
        let answers = FuturesUnordered::new();
        let now = self.link.clock().wall();
        let sender = &mut self.attached(attached).await?.sender;
        let mut broken = None;
        for (place, item) in batch.iter_mut().enumerate() {
            let id = item.message.id.clone();
            let id = id.unwrap_or_else(|| self.ids.next_id());
            let packet = match write(&item.message, &id, &CAPABILITIES, now) {
                Ok(packet) => packet,
                Err(error) => {
                    item.fail(error.at(Operation::Send, &self.queue));
                    continue;
                }
            };
            let left = deadline.since(self.link.clock().now());
            let sending = sender.send_batchable(packet);
            match link::within(self.link.clock(), left, sending).await {
                Some(Ok(answer)) => {
                    let answer: Answer = Box::pin(async move { (place, id, answer.await) });
                    answers.push(answer);
                }
                Some(Err(error)) if link::link_is_lost(&error) => {
                    broken = Some(link::of_send(error, false));
                }
                Some(Err(error)) => {
                    item.fail(link::of_send(error, false).at(Operation::Send, &self.queue));
                }
                None => broken = Some(no_room()),
            }
            if broken.is_some() {
                break;
            }
        }
        if let Some(error) = broken {
            *attached = None;
            // What has left is answered in its own time, and nothing behind it left.
            let error = error.at(Operation::Send, &self.queue);
            fail_from(batch, answers.len(), &error);
        }
        Ok(answers)
    }
}

/// Says that the broker gave no credit.
fn no_room() -> Error {
    Error::new(
        ErrorKind::Timeout,
        "the broker did not take messages in time, and nothing of it left",
    )
}

/// Fails what neither left nor failed by itself: with `left` messages under way, those that are
/// pending beyond the first `left` pending ones.
fn fail_from(batch: &mut [Sending], left: usize, error: &Error) {
    let pending = batch.iter_mut().filter(|item| item.outcome.is_pending());
    for item in pending.skip(left) {
        item.fail(error.clone());
    }
}

#[async_trait]
impl Sender for ServiceBusSender {
    fn queue(&self) -> &QueueName {
        &self.queue
    }

    fn capabilities(&self) -> &Capabilities {
        &CAPABILITIES
    }

    async fn send(&self, batch: &mut [Sending]) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        if self.is_closed.load(Ordering::Acquire) {
            return Err(link::closed().at(Operation::Send, &self.queue));
        }
        let deadline = self.link.clock().now() + self.call_timeout;
        let mut answers = {
            let mut attached = self.attached.lock().await;
            let left = self.leave(&mut attached, batch, deadline).await;
            left.map_err(|error| error.at(Operation::Send, &self.queue))?
        };
        let mut time = self.link.clock().sleep_until(deadline);
        loop {
            tokio::select! {
                biased;
                answer = answers.next() => match answer {
                    Some((place, id, answer)) => self.answer(&mut batch[place], id, answer),
                    None => return Ok(()),
                },
                () = &mut time => break,
            }
        }
        let error = link::unknown().at(Operation::Send, &self.queue);
        fail_from(batch, 0, &error);
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        self.is_closed.store(true, Ordering::Release);
        let attached = self.attached.lock().await.take();
        if let Some(mut attached) = attached {
            let ending = async {
                // What ended already has nothing left to end.
                let _ = attached.sender.close().await;
                let _ = attached.session.end().await;
            };
            link::within(self.link.clock(), self.call_timeout, ending).await;
        }
        Ok(())
    }
}

impl ServiceBusSender {
    fn answer(&self, item: &mut Sending, id: MessageId, answer: Result<AmqpOutcome, SendError>) {
        let error = match answer {
            Ok(AmqpOutcome::Accepted(_)) => {
                item.done(Sent {
                    id: Some(id),
                    ..Sent::default()
                });
                return;
            }
            Ok(AmqpOutcome::Rejected(rejected)) => match rejected.error {
                Some(error) => link::of_amqp(&error, Operation::Send),
                None => Error::new(ErrorKind::MessageInvalid, "the broker refused the message"),
            },
            Ok(_) => Error::new(ErrorKind::Unexpected, "the broker gave the message back")
                .retry(Retry::Temporary),
            Err(error) => link::of_send(error, true),
        };
        item.fail(error.at(Operation::Send, &self.queue));
    }
}

#[cfg(test)]
mod tests {
    use relayhouse_core::Message;

    use super::*;

    #[test]
    fn what_left_before_a_break_waits_for_its_answer() {
        let mut batch: Vec<Sending> = (0..4).map(|_| Sending::new(Message::new("x"))).collect();
        batch[0].fail(no_room());
        fail_from(&mut batch, 1, &link::unknown());
        let kinds: Vec<_> = batch
            .iter()
            .map(|item| item.outcome.error().map(Error::kind))
            .collect();
        let unknown = Some(ErrorKind::OutcomeUnknown);
        assert_eq!(kinds, [Some(ErrorKind::Timeout), None, unknown, unknown]);
    }
}
