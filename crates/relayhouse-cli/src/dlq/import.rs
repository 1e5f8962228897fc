//! `relayhouse dlq import`: sends the messages of an export.

use std::sync::Arc;

use relayhouse::{Registry, ctrl_c};
use tokio::sync::mpsc::Receiver;

use crate::{
    Stdout,
    args::DlqImport,
    audit::{Audit, Change},
    carry::{Broken, Carrier, Origin, Parcel, Target, renewed},
    console::Console,
    envelope::{self, Exported},
    exit::{Code, Failure},
    input::{Cut, Input, Line},
    open, print,
};

type Lines = Receiver<Result<Line<Exported>, Failure>>;

/// Says how the input ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Done,
    /// All were read, but so many lines were not taken.
    NotTaken(u64),
    Interrupted,
}

pub(super) async fn run(
    args: DlqImport,
    registry: &Registry,
    console: Console,
    stdout: Stdout,
) -> Result<Code, Failure> {
    let queue = registry.open(&args.url).await?;
    let live = queue.sibling(queue.source().live())?;
    let input = Input::open(&args.file)?;
    let mut target = Target::of(&live).await?;
    open::parts(&args.url).0.clone_into(&mut target.name);
    let clock = Arc::clone(&queue.context().clock);
    let (audit, auditing) = Audit::open(args.audited, "dlq import", &args.url, &clock)?;
    let mut carrier = Carrier::new(audit, args.rate, &clock, console);
    let cut = Cut {
        line_max: args.line_max,
        skip: 0,
        is_whole: false,
    };
    let lines = input.lines(cut, |_, line| envelope::read_exported(line));
    let ended = send(lines, &target, &mut carrier, console).await;
    carrier.all_landed().await;
    let (tally, broken) = (carrier.tally().clone(), carrier.broken());
    drop(carrier);
    // What was done is told, whatever ended it.
    let written = auditing.join();
    print::once(stdout, &print::object(args.output, &tally.counts())?).await?;
    written?;
    let end = ended?;
    live.close().await?;
    Ok(match (broken, end) {
        (Some(Broken::Audit), _) => Code::Io,
        (Some(Broken::Queue), _) => Code::Unavailable,
        (None, End::Interrupted) => Code::Interrupted,
        (None, _) if tally.has_failed() => Code::Unavailable,
        (None, End::NotTaken(_)) => Code::Data,
        (None, End::Done) => Code::Done,
    })
}

async fn send(
    mut lines: Lines,
    target: &Target,
    carrier: &mut Carrier,
    console: Console,
) -> Result<End, Failure> {
    let interrupted = ctrl_c();
    tokio::pin!(interrupted);
    let mut not_taken = 0;
    while carrier.broken().is_none() {
        let line = tokio::select! {
            biased;
            () = &mut interrupted => return Ok(End::Interrupted),
            line = carrier.during(lines.recv()) => line,
        };
        let Some(line) = line else { break };
        let Line { number, item, .. } = line?;
        match item {
            Ok(exported) => carrier.carry(parcel(exported, target)).await,
            Err(reason) => {
                not_taken += 1;
                console.error(&format!("line {number}: {reason}"));
            }
        }
    }
    Ok(match not_taken {
        0 => End::Done,
        lines => End::NotTaken(lines),
    })
}

fn parcel(exported: Exported, target: &Target) -> Parcel {
    let Exported {
        message,
        id,
        sequence,
    } = exported;
    let message = match &id {
        Some(id) => {
            let origin = Origin {
                place: "import",
                number: sequence.unwrap_or_default(),
            };
            renewed(message, id, origin, target.dedups)
        }
        None => message,
    };
    Parcel {
        change: Change::of_id(id.map(|id| id.to_string()), target.name.clone()),
        send: Some((target.producer.clone(), message)),
        from: None,
    }
}
