//! A load on the queue of a world, with the faults of the emulator.

use std::collections::HashSet;

use relayhouse_core::MessageId;
use relayhouse_load::Outcome;
use relayhouse_runtime::Running;
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
    outcome
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
