//! `relayhouse dlq redrive`: sends dead letters back, a few of them first if that is wished.

use std::sync::Arc;

use relayhouse::{Queue, Registry, ctrl_c};
use serde::Serialize;

use super::{
    canary::{Canaries, Fate},
    letters::Letters,
    sources::Sources,
};
use crate::{
    Stdout,
    args::{DlqRedrive, Which},
    audit::Audit,
    carry::{Broken, Carrier, Counts, Keeps},
    console::Console,
    exit::{Code, Failure},
    leased::{Leased, Looking},
    print,
    until::or_interrupted,
};

/// Says how a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// There is no further one, or as many as asked for are sent.
    Done,
    /// So many have to stay that no more can be held: there may be more that are meant.
    Held,
    /// Somebody wants it.
    Interrupted,
    /// It cannot go on.
    Broken(Broken),
    /// What became of the first ones is not good.
    Unlucky,
}

/// Is what is printed.
#[derive(Debug, Serialize)]
struct Told {
    #[serde(flatten)]
    counts: Counts,
    #[serde(skip_serializing_if = "Option::is_none")]
    canaries: Option<Fate>,
}

/// Is what is printed where nothing is sent.
#[derive(Debug, Serialize)]
struct Dry {
    would_send: u64,
}

pub(super) async fn run(
    args: DlqRedrive,
    registry: &Registry,
    console: Console,
    stdout: Stdout,
) -> Result<Code, Failure> {
    let queue = super::open(registry, &args.url).await?;
    if args.dry_run {
        return dry(&args, &queue, console, stdout).await;
    }
    let clock = Arc::clone(&queue.context().clock);
    let (audit, auditing) = Audit::open(args.audited.clone(), "dlq redrive", &args.url, &clock)?;
    let sources = Sources::open(registry, &queue, &args.url, args.to.as_deref()).await?;
    let mut redriving = Redriving {
        carrier: Carrier::new(audit, args.rate, &clock, console),
        queue: &queue,
        which: &args.which,
        sources,
        console,
    };
    let ended = redriving.all(&args).await;
    let (counts, has_failed) = (
        redriving.carrier.tally().counts(),
        redriving.carrier.tally().has_failed(),
    );
    drop(redriving);
    // What was done is told, whatever ended it.
    let written = auditing.join();
    let canaries = ended.as_ref().ok().and_then(|(_, fate)| *fate);
    let told = Told { counts, canaries };
    print::once(stdout, &print::object(args.output, &told)?).await?;
    written?;
    let (end, _) = ended?;
    queue.close().await?;
    Ok(match end {
        End::Broken(Broken::Audit) => Code::Io,
        End::Broken(Broken::Queue) | End::Held => Code::Unavailable,
        End::Interrupted => Code::Interrupted,
        End::Unlucky => Code::Failed,
        End::Done if has_failed => Code::Unavailable,
        End::Done => Code::Done,
    })
}

/// Counts what would be sent.
async fn dry(
    args: &DlqRedrive,
    queue: &Queue,
    console: Console,
    stdout: Stdout,
) -> Result<Code, Failure> {
    let max = args.max.map_or(u64::MAX, u64::from);
    let mut letters = Letters::open(queue, args.which.scan, console).await?;
    let mut count = 0;
    let counted = or_interrupted(async {
        while count < max {
            let page = letters.page().await?;
            if page.is_empty() {
                break;
            }
            count += page.iter().filter(|it| args.which.has(it)).count() as u64;
        }
        Ok::<_, Failure>(())
    });
    let counted = counted.await.transpose();
    letters.close(console).await?;
    queue.close().await?;
    if counted?.is_none() {
        return Ok(Code::Interrupted);
    }
    let would_send = count.min(max);
    print::once(stdout, &print::object(args.output, &Dry { would_send })?).await?;
    Ok(Code::Done)
}

struct Redriving<'a> {
    carrier: Carrier,
    queue: &'a Queue,
    which: &'a Which,
    sources: Sources,
    console: Console,
}

impl Redriving<'_> {
    /// Sends the first ones and looks what becomes of them, then the others.
    async fn all(&mut self, args: &DlqRedrive) -> Result<(End, Option<Fate>), Failure> {
        let max = args.max.unwrap_or(u32::MAX);
        let Some(first) = args.canary else {
            return Ok((self.turn(max).await?, None));
        };
        let first = first.min(max);
        self.carrier.keep_sent(Keeps::Ids);
        let end = self.turn(first).await?;
        let canaries = Canaries::new(self.carrier.sent());
        self.carrier.keep_sent(Keeps::Nothing);
        if end != End::Done || self.carrier.tally().has_failed() {
            return Ok((end, None));
        }
        let queues: Vec<Queue> = self.sources.back().cloned().collect();
        let fate = canaries.watch(self.queue, &queues, args.canary_wait, self.console);
        let Some(fate) = or_interrupted(fate).await.transpose()? else {
            return Ok((End::Interrupted, None));
        };
        fate.say(self.console);
        if !fate.is_good() {
            return Ok((End::Unlucky, Some(fate)));
        }
        match max - first {
            0 => Ok((End::Done, Some(fate))),
            left => Ok((self.turn(left).await?, Some(fate))),
        }
    }

    /// Sends `max` at most.
    async fn turn(&mut self, max: u32) -> Result<End, Failure> {
        let mut leased = Leased::open(self.queue, Looking::at(self.which.scan)).await?;
        let end = self.send(&mut leased, max).await;
        self.carrier.all_landed().await;
        for delivery in self.carrier.stayed() {
            leased.hold(delivery);
        }
        leased.say(self.console);
        let closed = leased.close().await;
        let end = end?;
        closed?;
        Ok(self.carrier.broken().map_or(end, End::Broken))
    }

    async fn send(&mut self, leased: &mut Leased, max: u32) -> Result<End, Failure> {
        let interrupted = ctrl_c();
        tokio::pin!(interrupted);
        let mut left = self
            .which
            .named()
            .map_or(max, |ids| u32::try_from(ids).unwrap_or(u32::MAX).min(max));
        while 0 < left && self.carrier.broken().is_none() {
            let next = tokio::select! {
                biased;
                () = &mut interrupted => return Ok(End::Interrupted),
                next = self.carrier.during(leased.next(left)) => next?,
            };
            let Some(delivery) = next else {
                if leased.is_full() {
                    return Ok(End::Held);
                }
                if self.carrier.is_idle() {
                    return Ok(End::Done);
                }
                // What is under way may hold back what is behind it in its key.
                self.carrier.all_landed().await;
                continue;
            };
            if !self.which.has(&delivery) {
                leased.hold(delivery);
                continue;
            }
            left -= 1;
            match self.sources.parcel(&leased.hand(), delivery).await {
                Ok(parcel) => self.carrier.carry(parcel).await,
                Err((delivery, error)) => self.carrier.refuse(delivery, &error),
            }
            for delivery in self.carrier.stayed() {
                leased.hold(delivery);
            }
        }
        Ok(End::Done)
    }
}
