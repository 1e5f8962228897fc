//! A load on the queue of a world, with the faults of the emulator.

use std::collections::HashSet;

use relayhouse_core::MessageId;
use relayhouse_load::Outcome;
use relayhouse_runtime::Running;
use relayhouse_telemetry::Metric;
use relayhouse_testkit::oracle::Verdict;
use sqs_emulator::Faults;
use tokio::join;

use crate::world::World;

/// Sends `messages` and handles them, with the faults that `inject` sets once everything is open;
/// then takes the faults back, and waits until nothing is left.
pub(crate) async fn run(world: &World, messages: u64, inject: impl FnOnce(&Faults)) -> Outcome {
    let running = world.consume().await;
    let faults = world.emulator.faults();
    inject(&faults);
    join!(
        world.produce(1, messages / 2),
        world.produce(2, messages - messages / 2)
    );
    heal(&faults);
    finish(world, running).await
}

/// Waits until nothing is left, and tells what was found.
pub(crate) async fn finish(world: &World, running: Running) -> Outcome {
    let outcome = world.load.finish(running, || doubled(world)).await;
    println!("{} calls", world.emulator.calls());
    same_sums(world, &outcome.verdict);
    outcome
}

/// Starts over with what is watched and counted.
pub(crate) fn forget(world: &World) {
    drop((
        world.verdict(u64::MAX),
        world.record.causes(&doubled(world)),
    ));
    *world.compared.lock().unwrap() = Some(world.metrics.snapshot());
}

/// Compares what the metrics have added up since the last verdict with what the oracle has counted.
fn same_sums(world: &World, verdict: &Verdict) {
    let now = world.metrics.snapshot();
    let before = world.compared.lock().unwrap().replace(now.clone());
    let queue = ("messaging.destination.name", world.queue.as_str());
    let sum = |metric, more: &[(&str, &str)]| {
        let attributes = [&[queue], more].concat();
        let before = before.as_ref().map_or(0, |it| it.sum(metric, &attributes));
        u64::try_from(now.sum(metric, &attributes) - before).unwrap()
    };
    let failed = |metric, error| sum(metric, &[("error.type", error)]);
    let settled = |how| sum(Metric::SettledMessages, &[("relayhouse.settlement", how)]);
    let unknown = failed(Metric::SentMessages, "outcome_unknown");
    let sent = sum(Metric::SentMessages, &[]);
    let ended = verdict.sent + verdict.deduplicated + verdict.send_failed + verdict.send_unknown;
    let counted = [
        ("sent", sent, ended),
        ("unknown sends", unknown, verdict.send_unknown),
        (
            "received",
            sum(Metric::ConsumedMessages, &[]),
            verdict.received,
        ),
        (
            "started",
            sum(Metric::StartedMessages, &[]),
            verdict.started,
        ),
        ("acked", settled("ack"), verdict.acked),
        ("released", settled("release"), verdict.released),
        (
            "dead-lettered",
            settled("dead_letter"),
            verdict.dead_lettered,
        ),
        (
            "lost leases",
            failed(Metric::SettleFailures, "lease_lost"),
            verdict.lease_lost,
        ),
        (
            "unknown",
            failed(Metric::SettleFailures, "outcome_unknown"),
            verdict.settle_unknown,
        ),
    ];
    let wrong: Vec<_> = counted
        .iter()
        .filter(|(_, one, other)| one != other)
        .collect();
    assert!(wrong.is_empty(), "metrics and oracle differ: {wrong:?}");
}

/// Returns the messages that the emulator kept twice.
pub(crate) fn doubled(world: &World) -> HashSet<MessageId> {
    let doubled = world.emulator.doubled().into_iter();
    doubled.map(|id| MessageId::from_text(&id)).collect()
}

/// Takes all faults back.
fn heal(faults: &Faults) {
    faults.clear();
    faults.duplicate(0.0);
    faults.reorder(1);
    faults.limit_in_flight(120_000);
}
