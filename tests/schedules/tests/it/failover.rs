//! Endpoints of which one fails while many send.

use relayhouse_schedules::{
    breaker::{BreakerConfig, State},
    failover::{Failover, Policy},
};
use shuttle::future::spawn;
use tower::{ServiceExt, util::BoxCloneService};

use crate::support::{Inner, SECOND, Time, clock, context, explore, join, message, poll_and_drop};

/// Each message arrives at one endpoint, whoever finds out first that the other one is out, and
/// those who leave in between keep nothing of either.
#[test]
fn every_message_finds_an_endpoint_that_works() {
    explore(|| {
        for policy in [Policy::Ordered, Policy::Fastest] {
            let clock = clock();
            let (here, there) = (Inner::default(), Inner::default());
            here.fail(3);
            let breaker = BreakerConfig {
                failures_in_a_row: 2.try_into().unwrap(),
                probes: 1.try_into().unwrap(),
                open_for: SECOND,
                ..BreakerConfig::default()
            };
            let failover = Failover::builder(&context(&clock))
                .endpoint("here", BoxCloneService::new(here.service()))
                .endpoint("there", BoxCloneService::new(there.service()))
                .policy(policy)
                .breaker(breaker)
                .build()
                .unwrap();
            let senders = (0..3).map(|_| {
                let failover = failover.clone();
                spawn(async move {
                    for _ in 0..2 {
                        drop(failover.clone().oneshot(message()).await.unwrap());
                    }
                })
            });
            let leaver = failover.clone();
            let leaver = spawn(async move { drop(poll_and_drop(leaver.oneshot(message())).await) });
            let tasks: Vec<_> = senders.chain([leaver]).collect();
            let _time = Time::pass(&clock);
            join(tasks);
            assert_eq!((here.now(), there.now()), (0, 0));
            let failed = 3;
            let succeeded = here.done() + there.done() - failed.min(here.done());
            assert!((6..=7).contains(&succeeded), "{succeeded}");
            let is_let_alone = |(_, state)| state == State::Open;
            assert!(!failover.states().all(is_let_alone));
        }
    });
}
