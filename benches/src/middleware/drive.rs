//! Calls services whose answers are there at once, on this thread, and measures what a call takes.

use std::{
    hint::black_box,
    pin::pin,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use anyhow::{Context as _, Result, bail};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region};
use tower::Service;

use super::{OURS, RATIO_MAX, TOWER};
use crate::{
    clock::Mark,
    compare::{Contender, Rounds, compare, median},
    report::{Goal, Table, Unit, float},
    subject::World,
    workload::{Scale, nanos},
};

/// How many calls are measured at a time. Their requests are made before, and fit into the cache.
const CHUNK: usize = 64;

/// Says what is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// The time of a call.
    Time,
    /// The allocations of a call. The program's allocator must be the counting one.
    Allocations,
}

/// Says what is measured, and how often.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) measure: Measure,
    chunks: usize,
    rounds: Rounds,
}

/// Is one layer around a service that does nothing, with what stands beside it.
pub(super) struct Row<'a, R> {
    case: &'static str,
    request: Rc<dyn Fn() -> R + 'a>,
    plan: Plan,
    contenders: Vec<Contender<'a>>,
}

impl Plan {
    pub(super) const fn new(measure: Measure, scale: Scale) -> Self {
        let chunks = match measure {
            Measure::Time => scale.pick(4_000, 400),
            Measure::Allocations => 100,
        };
        Self {
            measure,
            chunks,
            rounds: scale.rounds(),
        }
    }
}

impl<'a, R: 'a> Row<'a, R> {
    /// Begins a row whose requests are made by `request`.
    pub(super) fn new(case: &'static str, plan: Plan, request: impl Fn() -> R + 'a) -> Self {
        Self {
            case,
            request: Rc::new(request),
            plan,
            contenders: Vec::new(),
        }
    }

    /// Adds a service.
    pub(super) fn with(self, name: &'static str, mut service: impl Service<R> + 'a) -> Self {
        self.with_call(name, move |request| call(&mut service, request))
    }

    /// Adds something else that takes a request.
    pub(super) fn with_call(
        mut self,
        name: &'static str,
        mut call: impl FnMut(R) -> Result<()> + 'a,
    ) -> Self {
        let (request, plan) = (Rc::clone(&self.request), self.plan);
        let contender = Contender::new(name, move || Ok(vec![plan.round(&*request, &mut call)?]));
        self.contenders.push(contender);
        self
    }

    /// Measures all in turns, and adds a line for each; `goal` is for those whose name it is asked
    /// with.
    pub(super) fn push(
        self,
        world: &World,
        table: &mut Table,
        goal: impl Fn(&str) -> Option<Goal>,
    ) -> Result<()> {
        let Self {
            case,
            plan,
            contenders,
            ..
        } = self;
        let comparison = compare(plan.rounds, world.wanted(contenders))?;
        for name in comparison.names() {
            let Some(value) = comparison.median(name, 0) else {
                continue;
            };
            let line = table.push(case, name, value, plan.measure.unit());
            line.spread = comparison.spread(name, 0);
            let ratio = comparison.ratio(name, TOWER, 0);
            line.ratio = ratio.filter(|ratio| ratio.is_finite());
            line.goal = goal(name);
        }
        Ok(())
    }

    /// Measures all in turns; where tower has such a layer, ours is held to it.
    pub(super) fn push_beside_tower(self, world: &World, table: &mut Table) -> Result<()> {
        let has_peer = self.contenders.iter().any(|it| it.name() == TOWER);
        let is_held = has_peer && self.plan.measure == Measure::Time;
        self.push(world, table, |name| {
            let is_ours = is_held && name == OURS;
            is_ours.then_some(Goal::ratio_at_most(RATIO_MAX))
        })
    }
}

impl Plan {
    /// Makes calls, and returns what one took: the median of the chunks, so that what interrupts
    /// this thread does not count; of allocations the mean, so that each one does.
    fn round<R>(
        self,
        request: &dyn Fn() -> R,
        call: &mut impl FnMut(R) -> Result<()>,
    ) -> Result<f64> {
        let mut figures = Vec::with_capacity(self.chunks);
        let mut requests = Vec::with_capacity(CHUNK);
        for _ in 0..self.chunks {
            requests.extend((0..CHUNK).map(|_| request()));
            let took = self
                .measure
                .of(|| requests.drain(..).try_for_each(&mut *call))?;
            figures.push(took / float(CHUNK));
        }
        Ok(match self.measure {
            Measure::Time => median(&figures),
            Measure::Allocations => figures.iter().sum::<f64>() / float(figures.len()),
        })
    }
}

impl Measure {
    fn of(self, work: impl FnOnce() -> Result<()>) -> Result<f64> {
        match self {
            Self::Time => {
                let start = Mark::now();
                work()?;
                Ok(nanos(start.elapsed()))
            }
            Self::Allocations => {
                let region = Region::new(&INSTRUMENTED_SYSTEM);
                work()?;
                let change = region.change();
                Ok(float(change.allocations + change.reallocations))
            }
        }
    }

    const fn unit(self) -> Unit {
        match self {
            Self::Time => Unit::Nanoseconds,
            Self::Allocations => Unit::PerMessage,
        }
    }
}

/// Calls a service that is ready, and answers at once.
fn call<R>(service: &mut impl Service<R>, request: R) -> Result<()> {
    let mut context = Context::from_waker(Waker::noop());
    match service.poll_ready(&mut context) {
        Poll::Ready(Ok(())) => {}
        _ => bail!("the service is not ready"),
    }
    match now(service.call(black_box(request)))? {
        Ok(answer) => drop(black_box(answer)),
        Err(_) => bail!("the call failed"),
    }
    Ok(())
}

/// Returns what a future has at its first poll.
pub(super) fn now<F: Future>(future: F) -> Result<F::Output> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => Ok(output),
        Poll::Pending => None.context("the answer is not there at once"),
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tower::service_fn;

    use super::*;

    #[test]
    fn call_needs_an_answer_at_once() {
        let mut good = service_fn(|_: u32| ready(Ok::<_, &str>(())));
        assert!(call(&mut good, 7).is_ok());
        let mut bad = service_fn(|_: u32| ready(Err::<(), _>("no")));
        assert!(call(&mut bad, 7).is_err());
        let mut late = service_fn(|_: u32| pending::<Result<(), &str>>());
        assert!(call(&mut late, 7).is_err());
    }

    #[test]
    fn each_request_is_called_once() {
        let plan = Plan::new(Measure::Time, Scale { is_quick: true });
        let mut calls = 0;
        let took = plan.round(&|| 7, &mut |request: u32| {
            calls += request;
            Ok(())
        });
        assert!(0.0 <= took.unwrap());
        assert_eq!(calls, 7 * 64 * 400);
    }
}
