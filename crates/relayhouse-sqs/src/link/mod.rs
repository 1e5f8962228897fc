//! The link to SQS that everything opened from one provider shares: client, clock and counters.

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
    Clock, Context, Error, Event, Instant, MessageIds, Operation, Result, Timestamp,
};
use tokio::sync::{OnceCell, SemaphorePermit};

pub(crate) use self::{closing::Closing, plain_text::PlainText};
use self::{room::Room, round_trip::RoundTrip};
use crate::{
    capability::Declared,
    config::Config,
    cost::{Load, Meter},
    error,
    location::Location,
};

/// What everything opened from one provider shares.
pub(crate) struct Link {
    pub(crate) context: Context,
    pub(crate) config: Config,
    pub(crate) declared: Declared,
    pub(crate) location: Option<Location>,
    pub(crate) ids: MessageIds,
    pub(crate) meter: Arc<Meter>,
    pub(crate) closing: Closing,
    room: Room,
    given: Option<Client>,
    client: OnceCell<Client>,
    round_trip: RoundTrip,
}

impl Link {
    pub(crate) fn new(
        context: Context,
        config: Config,
        given: Option<Client>,
        location: Option<Location>,
    ) -> Self {
        Self {
            ids: MessageIds::new(&*context.random),
            declared: Declared::of(&config),
            room: Room::new(&config),
            context,
            config,
            location,
            meter: Arc::default(),
            closing: Closing::default(),
            given,
            client: OnceCell::new(),
            round_trip: RoundTrip::default(),
        }
    }

    /// Returns the client, made on first use.
    pub(crate) async fn client(&self) -> Result<&Client> {
        let make = || async {
            match &self.given {
                Some(given) => Ok(client::tame(given, self)),
                None => Box::pin(client::load(self)).await,
            }
        };
        self.client.get_or_try_init(make).await
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
        let deadline = self.context.clock.sleep_until(self.now() + limit);
        let turn = pin!(self.room.call());
        let Either::Left((Some(_turn), deadline)) = select(turn, deadline).await else {
            return Err(error::no_connection(operation));
        };
        let load = load.into();
        self.meter.count(load);
        match select(request, deadline).await {
            Either::Left((Ok(answer), _)) => Ok(answer),
            Either::Left((Err(failure), _)) => {
                if error::never_left(&failure) {
                    self.meter.take_back(load);
                }
                Err(error::of_call(failure, operation, self.wall()))
            }
            Either::Right(_) => Err(error::unanswered().operation(operation)),
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
