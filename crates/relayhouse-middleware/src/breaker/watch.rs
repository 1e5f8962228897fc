//! What tells the circuit how a call ended.

use relayhouse_core::{Instant, Result};

use super::shared::Pass;
use crate::{
    prepare::Watch,
    verdict::{Classify, Standard},
};

/// Tells the circuit how a call ended.
#[derive(Debug)]
pub struct Report<C = Standard> {
    pub(super) pass: Pass,
    pub(super) slow_at: Option<Instant>,
    pub(super) classify: C,
}

impl<C: Classify<T>, T> Watch<T> for Report<C> {
    #[inline]
    fn ended(self, answer: &Result<T>) {
        let verdict = self.classify.verdict(answer);
        self.pass.record(verdict, self.slow_at);
    }
}
