//! `relayhouse schedule`: puts the input on a queue, to be delivered later.

use std::time::Duration;

use relayhouse::{NotBefore, Queue, Registry};

use crate::{
    Stdout,
    args::Schedule,
    console::Console,
    exit::{Code, Failure},
    output::Output,
    print,
    send::{self, How, Receipts, check_target},
};

pub(crate) async fn run(
    args: Schedule,
    registry: &Registry,
    console: Console,
    stdout: Stdout,
) -> Result<Code, Failure> {
    let until = args.not_before();
    let queue = registry.open(&args.url).await?;
    check_target(&queue)?;
    check_time(&queue, until)?;
    if !queue
        .provider()
        .capabilities()
        .schedule_cancel
        .is_supported()
    {
        console.note("the provider cannot cancel what is held back, and gives no number for it");
    }
    let (output, writing) = Output::to(stdout);
    let receipts = Receipts::new(print::suited(args.output), output);
    let how = How {
        until: Some(until),
        rate: None,
        receipts: Some(receipts),
    };
    let sent = send::all(&args.messages, &queue, how, console).await?;
    if !sent.is_aborted() {
        writing.join()?;
    }
    sent.code(&queue).await
}

/// Refuses a time that the provider cannot wait for, before anything is sent.
fn check_time(queue: &Queue, until: NotBefore) -> Result<(), Failure> {
    let now = queue.context().clock.wall();
    let source = queue.source();
    let refused = |text: String| Err(Failure::new(Code::Usage, text));
    if let NotBefore::At(at) = until
        && at < now
    {
        return refused(format!("{at} is past"));
    }
    let can = queue.provider().capabilities();
    if !can.schedule.is_supported() {
        return refused(format!(
            "the provider cannot hold messages of {source} back"
        ));
    }
    let delay = until.delay(now);
    match can.schedule_max {
        Some(max) if max < delay => {
            let (max, delay) = (shown(max), shown(delay));
            let more = match queue.provider().scheme() {
                "sqs" => "; with the option long_delays=hop of the URL the adapter waits longer",
                _ => "",
            };
            refused(format!(
                "{delay} is too late: the provider holds messages back for {max} at most{more}"
            ))
        }
        _ => Ok(()),
    }
}

/// Shows whole seconds.
fn shown(time: Duration) -> humantime::FormattedDuration {
    humantime::format_duration(Duration::from_secs(time.as_secs()))
}
