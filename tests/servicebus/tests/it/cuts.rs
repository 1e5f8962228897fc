//! Connections that are harmed at each of many points of a whole conversation: opened, sent,
//! received, handled, settled. None hangs, nothing is lost, and nothing is done that is not.

use std::time::Duration;

use relayhouse_load::Outcome;
use relayhouse_testkit::proxy::{Direction, Fault, Harm, Passed, Strike};

use crate::world::{Kind, World, simulate};

const MESSAGES: u64 = 20;
/// How many points each test harms.
const POINTS: u64 = 60;
/// The longest that a conversation may take, in simulated time.
const CONVERSATION_MAX: Duration = Duration::from_secs(600);

/// One conversation through a proxy that does `fault`.
async fn converse(world: &World, number: u64, fault: Fault) -> (Outcome, Passed) {
    let began = world.context.clock.now();
    let proxy = world.harness.proxy();
    proxy.set(fault);
    let running = world.consume().await;
    world.produce(number, MESSAGES).await;
    let outcome = world.finish(running).await;
    let passed = proxy.passed();
    proxy.set(Fault::None);
    let took = world.context.clock.now().since(began);
    assert!(took <= CONVERSATION_MAX, "{fault:?}: it took {took:?}");
    (outcome, passed)
}

/// Harms conversations at points of both directions, evenly spread, nearly all of which must be
/// hit: no conversation has as many bytes as the one before it.
fn harm(kind: Kind, seed: u64, harm: Harm) {
    simulate(kind, seed, async |world| {
        // The second conversation finds connections as those after it do.
        converse(&world, 0, Fault::None).await;
        let (_, whole) = converse(&world, 1, Fault::None).await;
        let mut struck = 0;
        for point in 0..POINTS {
            let (direction, bytes) = match point % 2 {
                0 => (Direction::Requests, whole.requests),
                _ => (Direction::Answers, whole.answers),
            };
            let fault = Fault::Once(Strike {
                direction,
                after: bytes * (point / 2) / (POINTS / 2),
                harm,
            });
            let (outcome, passed) = converse(&world, 2 + point, fault).await;
            assert!(outcome.is_sound(MESSAGES), "{fault:?}\n{outcome}");
            struck += u64::from(passed.has_struck);
        }
        println!("{struck} of {POINTS} points of {whole:?} were hit with {harm:?}");
        assert!(POINTS * 9 / 10 <= struck, "only {struck} points were hit");
    });
}

#[test]
fn cut_at_any_point_loses_nothing() {
    harm(Kind::Plain, 31, Harm::Cut);
}

#[test]
fn half_open_at_any_point_loses_nothing() {
    harm(Kind::Plain, 33, Harm::HalfOpen);
}
