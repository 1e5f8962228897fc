//! Connections that are harmed at each of many points of a whole conversation: opened, sent,
//! received, handled, settled. None hangs, nothing is lost, and nothing is done that is not.

use std::time::Duration;

use relayhouse_core::Clock as _;
use relayhouse_load::Outcome;
use relayhouse_testkit::proxy::{Direction, Fault, Harm, Passed, Strike};

use crate::{
    load::finish,
    world::{Kind, Over, World, simulate_over},
};

const MESSAGES: u64 = 20;
/// How many points each test harms: the eight that cut have 208 together.
const POINTS: u64 = 26;
/// The longest that a conversation may take, in simulated time.
const CONVERSATION_MAX: Duration = Duration::from_secs(600);

/// One conversation through a proxy that does `fault`.
async fn converse(world: &World, number: u64, fault: Fault) -> (Outcome, Passed) {
    let began = world.manual.now();
    world.proxy.set(fault);
    let running = world.consume().await;
    world.produce(number, MESSAGES).await;
    let outcome = finish(world, running).await;
    let passed = world.proxy.passed();
    world.proxy.set(Fault::None);
    let took = world.manual.now().since(began);
    assert!(took <= CONVERSATION_MAX, "{fault:?}: it took {took:?}");
    (outcome, passed)
}

/// Is one of several runs that share the points of a conversation.
#[derive(Clone, Copy, Debug)]
struct Share {
    first: u64,
    of: u64,
}

const ALL: Share = Share { first: 0, of: 1 };

/// Harms conversations at points of both directions, evenly spread, nearly all of which must be
/// hit: no conversation has as many bytes as the one before it.
fn harm(over: Over, kind: Kind, share: Share, harm: Harm) {
    simulate_over(over, kind, 31 + share.first, async |world| {
        // The second conversation finds connections as those after it do.
        converse(&world, 0, Fault::None).await;
        let (_, whole) = converse(&world, 1, Fault::None).await;
        let mut struck = 0;
        for point in 0..POINTS {
            let (direction, bytes) = match point % 2 {
                0 => (Direction::Requests, whole.requests),
                _ => (Direction::Answers, whole.answers),
            };
            let step = point / 2 * share.of + share.first;
            let fault = Fault::Once(Strike {
                direction,
                after: bytes * step / (POINTS / 2 * share.of),
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
    let share = Share { first: 0, of: 4 };
    harm(Over::PlainText, Kind::Standard, share, Harm::Cut);
}

#[test]
fn cut_at_points_between_loses_nothing() {
    let share = Share { first: 1, of: 4 };
    harm(Over::PlainText, Kind::Standard, share, Harm::Cut);
}

#[test]
fn cut_at_further_points_loses_nothing() {
    let share = Share { first: 2, of: 4 };
    harm(Over::PlainText, Kind::Standard, share, Harm::Cut);
}

#[test]
fn cut_at_the_other_points_loses_nothing() {
    let share = Share { first: 3, of: 4 };
    harm(Over::PlainText, Kind::Standard, share, Harm::Cut);
}

#[test]
fn cut_at_any_point_loses_nothing_on_fifo() {
    let share = Share { first: 0, of: 2 };
    harm(Over::PlainText, Kind::Fifo, share, Harm::Cut);
}

#[test]
fn cut_at_points_between_loses_nothing_on_fifo() {
    let share = Share { first: 1, of: 2 };
    harm(Over::PlainText, Kind::Fifo, share, Harm::Cut);
}

#[test]
fn cut_at_any_point_loses_nothing_over_tls() {
    let share = Share { first: 0, of: 2 };
    harm(Over::Tls, Kind::Standard, share, Harm::Cut);
}

#[test]
fn cut_at_points_between_loses_nothing_over_tls() {
    let share = Share { first: 1, of: 2 };
    harm(Over::Tls, Kind::Standard, share, Harm::Cut);
}

#[test]
fn half_open_at_any_point_loses_nothing() {
    harm(Over::PlainText, Kind::Standard, ALL, Harm::HalfOpen);
}

/// In plain text nobody could tell; it is for TLS to notice.
#[test]
fn flipped_bit_at_any_point_of_a_tls_connection_changes_nothing() {
    harm(Over::Tls, Kind::Standard, ALL, Harm::Flip);
}

#[test]
fn delayed_and_slow_connections_lose_nothing() {
    for (seed, fault) in [
        (38, Fault::Delay(Duration::from_secs(2))),
        // There and back it is more than a call may take.
        (39, Fault::Delay(Duration::from_secs(4))),
        (40, Fault::Slow(Duration::from_millis(20))),
    ] {
        simulate_over(Over::PlainText, Kind::Standard, seed, async |world| {
            let (outcome, _) = converse(&world, 0, fault).await;
            println!("{fault:?}: {outcome}");
            assert!(outcome.is_sound(MESSAGES), "{fault:?}\n{outcome}");
        });
    }
}
