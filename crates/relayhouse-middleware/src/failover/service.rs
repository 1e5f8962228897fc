//! The service that sends to the first endpoint that works.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use relayhouse_core::{Error, Message, Result, Sent};
use tower_service::Service;

use super::{FailoverBuilder, ResponseFuture, shared::Shared};
use crate::{
    breaker::{Breaker, State},
    sync::lock,
};

/// Sends each message to the first endpoint that works.
///
/// Clones share breakers and measurements. A clone starts without the readiness of the first.
#[derive(Debug)]
pub struct Failover<S> {
    endpoints: Vec<Breaker<S>>,
    shared: Arc<Shared<S>>,
    chosen: Chosen,
}

/// The endpoint of the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chosen {
    None,
    Waiting(usize),
    Ready(usize),
}

impl<S> Failover<S> {
    /// Starts a service by the clock of `context`.
    #[must_use]
    pub fn builder(context: &relayhouse_core::Context) -> FailoverBuilder<S> {
        FailoverBuilder::new(context)
    }

    /// Returns the name of each endpoint, in the order in which they are asked, and whether it is
    /// let alone.
    pub fn states(&self) -> impl Iterator<Item = (&str, State)> {
        let names = self.shared.endpoints.iter().map(|it| &*it.name);
        names.zip(self.endpoints.iter().map(Breaker::state))
    }
}

impl<S: Clone> Failover<S> {
    pub(super) fn new(shared: Arc<Shared<S>>) -> Self {
        let endpoints = shared.endpoints.iter();
        Self {
            endpoints: endpoints.map(|it| lock(&it.service).clone()).collect(),
            shared,
            chosen: Chosen::None,
        }
    }

    /// Gives back what an endpoint keeps for this instance.
    fn let_go(&mut self) {
        if let Chosen::Waiting(place) | Chosen::Ready(place) = self.chosen {
            self.endpoints[place] = self.endpoints[place].clone();
        }
        self.chosen = Chosen::None;
    }
}

impl<S: Clone> Clone for Failover<S> {
    fn clone(&self) -> Self {
        Self {
            endpoints: self.endpoints.clone(),
            shared: Arc::clone(&self.shared),
            chosen: Chosen::None,
        }
    }
}

impl<S> Service<Message> for Failover<S>
where
    S: Service<Message, Response = Sent, Error = Error> + Clone,
{
    type Response = Sent;
    type Error = Error;
    type Future = ResponseFuture<S>;

    /// Is ready when the first endpoint that works is. One that cannot be made ready at all is
    /// passed over.
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        let first = match self.chosen {
            Chosen::Ready(place) if self.endpoints[place].state() != State::Open => {
                return Poll::Ready(Ok(()));
            }
            // It keeps its place in the line as long as it works.
            Chosen::Waiting(place) if self.endpoints[place].state() != State::Open => place,
            _ => {
                self.let_go();
                self.shared.first(|place| self.endpoints[place].state())
            }
        };
        let mut error = None;
        let others = (0..self.endpoints.len()).filter(|place| *place != first);
        for place in std::iter::once(first).chain(others) {
            match self.endpoints[place].poll_ready(context) {
                Poll::Pending => {
                    self.chosen = Chosen::Waiting(place);
                    return Poll::Pending;
                }
                Poll::Ready(Ok(())) => {
                    self.chosen = Chosen::Ready(place);
                    return Poll::Ready(Ok(()));
                }
                Poll::Ready(Err(failed)) => error = error.or(Some(failed)),
            }
        }
        self.chosen = Chosen::None;
        Poll::Ready(error.map_or(Ok(()), Err))
    }

    fn call(&mut self, message: Message) -> ResponseFuture<S> {
        let place = match self.chosen {
            Chosen::Ready(place) | Chosen::Waiting(place) => place,
            Chosen::None => self.shared.first(|place| self.endpoints[place].state()),
        };
        self.chosen = Chosen::None;
        let future = self.endpoints[place].call(message.clone());
        ResponseFuture::new(future, place, message, Arc::clone(&self.shared))
    }
}
