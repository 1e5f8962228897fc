//! `relayhouse demo`: a workload with failures through a queue, and proof that nothing is lost.

mod aftermath;
mod child;
mod consumer;
mod data;
mod display;
mod handler;
mod hands;
mod ledger;
mod outcome;
mod place;
mod plan;
mod process;
mod replay;
mod wire;
mod witness;
mod workload;

use std::sync::Arc;

use relayhouse::{
    Error, ErrorKind, Queue, Registry, ctrl_c,
    port::{QueueConfig, Stats},
};
use relayhouse_testkit::oracle::Verdict;

use self::{handler::Hushed, outcome::Outcome, place::Place, witness::Witness, workload::Workload};
use crate::{
    Stdout,
    args::{Demo, Format},
    console::Console,
    exit::{Code, Failure, with_advice},
    open,
};

pub(crate) use self::child::run as run_consumer;

pub(crate) async fn run(
    demo: Demo,
    registry: &Registry,
    console: Console,
    stdout: Stdout,
) -> Result<Code, Failure> {
    let place = Place::new(demo.url.as_deref())?;
    let code = run_on(&place.url, &demo, registry, console, stdout).await;
    place.clear()?;
    code
}

async fn run_on(
    url: &str,
    demo: &Demo,
    registry: &Registry,
    console: Console,
    stdout: Stdout,
) -> Result<Code, Failure> {
    let witness = Arc::new(Witness::new());
    let queue = open::observed(registry, url, Arc::clone(&witness) as _).await?;
    prepare(&queue).await?;
    let workload = Workload::new(demo, url, console, &queue, &witness);
    let clock = Arc::clone(&queue.context().clock);
    let start = clock.now();
    let played = play(console, &workload, &witness).await;
    let took = clock.now().since(start);
    let is_interrupted = played.is_none();
    let has_failed = matches!(played, Some(Err(_)));
    if let Some(Err(error)) = played {
        console.error(&with_advice(&error));
    }
    if is_interrupted || has_failed {
        workload.break_off().await?;
    }

    let stats = queue.admin()?.stats(queue.source()).await?;
    let left = stats.live();
    let verdict = witness.verdict(left);
    let latency = witness.ledger.latency();
    let outcome = Outcome::new(witness.ledger.counts(), &verdict, &latency, took);
    match demo.output {
        Format::Table => outcome.print_text(stdout, &latency)?,
        Format::Json | Format::Ndjson => outcome.print_json(stdout)?,
    }
    queue.close().await?;
    if is_interrupted {
        return Ok(Code::Interrupted);
    }
    let wrong = wrong(&workload, &witness, &stats, &verdict);
    wrong.iter().for_each(|text| console.error(text));
    Ok(if wrong.is_empty() && !has_failed {
        Code::Done
    } else {
        Code::Failed
    })
}

/// Refuses a queue that has messages: nobody knows what becomes of those of others. Creates one
/// that is not there, so that two processes do not do so at the same time.
async fn prepare(queue: &Queue) -> Result<(), Failure> {
    let (admin, source) = (queue.admin()?, queue.source());
    let stats = match admin.stats(source).await {
        Err(error) if error.kind() == ErrorKind::QueueNotFound => {
            let config = QueueConfig::default();
            return Ok(admin.create(&source.entity, &config).await?);
        }
        stats => stats?,
    };
    let messages = stats.live();
    if messages == 0 && stats.dead == 0 {
        return Ok(());
    }
    let text = format!(
        "the queue has {messages} messages and {} dead letters; name one that is empty",
        stats.dead
    );
    Err(Failure::new(Code::Usage, text))
}

/// Plays the workload with its display; `None` if it was interrupted.
async fn play(
    console: Console,
    workload: &Workload<'_>,
    witness: &Witness,
) -> Option<Result<(), Error>> {
    let _hushed = Hushed::new();
    let clock = &*workload.queue.context().clock;
    let played = tokio::select! {
        // Ctrl-C reaches the first consumer's process as well: its end is no news then.
        biased;
        () = ctrl_c() => None,
        played = workload.play() => Some(played),
        () = workload.display.follow(&witness.ledger, clock) => None,
    };
    workload.display.end();
    if played.is_none() {
        console.note("interrupted: what follows is how far it came");
    }
    played
}

/// Lists what does not add up, between what was sent, the ledger, the queue and the oracle.
fn wrong(
    workload: &Workload<'_>,
    witness: &Witness,
    stats: &Stats,
    verdict: &Verdict,
) -> Vec<String> {
    let counts = witness.ledger.counts();
    let messages = u64::from(workload.messages);
    let left = stats.live();
    let mut wrong = verdict.told.clone();
    let mut check = |is_right: bool, text: String| {
        if !is_right {
            wrong.push(text);
        }
    };
    check(
        verdict.is_ok(),
        format!("the oracle found breaches: {:?}", verdict.breaches),
    );
    check(
        counts.sent == messages,
        format!("{messages} messages, {} were sent", counts.sent),
    );
    check(left == 0, format!("{left} messages are left on the queue"));
    check(
        stats.dead == counts.dead,
        format!(
            "{} messages were dead-lettered, {} are there",
            counts.dead, stats.dead
        ),
    );
    check(
        counts.acked + counts.dead == counts.sent,
        format!(
            "{} sent, {} acked, {} dead-lettered",
            counts.sent, counts.acked, counts.dead
        ),
    );
    wrong
}
