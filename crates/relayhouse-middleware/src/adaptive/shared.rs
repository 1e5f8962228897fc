//! What all clones share: the permits, and the limiter that steers them.

use std::sync::Arc;

use relayhouse_core::{Context, Event, Instant, Text};

use super::{
    AdaptiveConfig, Decision,
    limiter::{Limiter, Sample},
};
use crate::{
    line::wake,
    news::News,
    permits::{Amount, Permits},
    sync::{Mutex, lock},
    verdict::Verdict,
};

/// Is shared by all clones of an adaptive limit.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) context: Context,
    pub(super) permits: Arc<Permits>,
    /// What readiness keeps free.
    pub(super) reserve: Amount,
    name: Text,
    limiter: Mutex<Limiter>,
    news: News<Decision>,
}

impl Shared {
    pub(super) fn new(name: Text, config: AdaptiveConfig, context: Context) -> Self {
        let bytes_max = config.bytes_max.get();
        let reserve = Amount {
            messages: 1,
            bytes: config.request_bytes.min(bytes_max),
        };
        let limiter = Limiter::new(config, context.clock.now());
        Self {
            permits: Permits::new(Amount {
                messages: limiter.limit().into(),
                bytes: bytes_max,
            }),
            reserve,
            context,
            name,
            limiter: Mutex::new(limiter),
            news: News::default(),
        }
    }

    pub(super) fn explain(&self) -> Decision {
        lock(&self.limiter).explain()
    }

    /// Learns how a call ended that began at `began`.
    pub(super) fn record(&self, began: Instant, verdict: Verdict) {
        let (Amount { messages, .. }, _) = self.permits.load();
        let ended = self.context.clock.now();
        let sample = Sample {
            began,
            ended,
            verdict,
            in_flight: messages,
        };
        let change = {
            let mut limiter = lock(&self.limiter);
            limiter.record(sample).then(|| {
                let decision = limiter.explain();
                // With the limiter locked, so that no earlier decision comes after a later one.
                let waker = self.permits.change_messages_max(decision.limit.into());
                if self.context.observer.is_some() {
                    self.news.add(decision);
                }
                waker
            })
        };
        let Some(waker) = change else {
            return;
        };
        wake(waker);
        self.news.tell(|decision| self.tell(decision));
    }

    fn tell(&self, decision: Decision) {
        let Some(observer) = &self.context.observer else {
            return;
        };
        let Decision {
            at, before, limit, ..
        } = decision;
        let name = self.name.as_str();
        let event = Event::LimitChanged {
            name,
            before,
            limit,
        };
        observer.observe(at, &[event]);
    }
}
