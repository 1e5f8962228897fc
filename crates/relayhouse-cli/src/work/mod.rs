//! `relayhouse work`: runs a command for each message of a queue.

mod consumer;
mod emptiness;
mod http;
mod letters;
mod summary;
mod view;

use std::{convert::Infallible, future::pending, pin::pin, sync::Arc};

use futures_util::FutureExt;
use relayhouse::{
    Error, Observer, Queue, Registry, ctrl_c,
    runtime::{Report, Running},
    telemetry::Tee,
};

use self::{http::Door, letters::Letters, summary::Summary};
use crate::{
    Stdout,
    args::{Format, Work},
    console::Console,
    exec::{self, Groups, Results},
    exit::{Code, Failure},
    open,
    output::{Output, Writing},
    print,
    progress::Progress,
};

/// Why the work is over.
#[derive(Debug)]
enum Stop {
    /// The queue is empty, or nobody can say whether it is.
    Empty(Result<(), Error>),
    /// Somebody wants it.
    Interrupted,
    /// A result cannot be written.
    Output,
    /// The consumer cannot go on.
    Consumer,
    /// The operations endpoint cannot be served.
    Http(Error),
}

/// Is what is left to do.
#[derive(Clone, Copy, Debug)]
struct Backlog {
    messages: u64,
    is_approximate: bool,
}

pub(crate) async fn run(
    args: Work,
    registry: &Registry,
    console: Console,
    stdout: Stdout,
) -> Result<Code, Failure> {
    let progress = Progress::new(console);
    let door = Door::open(&args, console).await?;
    let queue = registry.open(&args.url).await?;
    let http = door.map(|door| door.watch(&queue));
    let mut observers = vec![Arc::new(Letters::new(&progress)) as Arc<dyn Observer>];
    observers.extend(http.iter().flat_map(|http| http.observers(&queue)));
    let queue = open::with_observer(&queue, Arc::new(Tee::new(observers)))?;
    let (output, writing) = Output::to(stdout);
    let groups = Groups::default();
    // It listens before the first command starts.
    let interrupted = ctrl_c();
    let results = results(args.output, &output);
    let running = consumer::start(&args, &queue, results, &groups, &progress).await?;
    let serving = http.map(|http| http.endpoint(&queue, running.remote()));
    let mut served = pin!(http::serve(serving.transpose()?).fuse());
    progress.detail("waits for messages");
    let stop = tokio::select! {
        biased;
        () = interrupted => Stop::Interrupted,
        () = output.failed() => Stop::Output,
        () = running.failed() => Stop::Consumer,
        error = &mut served => Stop::Http(error),
        empty = emptiness::wait(&queue, &running), if args.until_empty => Stop::Empty(empty),
        () = view::follow(&progress, &queue, &running) => Stop::Consumer,
    };

    let so_far = running.report();
    // Who watches sees the end, too; that the endpoint fails now is no news.
    let watched = async {
        served.await;
        pending::<Infallible>().await
    };
    let drained = tokio::select! {
        drained = finish(&stop, running, &args, &groups, &progress) => drained,
        never = watched => match never {},
    };
    progress.end();
    let report = drained.as_ref().and_then(|drained| drained.as_ref().ok());
    let summary = Summary::of(report.unwrap_or(&so_far));
    summary.say(console, matches!(stop, Stop::Interrupted), &args.url);
    let Some(drained) = drained else {
        return Ok(Code::Interrupted);
    };
    print(&args, &summary, output, writing).await?;
    drained?;
    queue.close().await?;
    code(stop, &summary)
}

/// Says what becomes of what commands print.
fn results(format: Option<Format>, output: &Output) -> Results {
    match format {
        None => Results::Passed(output.clone()),
        Some(Format::Ndjson) => Results::Recorded(output.clone()),
        Some(Format::Table | Format::Json) => Results::Dropped,
    }
}

/// Prints the counts, if they are asked for, and waits until all is written.
async fn print(
    args: &Work,
    summary: &Summary,
    output: Output,
    writing: Writing,
) -> Result<(), Failure> {
    if let Some(format @ (Format::Table | Format::Json)) = args.output {
        // Why it failed is known to who writes.
        let _ = output.write(print::object(format, summary)?.into()).await;
    }
    drop(output);
    writing.join()
}

fn code(stop: Stop, summary: &Summary) -> Result<Code, Failure> {
    match stop {
        Stop::Empty(empty) => {
            empty?;
            Ok(summary.code())
        }
        Stop::Interrupted => Ok(Code::Interrupted),
        Stop::Output => Ok(Code::Io),
        Stop::Consumer => Ok(Code::Unavailable),
        Stop::Http(error) => Err(error.into()),
    }
}

/// Stops the consumer; `None` if there was no time to let it end.
async fn finish(
    stop: &Stop,
    running: Running,
    args: &Work,
    groups: &Groups,
    progress: &Progress,
) -> Option<Result<Report, Error>> {
    match stop {
        Stop::Empty(_) | Stop::Consumer | Stop::Http(_) => Some(running.shutdown(args.drain).await),
        Stop::Output => {
            groups.kill();
            Some(running.shutdown(args.drain).await)
        }
        Stop::Interrupted => exec::drain(running.shutdown(args.drain), groups, progress).await,
    }
}

/// Counts the messages that are neither dead nor gone.
async fn backlog(queue: &Queue) -> Result<Backlog, Error> {
    let stats = queue.admin()?.stats(queue.source()).await?;
    Ok(Backlog {
        messages: stats.live(),
        is_approximate: stats.is_approximate,
    })
}
