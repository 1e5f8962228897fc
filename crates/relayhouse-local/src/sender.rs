//! The sender: checks a batch, and hands it to the storage thread of its queue or topic.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use relayhouse_core::{
    Capabilities, Error, Message, Operation, QueueName, Result, Sending, Sent, port::Sender,
};

use crate::{
    config::{Config, Full},
    convert, error,
    file::File,
    gate::Place,
    namespace::{Namespace, Target},
    store::{Access, Admission, Store},
    wait::Closing,
    writer::Cost,
};

/// Sends to one queue or topic.
#[derive(Debug)]
pub(crate) struct LocalSender {
    namespace: Arc<Namespace>,
    name: QueueName,
    file: Arc<File>,
    config: Arc<Config>,
    capabilities: Arc<Capabilities>,
    /// The queue or topic, which the first send decides on.
    target: OnceLock<Target>,
    closing: Closing,
}

impl LocalSender {
    pub(crate) fn new(
        namespace: Arc<Namespace>,
        file: Arc<File>,
        config: Arc<Config>,
        capabilities: Arc<Capabilities>,
    ) -> Self {
        Self {
            namespace,
            name: file.name.clone(),
            file,
            config,
            capabilities,
            target: OnceLock::new(),
            closing: Closing::default(),
        }
    }

    async fn target(&self) -> Result<&Target> {
        if let Some(target) = self.target.get() {
            return Ok(target);
        }
        let target = self
            .namespace
            .target(&self.file, &self.config, Operation::Send);
        let target = target.await?;
        Ok(self.target.get_or_init(|| target))
    }

    /// Sends what is pending of a batch, in one call where there is room.
    async fn send_pending(&self, batch: &mut [Sending]) -> Result<()> {
        if self.config.full != Full::Wait {
            self.send_once(batch, None).await?;
            return Ok(());
        }
        let place = self.file.waits.gate.enter();
        if self.send_once(batch, Some(&place)).await? {
            return Ok(());
        }
        // Boxed, so that a send that finds room is small.
        Box::pin(self.send_waiting(batch, &place)).await
    }

    /// Sends what has room; returns false if something waits for room.
    async fn send_once(&self, batch: &mut [Sending], place: Option<&Place>) -> Result<bool> {
        let messages = pending(batch);
        if messages.is_empty() {
            return Ok(true);
        }
        let cost = cost_of(&messages);
        let run = {
            let (gate, full) = (Arc::clone(&self.file.waits.gate), self.config.full);
            let number = place.map(Place::number);
            move |store: &mut dyn Store, _| {
                if number.is_some_and(|number| !gate.may_pass(number)) {
                    let admissions = messages.iter().map(|_| Admission::Waits).collect();
                    number.iter().for_each(|number| gate.block(*number));
                    return Ok(admissions);
                }
                let admissions = store.enqueue(&messages, full)?;
                let waits = admissions.contains(&Admission::Waits);
                number
                    .iter()
                    .filter(|_| waits)
                    .for_each(|number| gate.block(*number));
                Ok(admissions)
            }
        };
        let admissions = self
            .file
            .call(Operation::Send, Access::Flush, cost, run)
            .await;
        self.answer(batch, admissions)
    }

    async fn send_waiting(&self, batch: &mut [Sending], place: &Place) -> Result<()> {
        let clock = &self.namespace.context.clock;
        let waits = &self.file.waits;
        self.file.watch().await?;
        // Room made before the watch began was not heard of.
        while !self.send_once(batch, Some(place)).await? {
            tokio::select! {
                biased;
                () = self.closing.closed() => return Err(self.closed()),
                () = self.namespace.closing.closed() => return Err(self.closed()),
                () = place.called() => {}
                () = waits.keep_time(&**clock, &self.file.jobs) => {}
            }
        }
        Ok(())
    }

    fn closed(&self) -> Error {
        error::closed(Operation::Send).queue(&self.name)
    }

    /// Writes the answers into their items; returns false if something waits for room.
    fn answer(&self, batch: &mut [Sending], admissions: Result<Vec<Admission>>) -> Result<bool> {
        let pending = batch.iter_mut().filter(|item| item.outcome.is_pending());
        let admissions = match admissions {
            Ok(admissions) => admissions,
            Err(error) if error::is_unknown(&error) => {
                pending.for_each(|item| item.fail(error.clone()));
                return Ok(true);
            }
            Err(error) => return Err(error),
        };
        let full = self.config.full;
        let is_full = admissions
            .iter()
            .all(|admission| *admission == Admission::Full);
        if full == Full::Fail && is_full && !admissions.is_empty() {
            return Err(error::full(&self.name, full));
        }
        let mut is_done = true;
        for (item, admission) in pending.zip(admissions) {
            match admission {
                Admission::In { sequence } => drop(sent(item, sequence, false)),
                Admission::Duplicate { sequence } => drop(sent(item, sequence, true)),
                Admission::Full => item.fail(error::full(&self.name, full)),
                Admission::Waits => is_done = false,
            }
        }
        Ok(is_done)
    }
}

/// Writes that a message was sent, and returns it.
pub(crate) fn sent(item: &mut Sending, sequence: u64, deduplicated: bool) -> Message {
    item.done(Sent {
        id: item.message.id.clone(),
        sequence: Some(sequence),
        deduplicated,
    })
}

/// Returns the messages of a batch that have no answer yet; they share their bodies with it.
pub(crate) fn pending(batch: &[Sending]) -> Vec<Message> {
    let pending = batch.iter().filter(|item| item.outcome.is_pending());
    pending.map(|item| item.message.clone()).collect()
}

pub(crate) fn cost_of(messages: &[Message]) -> Cost {
    Cost {
        messages: messages.len() as u64,
        bytes: messages.iter().map(Message::size).sum(),
    }
}

#[async_trait]
impl Sender for LocalSender {
    fn queue(&self) -> &QueueName {
        &self.name
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn send(&self, batch: &mut [Sending]) -> Result<()> {
        if self.closing.is_closed() {
            return Err(self.closed());
        }
        self.namespace.check_open(Operation::Send)?;
        if batch.is_empty() {
            return Ok(());
        }
        let target = self.target().await?;
        let Namespace { context, ids, .. } = &*self.namespace;
        convert::prepare(context, ids, &self.capabilities, &target.settings, batch);
        self.send_pending(batch).await
    }

    async fn close(&self) -> Result<()> {
        self.closing.close();
        Ok(())
    }
}
