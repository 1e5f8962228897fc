//! The policy: what the key of a delivery is, and what the weight of a key.

use std::{
    fmt::{self, Debug},
    num::NonZeroU32,
    sync::Arc,
};

use relayhouse_core::{
    Delivery, Text,
    port::{Dispatch, DispatchLine},
};

use super::{Cost, FairConfig, line::FairLine};
use crate::{rate_limit::RateLimitConfig, request::Request};

type KeyOf = dyn Fn(&Delivery) -> Option<Text> + Send + Sync;
type WeightOf = dyn Fn(&str) -> NonZeroU32 + Send + Sync;

/// Gives each key its share of the handlers of a consumer.
#[derive(Clone)]
pub struct Fair {
    key_of: Arc<KeyOf>,
    weight_of: Arc<WeightOf>,
    config: FairConfig,
}

impl Fair {
    /// Shares by the text of the header `name`, such as `tenant`. Messages without it have a share
    /// together.
    #[must_use]
    pub fn by_header(name: impl Into<Text>) -> Self {
        let name = name.into();
        Self::by(move |delivery| {
            let text = delivery.message.headers().text(&name)?;
            Some(Text::from(text.to_owned()))
        })
    }

    /// Shares by what `key_of` returns. It must return the same key for a delivery each time, and
    /// messages for which it returns none have a share together.
    #[must_use]
    pub fn by(key_of: impl Fn(&Delivery) -> Option<Text> + Send + Sync + 'static) -> Self {
        Self {
            key_of: Arc::new(key_of),
            weight_of: Arc::new(|_| NonZeroU32::MIN),
            config: FairConfig::default(),
        }
    }

    /// Sets how many times the share of another each key has.
    #[must_use]
    pub fn weight(
        mut self,
        weight_of: impl Fn(&str) -> NonZeroU32 + Send + Sync + 'static,
    ) -> Self {
        self.weight_of = Arc::new(weight_of);
        self
    }

    /// Sets everything that is configured.
    #[must_use]
    pub fn config(mut self, config: FairConfig) -> Self {
        self.config = config;
        self
    }

    pub(super) fn key(&self, delivery: &Delivery) -> Text {
        (self.key_of)(delivery).unwrap_or_default()
    }

    /// Returns what a delivery takes of the share of its key.
    pub(super) fn cost(&self, delivery: &Delivery) -> u64 {
        match self.config.cost {
            Cost::Messages => 1,
            Cost::Bytes => delivery.bytes().max(1),
        }
    }

    /// Returns what one turn gives to `key`.
    pub(super) fn turn(&self, key: &str) -> u64 {
        let turn = match self.config.cost {
            Cost::Messages => 1,
            Cost::Bytes => self.config.turn_bytes.get(),
        };
        turn.saturating_mul((self.weight_of)(key).get().into())
    }

    pub(super) fn concurrency_max(&self) -> Option<NonZeroU32> {
        self.config.concurrency_max
    }

    pub(super) fn rate(&self) -> Option<RateLimitConfig> {
        let rate = RateLimitConfig::per_second(self.config.rate_max?);
        Some(RateLimitConfig {
            burst: self.config.rate_burst,
            ..rate
        })
    }
}

impl Dispatch for Fair {
    fn line(&self) -> Box<dyn DispatchLine> {
        Box::new(FairLine::new(self.clone()))
    }
}

impl Debug for Fair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            key_of: _,
            weight_of: _,
            config,
        } = self;
        f.debug_struct("Fair")
            .field("config", config)
            .finish_non_exhaustive()
    }
}
