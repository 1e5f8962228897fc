//! Which endpoint is asked first, and when the next one is.

use std::num::NonZeroU32;

use serde::Deserialize;

use crate::{breaker::BreakerConfig, retry::Unknown};

/// Configures failover; readable from URL, environment and map through the same keys, but for the
/// breaker, which has a configuration of its own.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FailoverConfig {
    /// Which endpoint is asked first; the first that was given.
    pub policy: Policy,
    /// The label of the endpoints that are asked before the others, whatever their place; none.
    pub near: Option<String>,
    /// Whether a message whose outcome is unknown, and which may have arrived, is tried at the next
    /// endpoint; if it has a dedup id.
    pub unknown: Unknown,
    /// By what share another endpoint must be faster to be preferred; 0.2.
    pub faster_by: f64,
    /// Of how many calls one goes to an endpoint that is not preferred, to measure it; 100.
    pub explore_every: NonZeroU32,
    /// How the breaker of each endpoint works.
    #[serde(skip)]
    pub breaker: BreakerConfig,
}

/// Says which endpoint is asked first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// The first one: those with the label that is near before the others, else in the order in
    /// which they were given.
    #[default]
    Ordered,
    /// The one that answered the fastest of late.
    Fastest,
}

impl Default for FailoverConfig {
    fn default() -> Self {
        Self {
            policy: Policy::Ordered,
            near: None,
            unknown: Unknown::Deduplicated,
            faster_by: 0.2,
            explore_every: const { NonZeroU32::new(100).unwrap() },
            breaker: BreakerConfig::default(),
        }
    }
}
