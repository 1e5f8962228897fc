//! What tells the limiter how a call ended.

use std::sync::Arc;

use relayhouse_core::{Instant, Result};

use super::shared::Shared;
use crate::{
    permits::Permit,
    prepare::Watch,
    verdict::{Classify, Standard},
};

/// Tells the limiter how a call ended, and holds the call's permit until then.
#[derive(Debug)]
pub struct Measure<C = Standard> {
    pub(super) permit: Permit,
    pub(super) began: Instant,
    pub(super) shared: Arc<Shared>,
    pub(super) classify: C,
}

impl<C: Classify<T>, T> Watch<T> for Measure<C> {
    fn ended(self, answer: &Result<T>) {
        let Self {
            permit,
            began,
            shared,
            classify,
        } = self;
        shared.record(began, classify.verdict(answer));
        // It counts among those in flight until the limiter has looked.
        drop(permit);
    }
}
