//! `relayhouse move`: moves messages from one queue to another.

use std::{collections::BTreeMap, sync::Arc};

use relayhouse::{Delivery, Queue, Registry, ctrl_c};
use serde::Serialize;

use crate::{
    Stdout,
    args::Move,
    audit::{Audit, Change},
    carry::{Broken, Carrier, Counts, Parcel, Target, again},
    console::Console,
    exit::{Code, Failure},
    leased::{Leased, Looking},
    open, print,
};

/// Says why nothing more is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Nothing came in time, or as many as asked for are moved.
    Done,
    /// Somebody wants it.
    Interrupted,
    /// So many have to stay that no more can be held.
    Held,
}

/// Is what is printed: each message that was taken is in one of the counts.
#[derive(Debug, Serialize)]
struct Report {
    #[serde(flatten)]
    counts: Counts,
    /// Why messages were refused.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    reasons: BTreeMap<String, u64>,
    /// What the queue counts at the end; none if it does not count.
    left: Option<u64>,
}

pub(crate) async fn run(
    args: Move,
    registry: &Registry,
    console: Console,
    stdout: Stdout,
) -> Result<Code, Failure> {
    if open::parts(&args.from).0 == open::parts(&args.to).0 {
        let text = "a queue cannot be moved to itself";
        return Err(Failure::new(Code::Usage, text));
    }
    let from = registry.open(&args.from).await?;
    let to = registry.open(&args.to).await?;
    let mut target = Target::of(&to).await?;
    open::parts(&args.to).0.clone_into(&mut target.name);
    let looking = Looking {
        scan: None,
        wait: args.wait,
        lease: args.lease,
    };
    let clock = Arc::clone(&from.context().clock);
    let (audit, auditing) = Audit::open(args.audited.clone(), "move", &args.from, &clock)?;
    let leased = Leased::open(&from, looking).await?;
    let mut moving = Moving {
        carrier: Carrier::new(audit, args.rate, &clock, console),
        leased,
        target,
        place: open::parts(&args.from).0.to_owned(),
    };
    let ended = moving.all(&args).await;
    let Moving {
        carrier, leased, ..
    } = moving;
    let (tally, broken) = (carrier.tally().clone(), carrier.broken());
    drop(carrier);
    leased.say(console);
    let closed = leased.close().await;
    // What was done is told, whatever ended it.
    let written = auditing.join();
    let report = Report {
        counts: tally.counts(),
        reasons: tally.reasons().clone(),
        left: left(&from).await,
    };
    print::once(stdout, &print::object(args.output, &report)?).await?;
    written?;
    let end = ended?;
    closed?;
    to.close().await?;
    from.close().await?;
    Ok(code(&report.counts, end, broken, &args))
}

fn code(counts: &Counts, end: End, broken: Option<Broken>, args: &Move) -> Code {
    let is_stopped = end == End::Interrupted && !args.follow;
    match broken {
        Some(Broken::Audit) => Code::Io,
        Some(Broken::Queue) => Code::Unavailable,
        None if 0 < counts.unknown + counts.unconfirmed || end == End::Held => Code::Unavailable,
        None if is_stopped => Code::Interrupted,
        None if 0 < counts.refused + counts.behind => Code::Data,
        None => Code::Done,
    }
}

/// Counts what is left, where the queue counts.
async fn left(queue: &Queue) -> Option<u64> {
    let stats = queue.admin().ok()?.stats(queue.source()).await;
    stats.ok().map(|stats| stats.live())
}

struct Moving {
    carrier: Carrier,
    leased: Leased,
    target: Target,
    /// The URL of the queue that is taken from, without its options.
    place: String,
}

impl Moving {
    /// Moves until there is a reason to end, and waits for what is under way.
    async fn all(&mut self, args: &Move) -> Result<End, Failure> {
        let end = self.some(args).await;
        self.carrier.all_landed().await;
        self.hold();
        end
    }

    async fn some(&mut self, args: &Move) -> Result<End, Failure> {
        let interrupted = ctrl_c();
        tokio::pin!(interrupted);
        let mut left = args.max.unwrap_or(u32::MAX);
        while 0 < left && self.carrier.broken().is_none() {
            if self.leased.is_full() {
                return Ok(End::Held);
            }
            let wanted = if args.max.is_some() { left } else { u32::MAX };
            let next = tokio::select! {
                biased;
                () = &mut interrupted => return Ok(End::Interrupted),
                next = self.carrier.during(self.leased.next(wanted)) => next?,
            };
            match next {
                Some(delivery) => {
                    left -= u32::from(args.max.is_some());
                    let parcel = self.parcel(delivery);
                    self.carrier.carry(parcel).await;
                }
                None if self.carrier.is_idle() && !args.follow => return Ok(End::Done),
                // What is under way may hold back what is behind it in its key.
                None => self.carrier.all_landed().await,
            }
            self.hold();
        }
        Ok(End::Done)
    }

    /// Holds what was not carried, so that it does not come again meanwhile.
    fn hold(&mut self) {
        for delivery in self.carrier.stayed() {
            self.leased.hold(delivery);
        }
    }

    fn parcel(&self, delivery: Delivery) -> Parcel {
        Parcel {
            change: Change::of(&delivery, Some(self.target.name.clone())),
            send: Some((
                self.target.producer.clone(),
                again(&delivery, &self.place, self.target.dedups),
            )),
            from: Some((self.leased.hand(), delivery)),
        }
    }
}
