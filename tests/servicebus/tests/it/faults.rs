//! Faults of the emulator with the full runtime: none of 21,000 messages is lost, and every
//! duplicate is explained.

use std::time::Duration;

use relayhouse_load::Outcome;
use servicebus_emulator::{Fault, Faults, Operation, Times};
use tokio::join;

use crate::world::{World, simulate};

/// Of each run.
const MESSAGES: u64 = 7_000;

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

fn shown(seed: u64, inject: fn(&Faults)) -> Outcome {
    let outcome = simulate(seed, async |world| run(&world, MESSAGES, inject).await);
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

fn drop_settles(faults: &Faults) {
    inject(faults, &[Operation::Settle], Fault::DropAnswer, 0.02);
    inject(faults, &[Operation::Request], Fault::DropAnswer, 0.1);
}

fn delay(faults: &Faults) {
    inject(faults, &HOT, Fault::Delay(Duration::from_millis(300)), 0.05);
    // Longer than a call may take.
    inject(faults, &HOT, Fault::Delay(Duration::from_secs(12)), 0.005);
}

#[test]
fn throttling_loses_nothing() {
    let outcome = shown(1, throttle);
    assert_eq!(outcome.causes.unknown_send, 0, "{outcome}");
}

#[test]
fn lost_answers_to_settles_lose_nothing() {
    shown(5, drop_settles);
}

#[test]
fn latency_loses_nothing() {
    shown(7, delay);
}
