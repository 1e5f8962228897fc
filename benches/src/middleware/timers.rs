//! How many timers a timeout makes when nothing is late, counted at the clock.

use std::{
    future::poll_fn,
    hint::black_box,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use anyhow::{Result, ensure};
use relayhouse_core::{Delivery, Error, Settlement};
use relayhouse_middleware::{stack, timeout::TimeoutLayer};
use relayhouse_testkit::clock::CountingClock;
use tower::{Layer, Service, service_fn};

use super::{
    OURS,
    request::{Handler, deliveries},
};
use crate::{
    report::{Goal, Table, Unit, float},
    subject::World,
    workload::Scale,
};

const LIMIT: Duration = Duration::from_secs(30);
/// One for all calls that are made within the length of a limit.
const TIMERS_MAX: f64 = 1.0;

const NOTE: &str = "Tower's timeout makes one timer for each call.";

pub(super) fn table(world: &World, scale: Scale) -> Result<Table> {
    let calls = scale.pick(1_000_000, 100_000);
    let mut table = super::new_table(format!("Timers made by {calls} calls that end in time"));
    let _entered = world.runtime.enter();
    let (context, clock) = CountingClock::around(&world.context);
    let timeout = TimeoutLayer::new(LIMIT, &context);
    let stack = stack::consumer("bench", &context);
    let request = deliveries(&context);
    let mut push = |case: &str, work: &mut dyn FnMut() -> Result<()>| {
        let before = clock.sleeps();
        (0..calls).try_for_each(|_| work())?;
        let count = float(clock.sleeps() - before);
        let line = table.push(case, OURS, count, Unit::Count);
        line.goal = Some(Goal::at_most(TIMERS_MAX));
        anyhow::Ok(())
    };
    let mut service = timeout.layer(Handler);
    push("timeout, ready at once", &mut || {
        call(&mut service, request())
    })?;
    let mut service = timeout.layer(service_fn(wait_once));
    push("timeout, after one wait", &mut || {
        call(&mut service, request())
    })?;
    let mut service = stack.layer(Handler);
    push("consumer, ready at once", &mut || {
        call(&mut service, request())
    })?;
    let mut service = stack.layer(service_fn(wait_once));
    push("consumer, after one wait", &mut || {
        call(&mut service, request())
    })?;
    table.notes.push(NOTE.to_owned());
    Ok(table)
}

/// Acks at the second poll.
async fn wait_once(_: Delivery) -> relayhouse_core::Result<Settlement> {
    let mut has_waited = false;
    poll_fn(|_| {
        if has_waited {
            return Poll::Ready(());
        }
        has_waited = true;
        Poll::Pending
    })
    .await;
    Ok(Settlement::Ack)
}

/// Calls a service that answers at the second poll, if not at the first.
fn call<S>(service: &mut S, request: Delivery) -> Result<()>
where
    S: Service<Delivery, Error = Error>,
{
    let mut context = Context::from_waker(Waker::noop());
    ensure!(service.poll_ready(&mut context)?.is_ready(), "not ready");
    let mut future = pin!(service.call(black_box(request)));
    let first = future.as_mut().poll(&mut context);
    let answer = match first {
        Poll::Pending => future.poll(&mut context),
        answer => answer,
    };
    ensure!(answer?.is_ready(), "no answer at the second poll");
    Ok(())
}
