//! A clock that is wrong, and answers that take their time.

use std::{num::NonZeroU32, time::Duration};

use relayhouse_core::{
    Clock as _, ErrorKind, Message, Sending,
    port::{ReceiveRequest, ReceiverOptions},
};
use relayhouse_testkit::{WallClock as _, proxy::Fault};

use crate::{
    load::finish,
    world::{Kind, World, simulate},
};

const HOUR: Duration = Duration::from_secs(3_600);
const TEN: NonZeroU32 = NonZeroU32::new(10).unwrap();

/// SQS refuses what is signed an hour off. The first call hears of it, and the SDK signs by the time
/// of SQS from then on: consumer and producer go on, by a clock that stays wrong.
#[test]
fn clock_that_is_an_hour_off_is_survived() {
    let ahead: fn(&World) = |world| world.clock.set_ahead(HOUR);
    let behind: fn(&World) = |world| world.clock.set_behind(HOUR);
    for (seed, set) in [(71, ahead), (72, behind)] {
        simulate(Kind::Standard, seed, async |world| {
            let running = world.consume().await;
            world.produce(1, 200).await;
            set(&world);
            world.produce(2, 1_000).await;
            let outcome = finish(&world, running).await;
            println!("{outcome}");
            assert!(outcome.is_sound(1_200), "{outcome}");
        });
    }
}

/// What was refused for the time of its signature may be tried again, and the error says so.
#[test]
fn call_with_a_wrong_time_fails_for_now() {
    simulate(Kind::Standard, 73, async |world| {
        let sender = world.provider.sender(&world.queue).await.unwrap();
        world.clock.set_behind(HOUR);
        let mut batch = [Sending::new(Message::new("x"))];
        sender.send(&mut batch).await.unwrap();
        let error = batch[0].outcome.error().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unauthorized);
        assert!(error.is_temporary(), "{error:?}");
        sender.send(&mut batch).await.unwrap();
        assert!(batch[0].outcome.is_done(), "{batch:?}");
    });
}

/// However slow the connection is, no lease ends later here than at SQS: what comes again does so
/// at the end of its lease, or after it.
#[test]
fn no_lease_ends_later_than_that_of_sqs() {
    simulate(Kind::Standard, 74, async |world| {
        world.produce(1, 100).await;
        let options = ReceiverOptions::default();
        let slow = world
            .provider
            .receiver(&world.source, options)
            .await
            .unwrap();
        let fast = world.direct.receiver(&world.source, options).await.unwrap();
        world.proxy.set(Fault::Delay(Duration::from_secs(2)));
        // Calls that do not wait show how slow it is.
        for _ in 0..30 {
            slow.settings().await.unwrap();
        }
        let request = ReceiveRequest::up_to(TEN).wait(Duration::from_secs(10));
        let mut least = Duration::MAX;
        for _ in 0..50 {
            let mut deliveries = Vec::new();
            slow.receive(request, &mut deliveries).await.unwrap();
            let ends = deliveries.iter().map(|it| it.lease.until());
            let end = ends.max().unwrap();
            let mut again = Vec::new();
            while again.is_empty() {
                fast.receive(request, &mut again).await.unwrap();
                again.retain(|it| deliveries.iter().any(|before| before.id == it.id));
            }
            let now = world.manual.now();
            assert!(
                end <= now,
                "it came {:?} before its lease ended",
                end.since(now)
            );
            least = least.min(now.since(end));
            world.pass(Duration::from_secs(60)).await;
        }
        println!("50 leases ended at least {least:?} before those of SQS");
    });
}
