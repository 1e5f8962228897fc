//! The link to SQS, and to SNS, that everything opened from one provider shares: client, clock and counters.

mod client;
mod closing;
mod plain_text;
mod room;
mod round_trip;
mod time;

use std::{
    error::Error as StdError,
    fmt::{self, Debug},
    future::Future,
    pin::pin,
    sync::Arc,
    time::Duration,
};

use aws_sdk_sqs::{Client, Error as SqsError, config::http::HttpResponse, error::SdkError};
use futures_util::future::{Either, select};
use relayhouse_core::{
    Clock, Context, Entity, Error, Event, Instant, MessageIds, Operation, QueueName, Result,
    Timestamp,
};
use tokio::sync::SemaphorePermit;

use self::{client::Clients, room::Room, round_trip::RoundTrip};
pub(crate) use self::{client::Given, closing::Closing, plain_text::PlainText};
#[cfg(feature = "s3")]
pub(crate) use self::{plain_text::StaysHere, time::SdkTime};
use crate::{
    arn,
    capability::Declared,
    config::{Config, HAS_TOPICS},
    convert::Rules,
    cost::{Load, Meter},
    error,
    location::Location,
    payload::Payloads,
    subscription,
};

/// What everything opened from one provider shares.
pub(crate) struct Link {
    pub(crate) context: Context,
    pub(crate) config: Config,
    pub(crate) declared: Declared,
    pub(crate) location: Option<Location>,
    /// Where the bodies of large messages are.
    pub(crate) payloads: Option<Payloads>,
    /// True if there are topics.
    pub(crate) has_topics: bool,
    pub(crate) ids: MessageIds,
    pub(crate) meter: Arc<Meter>,
    pub(crate) closing: Closing,
    room: Room,
    clients: Clients,
    round_trip: RoundTrip,
}

impl Link {
    pub(crate) fn new(
        context: Context,
        config: Config,
        given: Given,
        location: Option<Location>,
    ) -> Self {
        let of_topic = location.as_ref().is_some_and(Location::is_of_topic);
        let has_topics = HAS_TOPICS && (config.topics || of_topic);
        Self {
            ids: MessageIds::new(&*context.random),
            declared: Declared::of(&config, has_topics),
            has_topics,
            payloads: config.payloads(),
            room: Room::new(&config),
            context,
            config,
            location,
            meter: Arc::default(),
            closing: Closing::default(),
            clients: Clients::new(given),
            round_trip: RoundTrip::default(),
        }
    }

    /// Returns the client, made on first use.
    pub(crate) async fn client(&self) -> Result<&Client> {
        self.clients.sqs(self).await
    }

    /// Returns the client of SNS, made on first use.
    #[cfg(feature = "sns")]
    pub(crate) async fn sns(&self) -> Result<&aws_sdk_sns::Client> {
        self.clients.sns(self).await
    }

