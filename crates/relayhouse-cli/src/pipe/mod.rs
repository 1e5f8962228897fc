//! `relayhouse pipe`: runs a command for each line of the input, through a queue.

mod consumers;
mod feed;
mod outputs;
mod summary;
mod track;
mod undertaker;

use std::sync::Arc;

use relayhouse::{Registry, ctrl_c};

use self::{consumers::Consumers, feed::Feed, outputs::Outputs, summary::Summary, track::Tracker};
use crate::{
    Stdout,
    args::Pipe,
    console::Console,
    exec::{self, Groups},
    exit::{Code, Failure},
    input::Input,
    open,
    progress::Progress,
};

/// Why the work is over.
enum Stop {
    /// The input has ended, and every message as well.
    Done(Result<(), Failure>),
    /// Somebody wants it.
    Interrupted,
    /// A result or a dead letter cannot be written.
    Output,
    /// A consumer cannot go on.
    Consumer,
}

pub(crate) async fn run(
    pipe: Pipe,
    registry: &Registry,
    console: Console,
    stdout: Stdout,
) -> Result<Code, Failure> {
    let tracker = Arc::new(Tracker::new());
    let queue = open::observed(registry, &pipe.url, Arc::clone(&tracker) as _).await?;
    let input = Input::open(&pipe.from)?;
    let (outputs, writing) = Outputs::open(&pipe, stdout)?;
    let groups = Groups::default();
    let consumers = Consumers::start(&pipe, console, &queue, &outputs, &groups).await?;

    let interrupted = ctrl_c();
    let mut feed = Feed::new(&pipe, console, &queue, &tracker);
    let work = async {
        let fed = feed.all(input).await;
        tracker.idle().await;
        fed
    };
    let stop = tokio::select! {
        biased;
        () = interrupted => Stop::Interrupted,
        () = outputs.failed() => Stop::Output,
        () = consumers.failed() => Stop::Consumer,
        fed = work => Stop::Done(fed),
    };
    let (bad, sent) = (feed.bad, feed.sent);
    let drained = finish(&stop, consumers, &tracker, &groups, console).await;
    drop(outputs);
    let written = if drained.is_some() {
        outputs::join(writing)
    } else {
        Ok(())
    };

    let counts = tracker.counts();
    let summary = Summary { sent, bad, counts };
    summary.say(console, matches!(stop, Stop::Interrupted));
    written?;
    drained.unwrap_or(Ok(()))?;
    queue.close().await?;
    match stop {
        Stop::Interrupted => Ok(Code::Interrupted),
        Stop::Done(fed) => fed.map(|()| summary.code()),
        Stop::Output | Stop::Consumer => Ok(Code::Io),
    }
}

/// Stops the consumers; `None` if there was no time to let them end.
async fn finish(
    stop: &Stop,
    consumers: Consumers,
    tracker: &Tracker,
    groups: &Groups,
    console: Console,
) -> Option<Result<(), Failure>> {
    match stop {
        Stop::Done(_) | Stop::Consumer => Some(consumers.drain(tracker).await),
        Stop::Output => {
            drop(consumers);
            groups.kill();
            Some(Ok(()))
        }
        Stop::Interrupted => {
            let progress = Progress::none(console);
            exec::drain(consumers.drain(tracker), groups, &progress).await
        }
    }
}
