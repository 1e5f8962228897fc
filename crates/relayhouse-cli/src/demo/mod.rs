//! `relayhouse demo`: a workload with failures through a queue, and proof that nothing is lost.

mod data;
mod display;
mod handler;
mod ledger;
mod outcome;
mod plan;
mod witness;
mod workload;

use std::sync::Arc;

use relayhouse::{Error, Registry, ctrl_c, port::Stats};
use relayhouse_testkit::oracle::Verdict;

use self::{handler::Hushed, outcome::Outcome, witness::Witness, workload::Workload};
use crate::{
    Stdout,
    args::{Demo, DemoFormat},
    console::Console,
    exit::{Code, Failure},
    open,
};

pub(crate) async fn run(
    demo: Demo,
    registry: &Registry,
    console: Console,
    stdout: Stdout,
) -> Result<Code, Failure> {
    let witness = Arc::new(Witness::new());
    let queue = open::observed(registry, &demo.url, Arc::clone(&witness) as _).await?;
    let workload = Workload::new(&demo, console, &queue, &witness);
    let clock = Arc::clone(&queue.context().clock);
    let start = clock.now();
    let played = play(console, &workload, &witness).await;
    let took = clock.now().since(start);
    let is_interrupted = played.is_none();
    if let Some(Err(error)) = played {
        console.error(&error.to_string());
    }

    let stats = queue.admin()?.stats(queue.source()).await?;
    let left = stats.ready + stats.leased + stats.delayed;
    let verdict = witness.verdict(left);
    let latency = witness.ledger.latency();
    let outcome = Outcome::new(witness.ledger.counts(), &verdict, &latency, took);
    match demo.output {
        DemoFormat::Text => outcome.print_text(stdout, &latency)?,
        DemoFormat::Json => outcome.print_json(stdout)?,
    }
    queue.close().await?;
    if is_interrupted {
        return Ok(Code::Interrupted);
    }
    let wrong = wrong(&workload, &witness, &stats, &verdict);
    wrong.iter().for_each(|text| console.error(text));
    Ok(if wrong.is_empty() {
        Code::Done
    } else {
        Code::Failed
    })
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
        played = workload.play() => Some(played),
        () = ctrl_c() => None,
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
    let left = stats.ready + stats.leased + stats.delayed;
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