    /// Says how messages are on the queues.
    pub(crate) fn rules(&self) -> Rules<'_> {
        Rules {
            format: self.config.format,
            payloads: self.payloads.as_ref(),
        }
    }

    /// Returns true if `name` is that of a topic: an ARN, or the one that the URL names.
    pub(crate) fn is_topic(&self, name: &QueueName) -> bool {
        let location = self.location.as_ref();
        let topic = location.and_then(|it| it.topic.as_ref());
        arn::is_of_topic(name.as_str()) || topic.is_some_and(|it| it.is_named(name))
    }

    /// Returns the queue that holds the messages of `entity`: itself, or that of a subscription.
    pub(crate) fn queue_of(&self, entity: &Entity, operation: Operation) -> Result<QueueName> {
        match entity {
            Entity::Queue(name) if self.is_topic(name) && self.has_topics => {
                let what = "it is a topic: its messages are in its subscriptions";
                Err(error::unsupported(name, operation, what))
            }
            Entity::Queue(name) if self.is_topic(name) => Err(error::no_topics(name)),
            Entity::Subscription { topic, .. } if !self.has_topics => Err(error::no_topics(topic)),
            entity => subscription::queue_of(entity),
        }
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.context.clock
    }

    pub(crate) fn now(&self) -> Instant {
        self.context.clock.now()
    }

    pub(crate) fn wall(&self) -> Timestamp {
        self.context.clock.wall()
    }

    pub(crate) fn check_open(&self, operation: Operation) -> Result<()> {
        if self.closing.is_closed() {
            return Err(error::closed(operation));
        }
        Ok(())
    }

    /// Returns how long ago, at most, SQS did what it answers now; `None` before the first call
    /// that did not wait.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.round_trip.get()
    }

    /// Notes how long a call took that did not wait.
    pub(crate) fn note_round_trip(&self, took: Duration) {
        self.round_trip.note(took);
    }

    /// Tells who listens of a call that was answered.
    pub(crate) fn called(&self, operation: Operation, messages: u64, requests: u64) {
        if let Some(observer) = &self.context.observer {
            let called = Event::Called {
                operation,
                messages,
                requests,
                cost: self.config.price.map(|price| price.of(requests)),
            };
            observer.observe(self.now(), &[called]);
        }
    }

    /// Waits for the turn of a poll that waits until `deadline`; `None` if none comes by then.
    pub(crate) async fn poll_turn(&self, deadline: Instant) -> Option<SemaphorePermit<'_>> {
        let late = self.context.clock.sleep_until(deadline);
        let turn = pin!(self.room.poll());
        match select(turn, late).await {
            Either::Left((turn, _)) => turn,
            Either::Right(_) => None,
        }
    }

    /// Makes a call that does not wait, and notes how long it took.
    ///
    /// The future of a request has some kilobytes: it is boxed where it is made, and not moved from
    /// here to there.
    pub(crate) async fn call<T, E>(
        &self,
        load: impl Into<Load>,
        operation: Operation,
        request: impl Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send + Unpin,
    ) -> Result<T>
    where
        E: Into<SqsError> + StdError + Send + Sync + 'static,
    {
        let started = self.now();
        let limit = self.config.call_timeout;
        let answer = self.bounded(load, operation, limit, request).await;
        if answer.is_ok() {
            self.note_round_trip(self.now().since(started));
        }
        answer
    }

    /// Makes a call that may take until `limit` is over, with the wait for its turn.
    pub(crate) async fn bounded<T, E>(
        &self,
        load: impl Into<Load>,
        operation: Operation,
        limit: Duration,
        request: impl Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send + Unpin,
    ) -> Result<T>
    where
        E: Into<SqsError> + StdError + Send + Sync + 'static,
    {
        let load = load.into();
        let leaves = || self.meter.count(load);
        let answer = self.in_turn("SQS", operation, limit, leaves, request);
        answer.await?.map_err(|failure| {
            if error::never_left(&failure) {
                self.meter.take_back(load);
            }
            error::of_call(failure, operation, self.wall())
        })
    }

    /// Makes a call of SNS, which counts among the connections, and not among the calls of SQS.
    #[cfg(feature = "sns")]
    pub(crate) async fn call_sns<T, E>(
        &self,
        operation: Operation,
        request: impl Future<Output = Result<T, SdkError<E, HttpResponse>>> + Send + Unpin,
    ) -> Result<T>
    where
        E: Into<aws_sdk_sns::Error> + StdError + Send + Sync + 'static,
    {
        let limit = self.config.call_timeout;
        let answer = self.in_turn("SNS", operation, limit, || (), request);
        answer
            .await?
            .map_err(|failure| error::of_sns_call(failure, operation, self.wall()))
    }

    /// Waits for the turn of `request`, tells that it leaves, and waits for its answer, until `limit`
    /// is over.
    async fn in_turn<T>(
        &self,
        service: &str,
        operation: Operation,
        limit: Duration,
        leaves: impl FnOnce() + Send,
        request: impl Future<Output = T> + Send + Unpin,
    ) -> Result<T> {
        let deadline = self.context.clock.sleep_until(self.now() + limit);
        let turn = pin!(self.room.call());
        let Either::Left((Some(_turn), deadline)) = select(turn, deadline).await else {
            return Err(error::no_connection(operation));
        };
        leaves();
        match select(request, deadline).await {
            Either::Left((answer, _)) => Ok(answer),
            Either::Right(_) => Err(error::unanswered(service).operation(operation)),
        }
    }
}

impl Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("config", &self.config)
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}

/// Names the queue in an error that does not name one yet.
pub(crate) fn at(error: Error, operation: Operation, queue: &str) -> Error {
    error.at(operation, queue.to_owned())
}
