//! The service that passes deadlines on, and starts no work after them.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use relayhouse_core::{
    Clock, DeadLetter, Delivery, Error, ErrorKind, Message, Operation, Result, Retry, Settlement,
    Timestamp, extract,
};
use tower_service::Service;

use super::{DeadlineConfig, Late};
use crate::{
    prepare::{Called, PreparedBatch},
    scope::{Scope, Scoped},
};

/// Passes deadlines on from message to message, and starts no work after them.
#[derive(Clone, Debug)]
pub struct Deadline<S> {
    inner: S,
    clock: Arc<dyn Clock>,
    config: DeadlineConfig,
}

impl<S> Deadline<S> {
    #[inline]
    pub(super) const fn new(inner: S, clock: Arc<dyn Clock>, config: DeadlineConfig) -> Self {
        Self {
            inner,
            clock,
            config,
        }
    }

    /// Gives `message` a deadline where it has none, and refuses it where that has passed.
    fn mark(&self, message: Message) -> Result<Message> {
        let own = deadline_of(&message);
        let limit = || Some(self.clock.wall() + self.config.limit?);
        let Some(deadline) = own.or_else(|| Scope::current().deadline).or_else(limit) else {
            return Ok(message);
        };
        if deadline <= self.clock.wall() {
            let text = format!("the deadline {deadline} has passed, nothing was sent");
            let error = Error::new(ErrorKind::Timeout, text).operation(Operation::Send);
            return Err(error.retry(Retry::Permanent));
        }
        match own {
            Some(_) => Ok(message),
            None => Ok(message.deadline(deadline)),
        }
    }

    /// Returns how a delivery ends whose deadline has passed.
    fn late(&self, delivery: &Delivery) -> Option<Settlement> {
        let deadline = deadline_of(&delivery.message)?;
        if self.clock.wall() < deadline {
            return None;
        }
        Some(match self.config.late {
            Late::DeadLetter => {
                let text = format!("the deadline {deadline} has passed");
                Settlement::dead_letter(DeadLetter::EXPIRED, text)
            }
            Late::Ack => Settlement::Ack,
        })
    }
}

fn deadline_of(message: &Message) -> Option<Timestamp> {
    if message.is_plain() {
        return None;
    }
    extract::Deadline::of(message).0
}

impl<S: Service<Message, Error = Error>> Service<Message> for Deadline<S> {
    type Response = S::Response;
    type Error = Error;
    type Future = Called<S::Future, S::Response, ()>;

    #[inline]
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.inner.poll_ready(context)
    }

    #[inline]
    fn call(&mut self, message: Message) -> Self::Future {
        let marked = self.mark(message);
        Called::of(marked.map(|message| self.inner.call(message)))
    }
}

impl<S> Service<Delivery> for Deadline<S>
where
    S: Service<Delivery, Response = Settlement, Error = Error>,
{
    type Response = Settlement;
    type Error = Error;
    type Future = Called<Scoped<S::Future>, Settlement, ()>;

    #[inline]
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.inner.poll_ready(context)
    }

    #[inline]
    fn call(&mut self, delivery: Delivery) -> Self::Future {
        if let Some(settlement) = self.late(&delivery) {
            return Called::answered(Ok(settlement));
        }
        let deadline = deadline_of(&delivery.message);
        match Scope::until(deadline) {
            None => Called::watched(Scoped::around(self.inner.call(delivery)), ()),
            Some(scope) => Called::watched(scope.run(|| self.inner.call(delivery)), ()),
        }
    }
}

impl<S> Service<Vec<Delivery>> for Deadline<S>
where
    S: Service<Vec<Delivery>, Response = Vec<Result<Settlement>>, Error = Error>,
{
    type Response = Vec<Result<Settlement>>;
    type Error = Error;
    type Future = PreparedBatch<Scoped<S::Future>, Settlement>;

    #[inline]
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.inner.poll_ready(context)
    }

    #[inline]
    fn call(&mut self, batch: Vec<Delivery>) -> Self::Future {
        let timely = |item: Delivery| match self.late(&item) {
            Some(settlement) => Err(Ok(settlement)),
            None => Ok(item),
        };
        let items = batch.into_iter().map(timely).collect();
        PreparedBatch::call(items, |timely| {
            let deadlines = timely.iter().filter_map(|item| deadline_of(&item.message));
            match Scope::until(deadlines.min()) {
                None => Scoped::around(self.inner.call(timely)),
                Some(scope) => scope.run(|| self.inner.call(timely)),
            }
        })
    }
}
