//! A shutdown while a long poll waits.

use std::time::Duration;

use relayhouse_core::{Clock as _, Instant};
use sqs_emulator::Operation;

use crate::world::{Kind, simulate};

/// The poll is finished, not dropped; nothing is taken that is not given back.
#[test]
fn drain_waits_for_a_long_poll_and_loses_nothing() {
    simulate(Kind::Standard, 21, async |world| {
        let running = world.consume().await;
        world.produce(1, 500).await;
        world.drained().await;
        let polls = world.emulator.count(Operation::ReceiveMessage);
        world.pass(Duration::from_secs(7)).await;
        let began = world.manual.now();
        let report = running.shutdown(Duration::from_secs(60)).await.unwrap();
        let took = world.manual.now().since(began);
        println!("drained {report:?} in {took:?}, after {polls:?}");
        assert_eq!((report.receives_dropped, report.abandoned), (0, 0));
        assert!(took <= Duration::from_secs(20), "{took:?}");
        assert!(world.verdict(0).is_ok());
    });
}

/// Where there is no time for the poll, it is dropped at the deadline and not before, and what
/// comes afterwards is there for the next consumer.
#[test]
fn drain_ends_at_its_deadline_during_a_long_poll() {
    simulate(Kind::Standard, 22, async |world| {
        let running = world.consume().await;
        world.pass(Duration::from_secs(1)).await;
        let began = world.manual.now();
        let limit = Duration::from_secs(5);
        let report = running.shutdown(limit).await.unwrap();
        let took = world.manual.now().since(began);
        println!("drained {report:?} in {took:?}");
        assert!(took <= limit, "{took:?}");
        assert_eq!(report.receives_dropped, 1);
        world.produce(1, 500).await;
        let next = world.consume().await;
        world.drained().await;
        let report = next.shutdown(Duration::from_secs(60)).await.unwrap();
        let verdict = world.verdict(0);
        println!(
            "{verdict}\n{report:?}, {:?}",
            world.manual.now().since(Instant::START)
        );
        assert!(verdict.is_ok(), "{verdict}");
        assert_eq!(verdict.sent, 500);
    });
}
