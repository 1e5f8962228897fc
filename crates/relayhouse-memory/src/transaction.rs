//! Settling and sending as one.

use std::sync::Arc;

use async_trait::async_trait;
use relayhouse_core::{
    Error, ErrorKind, Operation, Outcome, QueueName, Result, Sending, Settling, Source,
    port::{DedupStore, Site, Transactional},
};

use crate::{
    config::Config,
    convert,
    engine::{Lane, settle_and_send},
    namespace::{Namespace, Target},
    sender,
};

/// Settles and sends under the locks of all queues that take part.
#[derive(Debug)]
pub(crate) struct MemoryTransactional {
    namespace: Arc<Namespace>,
    config: Arc<Config>,
}

impl MemoryTransactional {
    pub(crate) fn new(namespace: Arc<Namespace>, config: Arc<Config>) -> Self {
        Self { namespace, config }
    }
}

#[async_trait]
impl Transactional for MemoryTransactional {
    async fn settle_and_send(
        &self,
        source: &Source,
        settle: &mut [Settling],
        queue: &QueueName,
        send: &mut [Sending],
    ) -> Result<()> {
        self.namespace.check_open(Operation::Settle)?;
        let from = self.namespace.find(&source.entity, Operation::Settle)?;
        self.namespace.ensure_target(queue, &self.config)?;
        let target = self.namespace.target(queue, Operation::Send)?;
        let capabilities = self.config.declare(self.config.profile.capabilities());
        sender::check_batch(&capabilities, send)?;
        let settings = match &target {
            Target::Queue(queue) => &queue.settings,
            Target::Topic(topic) => &topic.settings,
        };
        convert::prepare(&self.namespace, &capabilities, settings, send);
        let refused = send.iter().find_map(|item| item.outcome.error().cloned());
        let lane = Lane::of(source.dead_letter);
        let done = match refused {
            Some(error) => Err(error),
            None => settle_and_send(&from, lane, settle, &target, send),
        };
        if let Err(error) = done {
            fail(settle, send, &error);
        }
        Ok(())
    }

    fn site(&self, _: &Source) -> Option<Site> {
        None
    }

    async fn dedup_store(&self, source: &Source) -> Result<Arc<dyn DedupStore>> {
        let error = Error::new(ErrorKind::Unsupported, "no keys are kept with its messages");
        Err(error.operation(Operation::Open).queue(source))
    }
}

fn fail(settle: &mut [Settling], send: &mut [Sending], error: &Error) {
    for item in settle {
        item.outcome = Outcome::Failed(error.clone());
    }
    for item in send {
        item.fail(error.clone());
    }
}
