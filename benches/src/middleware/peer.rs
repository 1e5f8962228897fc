//! What a user of tower writes for its retry to do what ours does.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use tokio::time::Sleep;
use tower::{
    retry::{
        Policy,
        backoff::{Backoff, ExponentialBackoff, ExponentialBackoffMaker, MakeBackoff},
        budget::{Budget, TpsBudget},
    },
    util::rng::HasherRng,
};

const TRIES_MAX: u32 = 5;
const DELAY_FIRST: Duration = Duration::from_millis(100);
const DELAY_MAX: Duration = Duration::from_secs(30);
const BUDGET_TTL: Duration = Duration::from_secs(10);
const BUDGET_PER_SECOND: u32 = 10;
const BUDGET_SHARE: f32 = 0.1;

/// Tries again a few times, with a delay that grows, within a budget: the policy of tower's own
/// example, with our numbers.
#[derive(Clone, Debug)]
pub(super) struct Full {
    left: u32,
    budget: Arc<TpsBudget>,
    backoff: ExponentialBackoff<HasherRng>,
}

/// Tries again a few times, at once: the least that a policy can be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Least {
    left: u32,
}

impl Full {
    pub(super) fn new() -> Result<Self> {
        let rng = HasherRng::default();
        let mut backoff = ExponentialBackoffMaker::new(DELAY_FIRST, DELAY_MAX, 1.0, rng)?;
        let budget = TpsBudget::new(BUDGET_TTL, BUDGET_PER_SECOND, BUDGET_SHARE);
        Ok(Self {
            left: TRIES_MAX - 1,
            budget: Arc::new(budget),
            backoff: backoff.make_backoff(),
        })
    }
}

impl Least {
    pub(super) const fn new() -> Self {
        Self {
            left: TRIES_MAX - 1,
        }
    }
}

impl<R: Clone, T, E> Policy<R, T, E> for Full {
    type Future = Sleep;

    fn retry(&mut self, _: &mut R, result: &mut Result<T, E>) -> Option<Sleep> {
        if result.is_ok() {
            self.budget.deposit();
            return None;
        }
        let may_try = 0 < self.left && self.budget.withdraw();
        may_try.then(|| {
            self.left -= 1;
            self.backoff.next_backoff()
        })
    }

    fn clone_request(&mut self, request: &R) -> Option<R> {
        Some(request.clone())
    }
}

impl<R: Clone, T, E> Policy<R, T, E> for Least {
    type Future = std::future::Ready<()>;

    fn retry(&mut self, _: &mut R, result: &mut Result<T, E>) -> Option<Self::Future> {
        let may_try = result.is_err() && 0 < self.left;
        may_try.then(|| {
            self.left -= 1;
            std::future::ready(())
        })
    }

    fn clone_request(&mut self, request: &R) -> Option<R> {
        Some(request.clone())
    }
}
