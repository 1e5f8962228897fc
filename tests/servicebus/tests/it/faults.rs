//! Every fault of the emulator with the full runtime: 104,000 messages without sessions and as many
//! in sessions, none lost, every duplicate explained, and order kept in sessions.

use std::time::Duration;

use relayhouse_load::Outcome;
use servicebus_emulator::{Fault, Faults, Operation, Times};
use tokio::join;

use crate::world::{Kind, World, simulate};

/// Of each run.
const MESSAGES: u64 = 13_000;

/// What a consumer and a producer do all the time.
const HOT: [Operation; 3] = [Operation::Send, Operation::Settle, Operation::Request];

/// Sends `messages` and handles them, with the faults that `inject` sets once everything is open;
/// then takes the faults back, and waits until nothing is left.
async fn run(world: &World, messages: u64, inject: impl FnOnce(&Faults)) -> Outcome {
    let running = world.consume().await;
    let faults = world.harness.faults();
    inject(&faults);
    join!(
        world.produce(1, messages / 2),
        world.produce(2, messages - messages / 2)
    );
    faults.clear();
    world.finish(running).await
}

fn shown(kind: Kind, seed: u64, inject: fn(&Faults)) -> Outcome {
    let outcome = simulate(kind, seed, async |world| {
        run(&world, MESSAGES, inject).await
    });
    println!("{outcome}");
    assert!(outcome.is_sound(MESSAGES), "{outcome}\n{outcome:?}");
    outcome
}

fn inject(faults: &Faults, operations: &[Operation], fault: Fault, chance: f64) {
    for operation in operations {
        let injected = faults.inject(*operation, fault, Times::Chance(chance));
        injected.unwrap();
    }
}

fn throttle(faults: &Faults) {
    inject(faults, &HOT, Fault::Throttle, 0.05);
    inject(faults, &[Operation::Attach], Fault::Throttle, 0.2);
}

fn cut(faults: &Faults) {
    inject(faults, &HOT, Fault::Cut, 0.002);
    inject(
        faults,
        &[Operation::Attach, Operation::Deliver],
        Fault::Cut,
        0.002,
    );
}

fn detach(faults: &Faults) {
    let linked = [Operation::Send, Operation::Settle, Operation::Deliver];
    inject(faults, &linked, Fault::Detach, 0.005);
    inject(faults, &[Operation::Attach], Fault::Detach, 0.1);
}

fn drop_sends(faults: &Faults) {
    // Of a hundred messages each.
    inject(faults, &[Operation::Send], Fault::DropAnswer, 0.2);
}

fn drop_settles(faults: &Faults) {
    inject(faults, &[Operation::Settle], Fault::DropAnswer, 0.02);
    inject(faults, &[Operation::Request], Fault::DropAnswer, 0.1);
}

fn lose_locks(faults: &Faults) {
    let held = [Operation::Settle, Operation::Deliver];
    inject(faults, &held, Fault::LoseLock, 0.05);
}

fn delay(faults: &Faults) {
    inject(faults, &HOT, Fault::Delay(Duration::from_millis(300)), 0.05);
    // Longer than a call may take.
    inject(faults, &HOT, Fault::Delay(Duration::from_secs(12)), 0.005);
}

fn everything(faults: &Faults) {
    throttle(faults);
    cut(faults);
    detach(faults);
    drop_sends(faults);
    drop_settles(faults);
    lose_locks(faults);
    delay(faults);
}

#[test]
fn throttling_loses_nothing() {
    let outcome = shown(Kind::Plain, 1, throttle);
    assert_eq!(outcome.causes.unknown_send, 0, "{outcome}");
}

#[test]
fn cut_connections_lose_nothing() {
    shown(Kind::Plain, 2, cut);
}

#[test]
fn detached_links_lose_nothing() {
    shown(Kind::Plain, 3, detach);
}

#[test]
fn lost_answers_to_sends_lose_nothing_and_double_nothing() {
    let outcome = shown(Kind::Plain, 4, drop_sends);
    assert!(0 < outcome.verdict.send_unknown, "{outcome}");
    assert_eq!(outcome.verdict.duplicates, 0, "{outcome}");
}

#[test]
fn lost_answers_to_settles_lose_nothing() {
    shown(Kind::Plain, 5, drop_settles);
}

#[test]
fn lost_locks_lose_nothing() {
    let outcome = shown(Kind::Plain, 6, lose_locks);
    assert!(0 < outcome.causes.ended_lease, "{outcome}");
}

#[test]
fn latency_loses_nothing() {
    shown(Kind::Plain, 7, delay);
}

#[test]
fn everything_at_once_loses_nothing() {
    shown(Kind::Plain, 8, everything);
}

/// A failure in a session gives it back, so that nothing overtakes the message.
#[test]
fn order_in_sessions_outlives_failures() {
    shown(Kind::Sessions, 9, |_| {});
}

#[test]
fn order_in_sessions_outlives_lost_answers() {
    shown(Kind::Sessions, 13, |faults| {
        drop_sends(faults);
        drop_settles(faults);
    });
}

#[test]
fn order_in_sessions_outlives_latency() {
    shown(Kind::Sessions, 15, delay);
}

#[test]
fn order_in_sessions_outlives_throttling() {
    shown(Kind::Sessions, 10, throttle);
}

#[test]
fn order_in_sessions_outlives_cuts() {
    shown(Kind::Sessions, 11, cut);
}

#[test]
fn order_in_sessions_outlives_detached_links() {
    shown(Kind::Sessions, 12, detach);
}

#[test]
fn order_in_sessions_outlives_lost_locks() {
    shown(Kind::Sessions, 14, lose_locks);
}

#[test]
fn order_in_sessions_outlives_everything() {
    shown(Kind::Sessions, 16, everything);
}
