//! The future of one call: its waits, its calls, and what becomes of the answer.

use std::{
    fmt::{self, Debug},
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use pin_project_lite::pin_project;
use relayhouse_core::{Clock, Error, Result, Sleep};
use tower_service::Service;

use super::{
    Faulty,
    shared::{Place, Plan, Shared},
};

pin_project! {
    /// Is the future of one call.
    pub struct ResponseFuture<S, R>
    where
        S: Service<R>,
    {
        #[pin]
        stage: Stage<S::Future>,
        service: S,
        request: R,
        plan: Plan,
        shared: Arc<Shared>,
    }
}

pin_project! {
    #[project = StageProjection]
    enum Stage<F> {
        Begun,
        Delayed { sleep: Sleep },
        Behind { sleep: Sleep, place: Option<Place> },
        Due,
        Called { #[pin] future: F },
        Again,
    }
}

impl<S: Service<R>, R> ResponseFuture<S, R> {
    pub(super) fn new(
        service: S,
        request: R,
        future: Option<S::Future>,
        plan: Plan,
        shared: Arc<Shared>,
    ) -> Self {
        let stage = future.map_or(Stage::Begun, |future| Stage::Called { future });
        Self {
            stage,
            service,
            request,
            plan,
            shared,
        }
    }
}

impl<S: Service<R>, R> Debug for ResponseFuture<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture")
            .field("plan", &self.plan)
            .finish_non_exhaustive()
    }
}

impl<S, R> Future for ResponseFuture<S, R>
where
    S: Service<R, Error = Error>,
    R: Faulty,
{
    type Output = Result<S::Response>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let clock = &this.shared.clock;
        loop {
            let next = match this.stage.as_mut().project() {
                StageProjection::Begun if this.plan.panics => fall_over(),
                StageProjection::Begun if this.plan.fails => {
                    return Poll::Ready(Err(Error::new(
                        R::FAILED,
                        "a fault: the call was not made",
                    )));
                }
                StageProjection::Begun => match this.plan.delay {
                    Some(delay) => Stage::Delayed {
                        sleep: clock.sleep_until(clock.now() + delay),
                    },
                    None => behind(this.plan, &**clock),
                },
                StageProjection::Delayed { sleep } => {
                    ready!(sleep.as_mut().poll(context));
                    behind(this.plan, &**clock)
                }
                StageProjection::Behind { sleep, place } => {
                    let waker = context.waker();
                    let overtaken = this.shared.poll_overtaken(this.plan.number, place, waker);
                    if overtaken.is_pending() {
                        ready!(sleep.as_mut().poll(context));
                    }
                    Stage::Due
                }
                StageProjection::Due => Stage::Called {
                    future: this.service.call(this.request.clone()),
                },
                StageProjection::Called { future } => {
                    let answer = ready!(future.poll(context));
                    if !this.plan.duplicates {
                        this.shared.ended(this.plan.number);
                        return Poll::Ready(
                            answer.and_then(|answer| lose::<R, _>(this.plan, answer)),
                        );
                    }
                    this.plan.duplicates = false;
                    Stage::Again
                }
                StageProjection::Again => {
                    ready!(this.service.poll_ready(context))?;
                    Stage::Due
                }
            };
            this.stage.set(next);
        }
    }
}

/// Returns the stage of a call that is made now, or waits to be overtaken.
fn behind<F>(plan: &Plan, clock: &dyn Clock) -> Stage<F> {
    match plan.reorder {
        Some(wait) => Stage::Behind {
            sleep: clock.sleep_until(clock.now() + wait),
            place: None,
        },
        None => Stage::Due,
    }
}

#[expect(clippy::panic, reason = "the fault that was asked for")]
fn fall_over() -> ! {
    panic!("a fault: a panic")
}

/// Loses the answer, if that is planned.
fn lose<R: Faulty, T>(plan: &Plan, answer: T) -> Result<T> {
    if plan.loses_answer {
        return Err(Error::new(R::LOST, "a fault: the answer was lost"));
    }
    Ok(answer)
}
