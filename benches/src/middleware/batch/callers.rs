//! Tasks that call with one delivery at a time, and what one writes to make batches of that by
//! hand.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use anyhow::{Result, anyhow};
use relayhouse_core::{BoxError, Delivery, Error, ErrorKind, Settlement};
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinSet,
};
use tower::{Service, ServiceExt};

use super::{BATCH, service::Bulk};
use crate::clock::Mark;

pub(super) const CALLERS: usize = 256;

/// More than all callers have in it.
const CHANNEL_MAX: usize = 1024;

type Waiting = (
    Delivery,
    oneshot::Sender<relayhouse_core::Result<Settlement>>,
);

/// Hands single deliveries to a task over a channel.
#[derive(Clone, Debug)]
pub(super) struct Channel(mpsc::Sender<Waiting>);

/// Lets all callers call one time after the other, and returns how long that took.
pub(super) async fn race<S>(
    service: S,
    request: impl Fn() -> Delivery + Send + Sync + 'static,
    messages: usize,
) -> Result<Duration>
where
    S: Service<Delivery, Response = Settlement, Error: Into<BoxError>, Future: Send>,
    S: Clone + Send + 'static,
{
    let request = Arc::new(request);
    let start = Mark::now();
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (mut service, request) = (service.clone(), Arc::clone(&request));
        callers.spawn(async move {
            for _ in 0..messages / CALLERS {
                let service = service.ready().await.map_err(failed)?;
                service.call(request()).await.map_err(failed)?;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = callers.join_next().await {
        ended??;
    }
    Ok(start.elapsed())
}

fn failed(error: impl Into<BoxError>) -> anyhow::Error {
    anyhow!(error.into())
}

impl Channel {
    /// Starts the task, which ends with the last clone.
    pub(super) fn start<S: Bulk>(service: S) -> Self {
        let (sender, receiver) = mpsc::channel(CHANNEL_MAX);
        tokio::spawn(work(receiver, service));
        Self(sender)
    }
}

/// Takes what has gathered, up to a full batch, and calls with that.
async fn work<S: Bulk>(mut receiver: mpsc::Receiver<Waiting>, mut service: S) -> Result<()> {
    let max = usize::try_from(BATCH.get())?;
    let mut waiting = Vec::with_capacity(max);
    while 0 < receiver.recv_many(&mut waiting, max).await {
        let (batch, callers): (Vec<_>, Vec<_>) = waiting.drain(..).unzip();
        let answers = service.call(batch).await?;
        for (caller, answer) in callers.into_iter().zip(answers) {
            // A caller that is gone needs no answer.
            _ = caller.send(answer);
        }
    }
    Ok(())
}

impl Service<Delivery> for Channel {
    type Response = Settlement;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = relayhouse_core::Result<Settlement>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<relayhouse_core::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, delivery: Delivery) -> Self::Future {
        let sender = self.0.clone();
        Box::pin(async move {
            let (to, answer) = oneshot::channel();
            let gone = |_| Error::new(ErrorKind::Closed, "the task is gone");
            sender
                .send((delivery, to))
                .await
                .map_err(|_| Error::new(ErrorKind::Closed, "the task is gone"))?;
            answer.await.map_err(gone)?
        })
    }
}
