//! A handler that takes several deliveries at once and answers for each.

use std::{
    fmt::{self, Debug},
    future::Future,
    task::{Context, Poll},
};

use relayhouse_core::{BoxError, Delivery, Error, FromDelivery, Result, Settlement};
use tower_service::Service;

/// Holds the deliveries of one call of a batch handler, and the answers so far.
///
/// Each delivery that has no answer when the handler returns `Ok` is acked.
#[derive(Debug)]
pub struct Batch {
    deliveries: Vec<Delivery>,
    answers: Vec<Option<Result<Settlement>>>,
}

impl Batch {
    pub(crate) fn new(deliveries: Vec<Delivery>) -> Self {
        let answers = deliveries.iter().map(|_| None).collect();
        Self {
            deliveries,
            answers,
        }
    }

    /// Returns the deliveries, in the order they came.
    #[must_use]
    pub fn deliveries(&self) -> &[Delivery] {
        &self.deliveries
    }

    /// Returns the number of deliveries: at least one.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a batch is never empty")]
    pub fn len(&self) -> usize {
        self.deliveries.len()
    }

    /// Draws a value from each delivery. One that cannot be drawn is settled by its error and is
    /// left out; a value comes with the index by which it is answered.
    pub fn extract<T: FromDelivery<()>>(&mut self) -> Vec<(usize, T)> {
        let mut values = Vec::with_capacity(self.deliveries.len());
        for (index, delivery) in self.deliveries.iter().enumerate() {
            match T::from_delivery(delivery, &()) {
                Ok(value) => values.push((index, value)),
                Err(error) => self.answers[index] = Some(Err(error)),
            }
        }
        values
    }

    /// Decides how the delivery at `index` ends.
    ///
    /// An index out of range changes nothing.
    pub fn settle(&mut self, index: usize, settlement: Settlement) {
        self.answer(index, Ok(settlement));
    }

    /// Fails the delivery at `index`: the consumer's failure policy decides how it ends.
    ///
    /// An index out of range changes nothing.
    pub fn fail(&mut self, index: usize, error: impl Into<BoxError>) {
        self.answer(index, Err(Error::from_boxed(error.into())));
    }

    fn answer(&mut self, index: usize, answer: Result<Settlement>) {
        if let Some(slot) = self.answers.get_mut(index) {
            *slot = Some(answer);
        }
    }

    pub(crate) fn into_answers(self) -> Vec<Result<Settlement>> {
        let answer = |answer: Option<_>| answer.unwrap_or(Ok(Settlement::Ack));
        self.answers.into_iter().map(answer).collect()
    }
}

/// Is an async function that takes a [`Batch`] and gives it back with its answers.
///
/// `Err`, or a panic, fails the whole call: the batch is cut in two and each half is called
/// again, until the message that fails is alone.
pub trait BatchHandler: Clone + Send + 'static {
    /// The future of one call.
    type Future: Future<Output = Result<Vec<Result<Settlement>>>> + Send + 'static;

    /// Calls the function.
    fn handle(&self, batch: Batch) -> Self::Future;
}

/// Is the tower service that calls a [`BatchHandler`].
#[derive(Clone)]
pub struct BatchFunction<F>(pub(crate) F);

impl<F> Debug for BatchFunction<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BatchFunction")
    }
}

impl<F: BatchHandler> Service<Vec<Delivery>> for BatchFunction<F> {
    type Response = Vec<Result<Settlement>>;
    type Error = Error;
    type Future = F::Future;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, deliveries: Vec<Delivery>) -> F::Future {
        self.0.handle(Batch::new(deliveries))
    }
}

pin_project_lite::pin_project! {
    /// Is the future of a batch handler: the answers of the batch it returned.
    pub struct BatchFuture<F> {
        #[pin]
        future: F,
    }
}

impl<F> Debug for BatchFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BatchFuture")
    }
}

impl<F, E> Future for BatchFuture<F>
where
    F: Future<Output = Result<Batch, E>>,
    E: Into<BoxError>,
{
    type Output = Result<Vec<Result<Settlement>>>;

    fn poll(self: std::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.project().future.poll(context).map(|result| {
            let batch = result.map_err(|error| Error::from_boxed(error.into()))?;
            Ok(batch.into_answers())
        })
    }
}

impl<F, Fut, E> BatchHandler for F
where
    F: Fn(Batch) -> Fut + Clone + Send + 'static,
    Fut: Future<Output = Result<Batch, E>> + Send + 'static,
    E: Into<BoxError>,
{
    type Future = BatchFuture<Fut>;

    fn handle(&self, batch: Batch) -> Self::Future {
        BatchFuture {
            future: self(batch),
        }
    }
}
