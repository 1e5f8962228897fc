//! What a handler takes at a time: one delivery, or several.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use relayhouse_core::{BoxError, Delivery, Error, ErrorKind, Result, Settlement};
use tower_service::Service;

use super::buffer::{Buffer, Entry};
use crate::{
    config::ConsumerConfig,
    output::{Answer, Exit, Leaving, Outputs},
};

/// Says how deliveries are taken from the buffer, handed to the service, and answered.
pub(crate) trait Mode: Clone + Send + 'static {
    /// What one call takes.
    type Unit: Send + Unpin + 'static;
    /// What one call answers.
    type Answer: Send + 'static;
    /// The future of one call.
    type Future: Future<Output = Result<Self::Answer>> + Send + 'static;

    /// Takes the next unit, of up to `max` deliveries.
    fn take(buffer: &mut Buffer, max: usize) -> Option<Self::Unit>;

    /// Returns the most deliveries of one unit.
    fn unit_max(config: &ConsumerConfig) -> usize;

    /// Returns the deliveries of a unit.
    fn entries(unit: &Self::Unit) -> &[Entry];

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>>;

    fn call(&mut self, unit: &Self::Unit) -> Self::Future;

    /// Hands each delivery of `unit` with its answer to `each`. If the whole call failed and the
    /// unit can be cut, nothing is handed over and its halves are returned.
    fn finish(
        unit: Self::Unit,
        answer: Result<Self::Answer>,
        each: &mut dyn FnMut(Entry, Result<Settlement>),
    ) -> Option<[Self::Unit; 2]>;

    /// Hands each delivery of `unit` to `each`.
    fn scatter(unit: Self::Unit, each: &mut dyn FnMut(Entry));
}

/// One delivery at a time.
#[derive(Clone, Debug)]
pub(crate) struct One<S> {
    pub(crate) service: S,
    pub(crate) outputs: Outputs,
}

/// Several deliveries at a time.
#[derive(Clone, Debug)]
pub(crate) struct Many<S> {
    pub(crate) service: S,
    pub(crate) outputs: Outputs,
}

pin_project! {
    /// Is the future of a call: the service's, with its error made ours, and then the sends that
    /// its answer asks for.
    pub(crate) struct Call<F, A: Answer> {
        #[pin]
        future: F,
        // Taken when the service has ended.
        exit: Option<(Outputs, A::Handled)>,
        leaving: Option<Leaving<A>>,
    }
}

impl<F, A: Answer> Call<F, A> {
    /// `handled` gives what is handled. Without outputs nobody asks for it.
    fn new(future: F, outputs: &Outputs, handled: impl FnOnce() -> A::Handled) -> Self {
        let exit = (!outputs.is_empty()).then(|| (outputs.clone(), handled()));
        Self {
            future,
            exit,
            leaving: None,
        }
    }
}

impl<F, A, E> Future for Call<F, A>
where
    F: Future<Output = Result<A, E>>,
    A: Answer,
    E: Into<BoxError>,
{
    type Output = Result<A>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some(leaving) = this.leaving {
            return leaving.as_mut().poll(context);
        }
        let answer = match ready!(this.future.poll(context)) {
            Ok(answer) => answer,
            Err(error) => return Poll::Ready(Err(Error::from_boxed(error.into()))),
        };
        let Some((outputs, handled)) = this.exit.take() else {
            return Poll::Ready(Ok(answer));
        };
        match answer.leave(&outputs, handled) {
            Exit::Stands(answer) => Poll::Ready(Ok(answer)),
            Exit::Sends(leaving) => this.leaving.insert(leaving).as_mut().poll(context),
        }
    }
}

impl<S> Mode for One<S>
where
    S: Service<Delivery, Response = Settlement> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
{
    type Unit = Entry;
    type Answer = Settlement;
    type Future = Call<S::Future, Self::Answer>;

    fn take(buffer: &mut Buffer, _: usize) -> Option<Entry> {
        buffer.pop()
    }

    fn unit_max(_: &ConsumerConfig) -> usize {
        1
    }

    fn entries(unit: &Entry) -> &[Entry] {
        std::slice::from_ref(unit)
    }

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.service
            .poll_ready(context)
            .map_err(|error| Error::from_boxed(error.into()))
    }

    fn call(&mut self, unit: &Entry) -> Self::Future {
        let future = self.service.call(unit.delivery.clone());
        Call::new(future, &self.outputs, || (&unit.delivery).into())
    }

    fn finish(
        unit: Entry,
        answer: Result<Settlement>,
        each: &mut dyn FnMut(Entry, Result<Settlement>),
    ) -> Option<[Entry; 2]> {
        each(unit, answer);
        None
    }

    fn scatter(unit: Entry, each: &mut dyn FnMut(Entry)) {
        each(unit);
    }
}

impl<S> Mode for Many<S>
where
    S: Service<Vec<Delivery>, Response = Vec<Result<Settlement>>> + Clone + Send + 'static,
    S::Error: Into<BoxError>,
    S::Future: Send + 'static,
{
    type Unit = Vec<Entry>;
    type Answer = Vec<Result<Settlement>>;
    type Future = Call<S::Future, Self::Answer>;

    fn take(buffer: &mut Buffer, max: usize) -> Option<Vec<Entry>> {
        let first = buffer.pop()?;
        let is_alone = first.is_suspect;
        let mut unit = Vec::with_capacity(max.min(buffer.len() + 1));
        unit.push(first);
        while !is_alone && unit.len() < max {
            let Some(entry) = buffer.pop_if(Entry::is_plain) else {
                break;
            };
            unit.push(entry);
        }
        Some(unit)
    }

    fn unit_max(config: &ConsumerConfig) -> usize {
        config.batch_max.get() as usize
    }

    fn entries(unit: &Vec<Entry>) -> &[Entry] {
        unit
    }

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.service
            .poll_ready(context)
            .map_err(|error| Error::from_boxed(error.into()))
    }

    fn call(&mut self, unit: &Vec<Entry>) -> Self::Future {
        let deliveries = unit.iter().map(|entry| entry.delivery.clone()).collect();
        let handled = || unit.iter().map(|entry| (&entry.delivery).into()).collect();
        Call::new(self.service.call(deliveries), &self.outputs, handled)
    }

    fn finish(
        mut unit: Vec<Entry>,
        answer: Result<Vec<Result<Settlement>>>,
        each: &mut dyn FnMut(Entry, Result<Settlement>),
    ) -> Option<[Vec<Entry>; 2]> {
        match answer {
            Ok(answers) => {
                let mut answers = answers.into_iter();
                for entry in unit {
                    each(entry, answers.next().unwrap_or_else(missing));
                }
                None
            }
            Err(_) if 1 < unit.len() => {
                let rest = unit.split_off(unit.len() / 2);
                Some([unit, rest])
            }
            Err(error) => {
                unit.into_iter()
                    .for_each(|entry| each(entry, Err(error.clone())));
                None
            }
        }
    }

    fn scatter(unit: Vec<Entry>, each: &mut dyn FnMut(Entry)) {
        unit.into_iter().for_each(each);
    }
}

/// Stands for an answer that a batch service did not give.
fn missing() -> Result<Settlement> {
    Err(Error::new(
        ErrorKind::Handler,
        "the batch handler gave no answer for this delivery",
    ))
}
