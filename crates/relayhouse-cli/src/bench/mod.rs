//! `relayhouse bench`: measures how fast a queue takes and hands out messages.

mod book;
mod consumers;
mod course;
mod meter;
mod report;
mod senders;

use std::sync::Arc;

use relayhouse::{Error, ErrorKind, Queue, Registry, ctrl_c, port};

use self::{
    book::Book,
    consumers::Consumers,
    course::{Course, End, Wish},
    meter::Meter,
    report::Report,
    senders::Senders,
};
use crate::{
    Stdout,
    args::Bench,
    console::Console,
    exit::{Code, Failure, with_advice},
    open, print,
    progress::Progress,
    send::{check_target, is_of_the_message},
};

pub(crate) async fn run(
    args: Bench,
    registry: &Registry,
    console: Console,
    stdout: Stdout,
) -> Result<Code, Failure> {
    let queue = registry.open(&args.url).await?;
    check_target(&queue)?;
    if !args.shared {
        check_empty(&queue).await?;
    }
    let meter = Arc::new(Meter::default());
    let queue = open::with_observer(&queue, Arc::clone(&meter) as _)?;
    let run = format!("{:016x}", queue.context().random.next_u64());
    let book = Arc::new(Book::new(run, args.count, args.producers));
    let mut wish: Wish = Box::pin(ctrl_c());
    let consumers = Consumers::start(&args, &queue, &book).await?;
    let senders = Senders::new(&args, &queue, &book)?;
    let opened = opened(&args, &queue, &senders, (&book, &meter), &mut wish).await;
    let ran = match opened {
        Ok(true) => {
            meter.reset();
            let course = Course {
                args: &args,
                queue: &queue,
                book: &book,
                consumers: &consumers,
                progress: Progress::new(console),
                senders,
                wish,
            };
            Ok(Some(course.run().await))
        }
        Ok(false) => Ok(None),
        Err(failure) => Err(failure),
    };
    let (end, cost) = match ran {
        Ok(Some(ran)) => ran,
        ended => {
            consumers.close().await?;
            queue.close().await?;
            return ended.map(|_| Code::Interrupted);
        }
    };
    let closed = match end {
        End::Aborted => Ok(()),
        _ => consumers.close().await,
    };
    let report = Report::new(&args, &queue, &book, &meter.calls(), (&end, cost));
    say(console, &end, &report);
    print::once(stdout, &report.text(args.output)?).await?;
    closed?;
    if !matches!(end, End::Aborted) {
        queue.close().await?;
    }
    Ok(code(&end, &report, args.shared))
}

/// Refuses a queue that has messages: they would be received, and their attempts counted.
async fn check_empty(queue: &Queue) -> Result<(), Failure> {
    let source = queue.source();
    let stats = match queue.admin() {
        Ok(admin) => admin.stats(source).await,
        Err(error) => Err(error),
    };
    let text = match stats {
        // Whether it is created by its first use is found by who opens it.
        Err(error) if error.kind() == ErrorKind::QueueNotFound => return Ok(()),
        Ok(stats) if stats.live() == 0 => return Ok(()),
        Ok(stats) => format!(
            "{source} has {} messages; name a queue that is empty, or say --shared",
            stats.live()
        ),
        Err(error) if is_unknowable(&error) => format!(
            "whether {source} is empty cannot be read: {error}; say --shared if its messages may \
             be received and given back"
        ),
        Err(error) => return Err(error.into()),
    };
    Err(Failure::new(Code::Usage, text))
}

fn is_unknowable(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Unsupported | ErrorKind::Unauthorized
    )
}

/// Opens all connections with a message each, and waits until these came back; false if somebody
/// interrupts.
async fn opened(
    args: &Bench,
    queue: &Queue,
    senders: &Senders,
    (book, meter): (&Book, &Meter),
    wish: &mut Wish,
) -> Result<bool, Failure> {
    let clock = &queue.context().clock;
    let came = async {
        book.until(|counts| counts.missing == 0 || 0 < counts.foreign)
            .await;
        let came = u64::from(args.producers) - book.counts().missing;
        meter.until_acked(came).await;
    };
    tokio::select! {
        biased;
        () = &mut *wish => return Ok(false),
        sent = senders.open() => sent.map_err(|error| refused(&error, args))?,
    }
    tokio::select! {
        biased;
        () = &mut *wish => Ok(false),
        () = came => Ok(true),
        () = clock.sleep_until(clock.now() + args.patience) => {
            let patience = humantime::format_duration(args.patience);
            let text = format!("what is sent to {} does not come within {patience}", queue.source());
            Err(Failure::new(Code::Failed, text))
        }
    }
}

/// Says what is wrong with all messages of the run.
fn refused(error: &Error, args: &Bench) -> Failure {
    if !is_of_the_message(error) {
        return error.clone().into();
    }
    let mut text = with_advice(error);
    if args.keys.is_none() {
        text.push_str("; if it needs an ordering key, say --keys");
    }
    Failure::new(Code::Usage, text)
}

/// Reads what the calls were so far, where the provider charges for them, beside what reading that
/// takes.
async fn cost(queue: &Queue) -> Option<port::Cost> {
    let stats = queue.admin().ok()?.stats(queue.source()).await;
    stats.ok()?.cost
}

fn say(console: Console, end: &End, report: &Report) {
    match end {
        End::Done | End::Missing => {}
        End::Foreign => console.error(
            "the queue has messages of others, which are given back; name a queue of its own, or \
             say --shared",
        ),
        End::Interrupted | End::Aborted => {
            console.note("interrupted: what follows is how far it came");
        }
        End::Failed(Some(error)) => console.error(&with_advice(error)),
        End::Failed(None) => console.error("a consumer cannot go on"),
    }
    if 0 < report.left() {
        console.error(&format!(
            "{} messages of this run may be on the queue still; its header relayhouse-bench begins \
             with {}",
            report.left(),
            report.run()
        ));
    }
}

fn code(end: &End, report: &Report, is_shared: bool) -> Code {
    match end {
        End::Failed(_) => Code::Unavailable,
        _ if report.has_unsent() => Code::Unavailable,
        End::Interrupted | End::Aborted => Code::Interrupted,
        End::Foreign if !is_shared => Code::Failed,
        _ if report.is_wrong() => Code::Failed,
        _ => Code::Done,
    }
}
