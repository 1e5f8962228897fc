//! What a call of a handler answers, as far as it sends before the answer stands.

use std::{future::Future, pin::Pin};

use futures_util::future::join_all;
use relayhouse_core::{Result, Settlement};

use super::{Handled, Outputs};

/// Sends on their way; they end with the answer that is left.
pub(crate) type Leaving<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

/// Says whether an answer stands.
pub(crate) enum Exit<T> {
    /// Nothing is to be done before it is settled.
    Stands(T),
    /// It sends first.
    Sends(Leaving<T>),
}

/// Is what a call of a handler answers, as far as it may send.
pub(crate) trait Answer: Sized + Send + 'static {
    /// The messages that were handled.
    type Handled: Send + Unpin + 'static;

    /// Looks where the answer sends to, and lets it stand if that can be one with the ack.
    fn leave(self, outputs: &Outputs, handled: Self::Handled) -> Exit<Self>;
}

impl Answer for Settlement {
    type Handled = Handled;

    fn leave(self, outputs: &Outputs, handled: Handled) -> Exit<Self> {
        let Self::Forward(outgoing) = self else {
            return Exit::Stands(self);
        };
        if outgoing.messages().is_empty() {
            return Exit::Stands(outgoing.sent());
        }
        if outputs.is_one_with_the_ack(&outgoing) {
            return Exit::Stands(Self::Forward(outgoing));
        }
        let outputs = outputs.clone();
        Exit::Sends(Box::pin(async move {
            outputs.send(&handled, &outgoing).await?;
            Ok(outgoing.sent())
        }))
    }
}

impl Answer for Vec<Result<Settlement>> {
    type Handled = Vec<Handled>;

    fn leave(self, outputs: &Outputs, handled: Vec<Handled>) -> Exit<Self> {
        let is_forward = |answer: &Settlement| matches!(answer, Settlement::Forward(_));
        if !self.iter().flatten().any(is_forward) {
            return Exit::Stands(self);
        }
        let exits = self.into_iter().zip(handled).map(|(answer, handled)| {
            let exit = answer.map(|settlement| settlement.leave(outputs, handled));
            async move {
                match exit? {
                    Exit::Stands(settlement) => Ok(settlement),
                    Exit::Sends(leaving) => leaving.await,
                }
            }
        });
        let exits = join_all(exits);
        Exit::Sends(Box::pin(async move { Ok(exits.await) }))
    }
}
