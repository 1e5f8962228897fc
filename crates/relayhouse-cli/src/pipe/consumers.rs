//! The two consumers: of the messages, and of what is dead-lettered.

use std::{sync::Arc, time::Duration};

use relayhouse::{
    Delivery, Queue,
    runtime::{FailurePolicy, Running},
};

use super::{feed::LINE_HEADER, outputs::Outputs, track::Tracker, undertaker::Undertaker};
use crate::{
    args::Pipe,
    console::Console,
    exec::{Groups, Handler, LEASE_TOTAL_MAX, Results, Shell, Shown},
    exit::Failure,
    progress::Progress,
};

/// How long a consumer with nothing to do may take to stop.
const STOP_MAX: Duration = Duration::from_secs(5);

/// How long one receive waits for messages; when all is done, its end is waited for.
const RECEIVE_WAIT: Duration = Duration::from_secs(1);

/// Runs the commands, and takes the dead letters.
#[derive(Debug)]
pub(crate) struct Consumers {
    messages: Running,
    dead_letters: Running,
    drain: Duration,
}

impl Consumers {
    pub(crate) async fn start(
        pipe: &Pipe,
        console: Console,
        queue: &Queue,
        outputs: &Outputs,
        groups: &Groups,
    ) -> Result<Self, Failure> {
        let handler = Handler {
            shell: pipe.exec.as_deref().map(|command| Shell {
                command: command.into(),
                shown: Shown::Line(LINE_HEADER),
                timeout: pipe.timeout,
                clock: Arc::clone(&queue.context().clock),
                groups: groups.clone(),
            }),
            results: Results::Passed(outputs.results.clone()),
            attempts_max: pipe.attempts,
            release_delay: pipe.release_delay,
            progress: Progress::none(console),
        };
        let policy = FailurePolicy {
            attempts_max: Some(pipe.attempts),
            delay_first: pipe.retry_delay,
            ..FailurePolicy::default()
        };
        let messages = queue
            .consumer()
            .concurrency(pipe.concurrency)
            .receive_wait(RECEIVE_WAIT)
            .lease_total_max(LEASE_TOTAL_MAX)
            .drain_deadline(pipe.drain)
            .failure(policy)
            .handler(move |delivery: Delivery| handler.clone().handle(delivery))
            .start()
            .await?;
        let undertaker = Undertaker::new(outputs.letters.clone(), console);
        let dead_letters = queue
            .dead_letters()?
            .consumer()
            .concurrency(1)
            .receive_wait(RECEIVE_WAIT)
            .handler(move |delivery: Delivery| undertaker.clone().handle(delivery))
            .start()
            .await?;
        let drain = pipe.drain;
        Ok(Self {
            messages,
            dead_letters,
            drain,
        })
    }

    /// Ends when one of them cannot go on.
    pub(crate) async fn failed(&self) {
        tokio::select! {
            () = self.messages.failed() => {}
            () = self.dead_letters.failed() => {}
        }
    }

    /// Lets running commands end, takes the dead letters that they left, and stops.
    pub(crate) async fn drain(self, tracker: &Tracker) -> Result<(), Failure> {
        let messages = self.messages.shutdown(self.drain).await;
        let buried = async {
            tokio::select! {
                () = tracker.buried() => {}
                () = self.dead_letters.failed() => {}
            }
        };
        buried.await;
        let dead_letters = self.dead_letters.shutdown(STOP_MAX).await;
        messages.and(dead_letters)?;
        Ok(())
    }
}
