//! The dedup store in the file of a queue or topic.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use relayhouse_core::{
    Operation, Outcome, QueueName, Result,
    port::{Claim, Claiming, DedupStore, Marking, Site},
};
use tokio::sync::oneshot;

use crate::{
    config::Config,
    error,
    file::File,
    namespace::Namespace,
    origin,
    store::{Access, Keyed, Moment, Store, Verdict},
    writer::{Call, Cost, reply},
};

/// Remembers keys beside the messages of one queue or topic.
#[derive(Debug)]
pub(crate) struct LocalDedup {
    namespace: Arc<Namespace>,
    file: Arc<File>,
}

impl LocalDedup {
    /// Opens the file of `queue`, which becomes a queue if it is not a topic.
    pub(crate) async fn open(
        namespace: &Arc<Namespace>,
        queue: &QueueName,
        config: &Config,
    ) -> Result<Self> {
        let file = namespace.ensure_target(queue, config).await?;
        namespace.target(&file, config, Operation::Open).await?;
        Ok(Self {
            namespace: Arc::clone(namespace),
            file,
        })
    }

    /// Runs `run` in a group. One that needs no flush may run on the caller's thread.
    async fn call<T: Send + 'static>(
        &self,
        access: Access,
        keys: Vec<Keyed>,
        run: impl FnOnce(&mut dyn Store, &[Keyed]) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.namespace.check_open(Operation::Handle)?;
        let cost = Cost {
            messages: keys.len() as u64,
            bytes: keys.iter().map(|keyed| keyed.key.len() as u64).sum(),
        };
        let (to, answer) = oneshot::channel();
        let run = move |store: &mut dyn Store, _: Moment| run(store, &keys);
        let call = Call::new(cost, access, run, reply(to)).quick();
        let called = self.file.jobs.answer(Box::new(call), answer).await;
        called.map_err(|error| error.at(Operation::Handle, &self.file.name))
    }
}

fn keyed(batch: &[Marking]) -> Vec<Keyed> {
    let keyed = |item: &Marking| Keyed {
        key: item.key.clone(),
        owner: item.owner,
    };
    batch.iter().map(keyed).collect()
}

#[async_trait]
impl DedupStore for LocalDedup {
    fn site(&self) -> Option<&Site> {
        Some(&self.file.site)
    }

    async fn claim(&self, batch: &mut [Claiming], hold: Duration) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let keyed = |item: &Claiming| Keyed {
            key: item.key.clone(),
            owner: item.owner,
        };
        let keys = batch.iter().map(keyed).collect();
        let run = move |store: &mut dyn Store, keys: &[Keyed]| store.claim(keys, hold);
        let claimed = self.call(Access::Write, keys, run).await;
        let outcome = |claim: &Option<Claim>| match claim {
            Some(claim) => Outcome::Done(*claim),
            None => Outcome::Failed(error::keys_full(Operation::Handle)),
        };
        origin::answer(
            claimed,
            batch.iter_mut().map(|item| &mut item.outcome),
            outcome,
        )
    }

    async fn complete(&self, batch: &mut [Marking], keep: Duration) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let run = move |store: &mut dyn Store, keys: &[Keyed]| store.complete(keys, keep);
        let completed = self.call(Access::Flush, keyed(batch), run).await;
        let outcome = |verdict: &Verdict| match error::of_verdict(verdict, Operation::Handle) {
            None => Outcome::Done(()),
            Some(error) => Outcome::Failed(error),
        };
        origin::answer(
            completed,
            batch.iter_mut().map(|item| &mut item.outcome),
            outcome,
        )
    }

    async fn abandon(&self, batch: &mut [Marking]) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let run = |store: &mut dyn Store, keys: &[Keyed]| {
            store.abandon(keys)?;
            Ok(vec![(); keys.len()])
        };
        let abandoned = self.call(Access::Write, keyed(batch), run).await;
        let outcomes = batch.iter_mut().map(|item| &mut item.outcome);
        origin::answer(abandoned, outcomes, |()| Outcome::Done(()))
    }
}
