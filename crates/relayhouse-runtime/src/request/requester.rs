//! The asking side: sends requests, and hands each answer to who waits for it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use relayhouse_core::{
    Context, Entity, Error, ErrorKind, IntoMessage, Message, MessageIds, Operation, Result, Source,
    Text,
};
use tokio::sync::oneshot;

use super::waiting::Waiting;
use crate::{
    consumer::{ConsumerBuilder, Report, Running},
    producer::Producer,
    sync::{deadline, lock},
};

/// Sends requests to one queue, and receives their answers on another, which is its own: an answer
/// that nobody here waits for is acked and counted.
///
/// A clone shares everything. Each request carries a correlation id and a deadline; who answers
/// with [`reply`](super::reply) sends the id back.
///
/// ```
/// # use std::{sync::Arc, time::Duration};
/// # use relayhouse_core::{Context, Message, Result, Source, port::Provider};
/// use relayhouse_runtime::{Consumer, Producer, Requester};
///
/// # async fn example(provider: Arc<dyn Provider>, context: Context) -> Result<()> {
/// let prices = Producer::of(Arc::clone(&provider), "prices".parse()?, context.clone()).build()?;
/// let answers = Source::queue("answers-to-7".parse()?);
/// let answers = Consumer::of(provider, answers, context.clone());
/// let requester = Requester::start(prices, answers, context).await?;
/// let price = requester.request(Message::new("apples"), Duration::from_secs(5)).await?;
/// println!("{price:?}");
/// requester.shutdown(Duration::from_secs(5)).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Requester(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    producer: Producer,
    reply_to: Text,
    ids: MessageIds,
    context: Context,
    waiting: Arc<Waiting>,
    running: Mutex<Option<Running>>,
}

/// Tells what became of answers.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequesterReport {
    /// What was done with the queue of the answers.
    pub answers: Report,
    /// Answers that nobody waited for: their requests were given up, or answered before.
    pub unclaimed: u64,
}

impl Requester {
    /// Starts to receive answers by `answers`; requests are sent by `producer`.
    ///
    /// # Errors
    ///
    /// Returns why the queue of the answers cannot be opened, or [`ErrorKind::ConfigInvalid`] if it
    /// cannot be sent to: a subscription, or a dead-letter queue.
    pub async fn start(
        producer: Producer,
        answers: ConsumerBuilder,
        context: Context,
    ) -> Result<Self> {
        let waiting = Arc::<Waiting>::default();
        let handler = {
            let waiting = Arc::clone(&waiting);
            move |answer: Message| {
                waiting.answer(answer);
                std::future::ready(())
            }
        };
        let running = answers.handler(handler).start().await?;
        let reply_to = reply_to(running.source())?;
        Ok(Self(Arc::new(Inner {
            producer,
            reply_to,
            ids: MessageIds::new(&*context.random),
            context,
            waiting,
            running: Mutex::new(Some(running)),
        })))
    }

    /// Sends `request` and returns its answer, if that comes within `limit`.
    ///
    /// The request gets a correlation id of its own, the queue of the answers and a deadline. Dropped,
    /// the future gives the answer up; the request may have been sent.
    ///
    /// # Errors
    ///
    /// Returns why the request was not sent; [`ErrorKind::OutcomeUnknown`] if no answer came in
    /// time: the request may have been handled; [`ErrorKind::Closed`] after
    /// [`shutdown`](Self::shutdown).
    pub async fn request(&self, request: impl IntoMessage, limit: Duration) -> Result<Message> {
        let correlation_id = Text::from(self.0.ids.next_id().to_string());
        let mut request = request.into_message()?;
        let details = request.details_mut();
        details.correlation_id = Some(correlation_id.clone());
        details.reply_to = Some(self.0.reply_to.clone());
        let clock = &*self.0.context.clock;
        let request = request.deadline(clock.wall() + limit);
        let (_place, answer) = self.0.waiting.wait(correlation_id);
        if lock(&self.0.running).is_none() {
            return Err(closed());
        }
        let exchange = self.exchange(request, answer);
        deadline(clock, limit, exchange)
            .await
            .unwrap_or_else(|| Err(unanswered(limit)))
    }

    async fn exchange(
        &self,
        request: Message,
        answer: oneshot::Receiver<Message>,
    ) -> Result<Message> {
        self.0.producer.send(request).await?;
        answer.await.map_err(|_| closed())
    }

    /// Returns how many requests wait for their answers.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.waiting.len()
    }

    /// Ends the requests that still wait as [`ErrorKind::Closed`], and stops receiving answers
    /// within `limit`. The producer stays open. A second call does nothing and returns `None`.
    ///
    /// Dropping the future stops at once.
    ///
    /// # Errors
    ///
    /// Returns what made the consumer of the answers stop by itself, if something did.
    pub async fn shutdown(&self, limit: Duration) -> Result<Option<RequesterReport>> {
        let running = lock(&self.0.running).take();
        let Some(running) = running else {
            return Ok(None);
        };
        self.0.waiting.close();
        let answers = running.shutdown(limit).await?;
        Ok(Some(RequesterReport {
            answers,
            unclaimed: self.0.waiting.unclaimed(),
        }))
    }
}

/// Returns the name that answers are sent to.
fn reply_to(source: &Source) -> Result<Text> {
    match (&source.entity, source.dead_letter) {
        (Entity::Queue(queue), false) => Ok(Text::from(queue.to_string())),
        _ => {
            let rule = "answers cannot be sent here, a queue is needed";
            Err(Error::new(ErrorKind::ConfigInvalid, rule).at(Operation::Open, source))
        }
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the requester is closed").operation(Operation::Send)
}

fn unanswered(limit: Duration) -> Error {
    let rule = format!("no answer came within {limit:?}");
    Error::new(ErrorKind::OutcomeUnknown, rule).operation(Operation::Send)
}
