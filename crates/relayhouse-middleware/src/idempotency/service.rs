//! The service that skips what was handled before.

use std::{
    sync::Arc,
    task::{Context, Poll},
};

use relayhouse_core::{Delivery, Error, Result, Settlement};
use tower_service::Service;

use super::{
    ResponseFuture,
    shared::{Decision, Shared},
};
use crate::prepare::{Answered, take};

/// Skips messages that were handled before.
///
/// A call goes on with the instance that was ready, and leaves a clone of it behind.
#[derive(Clone, Debug)]
pub struct Idempotency<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> Idempotency<S> {
    pub(super) const fn new(inner: S, shared: Arc<Shared>) -> Self {
        Self { inner, shared }
    }
}

impl<S> Service<Delivery> for Idempotency<S>
where
    S: Service<Delivery, Response = Settlement, Error = Error> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Settlement;
    type Error = Error;
    type Future = ResponseFuture<Settlement>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, delivery: Delivery) -> Self::Future {
        let mut service = take(&mut self.inner);
        let shared = Arc::clone(&self.shared);
        ResponseFuture::new(async move {
            let decision = shared.claim(std::slice::from_ref(&delivery)).await.pop();
            let mine = match decision {
                Some(Decision::Answer(answer)) => return answer,
                Some(Decision::Handle(mine)) => mine,
                None => None,
            };
            let mut answer = service.call(delivery).await;
            if let Some(mine) = mine {
                shared.conclude(vec![(mine, Some(&mut answer))]).await;
            }
            answer
        })
    }
}

impl<S> Service<Vec<Delivery>> for Idempotency<S>
where
    S: Service<Vec<Delivery>, Response = Vec<Result<Settlement>>, Error = Error>,
    S: Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Vec<Result<Settlement>>;
    type Error = Error;
    type Future = ResponseFuture<Vec<Result<Settlement>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, batch: Vec<Delivery>) -> Self::Future {
        let mut service = take(&mut self.inner);
        let shared = Arc::clone(&self.shared);
        ResponseFuture::new(async move {
            let decisions = shared.claim(&batch).await;
            let decided = batch.into_iter().zip(decisions).collect();
            let mut claims = Vec::new();
            let (handled, answered) =
                Answered::sort(decided, |(delivery, decision)| match decision {
                    Decision::Answer(answer) => Err(answer),
                    Decision::Handle(mine) => {
                        claims.push(mine);
                        Ok(delivery)
                    }
                });
            if handled.is_empty() {
                return Ok(answered.merge(Vec::new()));
            }
            let mut answers = service.call(handled).await;
            let mut given = answers.iter_mut().flatten();
            let ends = claims.into_iter().map(|mine| (mine, given.next()));
            let ends = ends.filter_map(|(mine, answer)| Some((mine?, answer)));
            shared.conclude(ends.collect()).await;
            Ok(answered.merge(answers?))
        })
    }
}
