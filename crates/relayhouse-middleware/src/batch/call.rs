//! One call of the service inside, and how its answers are handed out.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use pin_project_lite::pin_project;
use relayhouse_core::{Error, ErrorKind, Result};

use super::shared::Answer;

pin_project! {
    /// A call in flight, with who waits for its answers.
    pub(super) struct Call<F, T> {
        #[pin]
        future: F,
        answers: Vec<Answer<T>>,
    }
}

impl<F, T> Call<F, T> {
    pub(super) const fn new(future: F, answers: Vec<Answer<T>>) -> Self {
        Self { future, answers }
    }
}

impl<F: Future<Output = Result<Vec<Result<T>>>>, T> Future for Call<F, T> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        this.future
            .poll(context)
            .map(|result| hand_out(std::mem::take(this.answers), result))
    }
}

/// Gives each request its answer, in order.
pub(super) fn hand_out<T>(answers: Vec<Answer<T>>, result: Result<Vec<Result<T>>>) {
    match result {
        Ok(results) => {
            let mut results = results.into_iter();
            for answer in answers {
                answer.send(results.next().unwrap_or_else(|| Err(missing())));
            }
        }
        Err(error) => {
            for answer in answers {
                answer.send(Err(error.clone()));
            }
        }
    }
}

fn missing() -> Error {
    let text = "the service gave no answer for this request";
    Error::new(ErrorKind::OutcomeUnknown, text)
}
