//! `relayhouse dlq purge`: removes dead letters for good.

use std::sync::Arc;

use relayhouse::{Error, Queue, Registry, ctrl_c};

use crate::{
    Stdout,
    args::{DlqPurge, Which},
    audit::{Audit, Change},
    carry::{Broken, Carrier, Parcel},
    confirm,
    console::Console,
    exit::{Code, Failure},
    leased::{Leased, Looking},
    print,
    remove::{Removed, at_once},
};

pub(super) async fn run(
    args: DlqPurge,
    registry: &Registry,
    console: Console,
    stdout: Stdout,
) -> Result<Code, Failure> {
    let queue = super::open(registry, &args.url).await?;
    let all = if args.which.is_all() {
        "all"
    } else {
        "the chosen"
    };
    let what = format!("remove {all} messages of {} for good", queue.source());
    confirm::ask(&what, args.yes).await?;
    let clock = Arc::clone(&queue.context().clock);
    let (audit, auditing) = Audit::open(args.audited, "dlq purge", &args.url, &clock)?;
    let can_purge = queue.provider().capabilities().purge.is_supported();
    let purged = match args.which.is_all() && can_purge {
        true => at_once(&queue, &audit)
            .await
            .map(|count| (count, Code::Done)),
        false => {
            let carrier = Carrier::new(audit.clone(), None, &clock, console);
            one_by_one(&queue, &args.which, carrier, console).await
        }
    };
    drop(audit);
    auditing.join()?;
    let (removed, code) = purged?;
    print::once(stdout, &print::object(args.output, &Removed { removed })?).await?;
    queue.close().await?;
    Ok(code)
}

/// Takes them, and acks those that are meant.
async fn one_by_one(
    queue: &Queue,
    which: &Which,
    mut carrier: Carrier,
    console: Console,
) -> Result<(u64, Code), Failure> {
    let mut leased = Leased::open(queue, Looking::at(which.scan)).await?;
    let ended = remove(which, &mut leased, &mut carrier).await;
    carrier.all_landed().await;
    for delivery in carrier.stayed() {
        leased.hold(delivery);
    }
    leased.say(console);
    let closed = leased.close().await;
    let code = match (ended?, carrier.broken()) {
        (_, Some(Broken::Audit)) => Code::Io,
        (_, Some(Broken::Queue)) => Code::Unavailable,
        (code, None) if carrier.tally().has_failed() && code == Code::Done => Code::Unavailable,
        (code, None) => code,
    };
    closed?;
    Ok((carrier.tally().counts().done, code))
}

async fn remove(which: &Which, leased: &mut Leased, carrier: &mut Carrier) -> Result<Code, Error> {
    let interrupted = ctrl_c();
    tokio::pin!(interrupted);
    while carrier.broken().is_none() {
        let next = tokio::select! {
            biased;
            () = &mut interrupted => return Ok(Code::Interrupted),
            next = carrier.during(leased.next(u32::MAX)) => next?,
        };
        let Some(delivery) = next else {
            if leased.is_full() {
                // There may be more that are meant.
                return Ok(Code::Unavailable);
            }
            if carrier.is_idle() {
                break;
            }
            carrier.all_landed().await;
            continue;
        };
        if !which.has(&delivery) {
            leased.hold(delivery);
            continue;
        }
        let parcel = Parcel {
            send: None,
            change: Change::of(&delivery, None),
            from: Some((leased.hand(), delivery)),
        };
        carrier.carry(parcel).await;
    }
    Ok(Code::Done)
}
