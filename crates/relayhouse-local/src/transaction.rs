//! Settling and sending as one: in one group of one file, or by a note from one file to another.

use std::sync::Arc;

use async_trait::async_trait;
use relayhouse_core::{
    Error, Message, Operation, Outcome, QueueName, Result, Sending, Settlement, Settling, Source,
    Text,
    port::{DedupStore, Site, Transactional},
};
use tokio::sync::oneshot;

use crate::{
    capability,
    config::{Config, Full},
    convert,
    dedup::LocalDedup,
    error,
    file::{self, File},
    namespace::{self, Namespace, Target},
    origin,
    path::Missing,
    queue::{Queue, There},
    sender,
    store::{Access, Admission, Kind, Lane, Moment, Proof, Store},
    writer::{Call, Cost, Jobs, reply},
};

/// Settles and sends within one directory.
#[derive(Debug)]
pub(crate) struct LocalTransactional {
    namespace: Arc<Namespace>,
    config: Arc<Config>,
}

/// Is the part of a transaction that settles.
struct Settle {
    there: There,
    lane: Lane,
    source: Text,
    items: Vec<(Proof, Settlement)>,
}

/// Is what a message got where it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Arrived {
    sequence: u64,
    is_duplicate: bool,
}

impl LocalTransactional {
    pub(crate) fn new(namespace: Arc<Namespace>, config: Arc<Config>) -> Self {
        Self { namespace, config }
    }

    /// Does all of it or nothing, and returns what each message got.
    async fn run(
        &self,
        source: &Source,
        settle: &[Settling],
        queue: &QueueName,
        send: &mut [Sending],
    ) -> Result<Vec<Arrived>> {
        let config = &*self.config;
        let from = self
            .namespace
            .find(&source.entity, config, Operation::Settle)
            .await?;
        let from = from.dead_letters(source.dead_letter);
        let file = self.namespace.ensure_target(queue, config).await?;
        let target = self
            .namespace
            .target(&file, config, Operation::Send)
            .await?;
        let Namespace { context, ids, .. } = &*self.namespace;
        let capabilities = config.declare(&capability::NATIVE);
        convert::prepare(context, ids, &capabilities, &target.settings, send);
        if let Some(error) = send.iter().find_map(|item| item.outcome.error().cloned()) {
            return Err(error);
        }
        let settle = Settle::new(&from, settle)?;
        let messages = sender::pending(send);
        if Arc::ptr_eq(&from.file, &target.file) {
            return within(&from.file, queue, settle, messages).await;
        }
        if messages.is_empty() {
            return settle_alone(&from.file, settle).await;
        }
        has_room(&target, queue, &messages).await?;
        across(&from, &target, settle, messages).await
    }
}

impl Settle {
    fn new(queue: &Queue, batch: &[Settling]) -> Result<Self> {
        let proof = |item: &Settling| origin::provable(item, &queue.file.site);
        Ok(Self {
            there: queue.there(),
            lane: queue.lane,
            source: queue.name(),
            items: batch.iter().map(proof).collect::<Result<_>>()?,
        })
    }

    /// Settles every item, or fails with why one cannot be settled.
    fn run(self, store: &mut dyn Store) -> Result<()> {
        let Self {
            there,
            lane,
            source,
            items,
        } = self;
        if !there.check(store)? {
            return Err(error::deleted(source, Operation::Settle));
        }
        let verdicts = store.settle(lane, &items)?;
        let refused = |verdict| error::of_verdict(verdict, Operation::Settle);
        verdicts.iter().find_map(refused).map_or(Ok(()), Err)
    }
}

/// Settles and sends in one group of one file.
async fn within(
    file: &File,
    queue: &QueueName,
    settle: Settle,
    messages: Vec<Message>,
) -> Result<Vec<Arrived>> {
    let (cost, name) = (sender::cost_of(&messages), queue.clone());
    let run = move |store: &mut dyn Store, _: Moment| {
        settle.run(store)?;
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        let admissions = store.enqueue(&messages, Full::Fail)?;
        admissions
            .iter()
            .map(|admission| arrived(admission, &name))
            .collect()
    };
    file.jobs.call_alone(Access::Flush, cost, run).await
}

async fn settle_alone(file: &File, settle: Settle) -> Result<Vec<Arrived>> {
    let run = move |store: &mut dyn Store, _: Moment| settle.run(store).map(|()| Vec::new());
    file.jobs.call_alone(Access::Flush, Cost::ONE, run).await
}

fn arrived(admission: &Admission, queue: &QueueName) -> Result<Arrived> {
    let (sequence, is_duplicate) = match admission {
        Admission::In { sequence } => (*sequence, false),
        Admission::Duplicate { sequence } => (*sequence, true),
        Admission::Full | Admission::Waits => return Err(error::full(queue, Full::Fail)),
    };
    Ok(Arrived {
        sequence,
        is_duplicate,
    })
}

/// Fails if the target has no room now. A full target fails a transaction: waiting for room would
/// hold leases that run out.
async fn has_room(target: &Target, queue: &QueueName, messages: &[Message]) -> Result<()> {
    let Cost {
        messages: count,
        bytes,
    } = sender::cost_of(messages);
    let run = move |store: &mut dyn Store, _| {
        let names = match store.kind()? {
            Kind::Topic => store.subscriptions()?.into_iter().map(Some).collect(),
            Kind::Queue | Kind::Undecided => vec![None],
        };
        for name in names {
            let Some((lane, settings)) = store.find(name.as_ref())? else {
                continue;
            };
            let stats = store.stats(lane)?;
            let held = stats.live();
            let held_bytes = stats.bytes.unwrap_or_default();
            if settings.messages_max < held + count || settings.bytes_max < held_bytes + bytes {
                return Ok(false);
            }
        }
        Ok(true)
    };
    match target
        .file
        .call(Operation::Send, Access::Write, Cost::ONE, run)
        .await?
    {
        true => Ok(()),
        false => Err(error::full(queue, Full::Fail)),
    }
}

/// Settles in one file and sends to another.
///
/// The source notes the messages in the group that settles; the target takes the note in, once,
/// and then the source forgets it. Each storage thread calls the next, so that it goes on if the
/// future is dropped. What a crash leaves is finished when the source is opened next.
async fn across(
    from: &Queue,
    target: &Target,
    settle: Settle,
    messages: Vec<Message>,
) -> Result<Vec<Arrived>> {
    let cost = sender::cost_of(&messages);
    let name = target.file.name.clone();
    let (to, answer) = oneshot::channel();
    let delivery = Note {
        source: Arc::clone(&from.file.jobs),
        target: Arc::clone(&target.file.jobs),
        name: name.clone(),
    };
    let run = move |store: &mut dyn Store, _: Moment| {
        settle.run(store)?;
        let number = store.note_for(name.as_str(), &messages)?;
        Ok((store.identity()?, number, messages))
    };
    let done = move |noted: Result<(u128, u64, Vec<Message>)>| match noted {
        Ok((identity, number, messages)) => {
            delivery.deliver(identity, number, messages, reply(to));
        }
        Err(error) => reply(to)(Err(error)),
    };
    let job = Call::new(cost, Access::Flush, run, done).alone();
    from.file.jobs.push(Box::new(job)).await?;
    let name = &target.file.name;
    let sequences = answer
        .await
        .unwrap_or_else(|_| Err(error::half_way(name, &error::writer_gone())))?;
    let arrived = |sequence| Arrived {
        sequence,
        is_duplicate: false,
    };
    Ok(sequences.into_iter().map(arrived).collect())
}

/// Brings what one file has noted to another.
struct Note {
    source: Arc<Jobs>,
    target: Arc<Jobs>,
    name: QueueName,
}

impl Note {
    /// Has the target take the note in, and the source forget it.
    fn deliver(
        self,
        from: u128,
        number: u64,
        messages: Vec<Message>,
        answer: impl FnOnce(Result<Vec<u64>>) + Send + 'static,
    ) {
        let Self {
            source,
            target,
            name,
        } = self;
        let cost = sender::cost_of(&messages);
        let run = move |store: &mut dyn Store, _: Moment| store.take_note(from, number, &messages);
        let done = move |taken: Result<Vec<u64>>| {
            if taken.is_ok() {
                source.push_now(forget(number));
            }
            answer(taken.map_err(|error| error::half_way(&name, &error)));
        };
        target.push_now(Box::new(Call::new(cost, Access::Flush, run, done)));
    }
}

fn forget(number: u64) -> Box<dyn crate::writer::Job> {
    let run = move |store: &mut dyn Store, _: Moment| store.forget_note(number);
    // A note that is not forgotten is taken in once more, which changes nothing.
    Box::new(Call::new(Cost::ONE, Access::Write, run, |_: Result<()>| ()))
}

/// Finishes the transactions that a crash has left in a file which was just opened.
pub(crate) async fn finish_notes(
    namespace: &Arc<Namespace>,
    file: &Arc<File>,
    config: &Config,
) -> Result<()> {
    loop {
        let run = |store: &mut dyn Store, _| Ok((store.noted()?, store.identity()?));
        let noted = file
            .call(Operation::Open, Access::Look, Cost::ONE, run)
            .await?;
        let (Some((number, name, messages)), identity) = noted else {
            return Ok(());
        };
        let name = QueueName::new(name)?;
        // Boxed, since opening the target may find notes there.
        let target = Box::pin(namespace.file(&name, config, Missing::Refuse, Operation::Open));
        match target.await {
            Ok(target) => take_in(&target, identity, number, messages).await?,
            // A queue that was deleted is deleted with what was on its way.
            Err(error) if error.kind() == relayhouse_core::ErrorKind::QueueNotFound => {}
            Err(error) => return Err(error),
        }
        let run = move |store: &mut dyn Store, _| store.forget_note(number);
        file.call(Operation::Open, Access::Write, Cost::ONE, run)
            .await?;
    }
}

async fn take_in(target: &File, from: u128, number: u64, messages: Vec<Message>) -> Result<()> {
    let cost = sender::cost_of(&messages);
    let run = move |store: &mut dyn Store, _| store.take_note(from, number, &messages).map(drop);
    target.call(Operation::Send, Access::Flush, cost, run).await
}

#[async_trait]
impl Transactional for LocalTransactional {
    async fn settle_and_send(
        &self,
        source: &Source,
        settle: &mut [Settling],
        queue: &QueueName,
        send: &mut [Sending],
    ) -> Result<()> {
        self.namespace.check_open(Operation::Settle)?;
        match self.run(source, settle, queue, send).await {
            Ok(arrived) => {
                for item in settle {
                    item.outcome = Outcome::Done(());
                }
                for (item, arrived) in send.iter_mut().zip(arrived) {
                    drop(sender::sent(item, arrived.sequence, arrived.is_duplicate));
                }
            }
            Err(error) => fail(settle, send, &error),
        }
        Ok(())
    }

    fn site(&self, source: &Source) -> Option<Site> {
        let (name, _) = namespace::parts(&source.entity);
        let place = self.namespace.place(name, Missing::Refuse).ok()?;
        Some(file::site(&place.path))
    }

    async fn dedup_store(&self, source: &Source) -> Result<Arc<dyn DedupStore>> {
        self.namespace.check_open(Operation::Open)?;
        let (name, _) = namespace::parts(&source.entity);
        let store = LocalDedup::open(&self.namespace, name, &self.config).await?;
        Ok(Arc::new(store))
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

#[cfg(test)]
mod tests {
    use relayhouse_core::port::{Provider, ReceiveRequest, ReceiverOptions};

    use super::*;
    use crate::Local;

    fn open(directory: &std::path::Path) -> Local {
        let context = relayhouse_time::context().expect("randomness");
        Local::builder(context, directory)
            .build()
            .expect("a directory")
    }

    async fn receive(local: &Local, queue: &str) -> usize {
        let source = queue.parse().expect("a source");
        let options = ReceiverOptions::default();
        let receiver = local.receiver(&source, options).await.expect("a receiver");
        let mut deliveries = Vec::new();
        receiver
            .receive(ReceiveRequest::ONE, &mut deliveries)
            .await
            .expect("a receive");
        deliveries.len()
    }

    /// Leaves a note in `from`, as a crash after the first step does.
    async fn leave_note(local: &Local, from: &str, to: &'static str) {
        let sender = local.sender(&from.parse().expect("a name")).await;
        let mut batch = [Sending::new(Message::new("in"))];
        sender
            .expect("a sender")
            .send(&mut batch)
            .await
            .expect("a send");
        let (namespace, config) = local.inside();
        let name = from.parse().expect("a name");
        let file = namespace
            .file(&name, config, Missing::Refuse, Operation::Open)
            .await;
        let file = file.expect("a file");
        let messages = vec![Message::new("out").id(7_u128)];
        let run = move |store: &mut dyn Store, _: Moment| store.note_for(to, &messages).map(drop);
        let called = file.call(Operation::Send, Access::Flush, Cost::ONE, run);
        called.await.expect("a note");
    }

    #[tokio::test]
    async fn note_that_a_crash_left_is_taken_in_when_its_file_is_opened() {
        let place = tempfile::tempdir().expect("a directory");
        let local = open(place.path());
        assert_eq!(receive(&local, "to").await, 0);
        leave_note(&local, "from", "to").await;
        local.close().await.expect("a close");
        let local = open(place.path());
        assert_eq!(receive(&local, "to").await, 0, "its source was not opened");
        assert_eq!(receive(&local, "from").await, 1);
        assert_eq!(receive(&local, "to").await, 1);
        local.close().await.expect("a close");
        let local = open(place.path());
        assert_eq!(receive(&local, "from").await, 0);
        assert_eq!(receive(&local, "to").await, 0, "it is taken in once");
    }

    #[tokio::test]
    async fn note_for_a_queue_that_is_gone_stops_nobody() {
        let place = tempfile::tempdir().expect("a directory");
        let local = open(place.path());
        leave_note(&local, "from", "gone").await;
        local.close().await.expect("a close");
        assert_eq!(receive(&open(place.path()), "from").await, 1);
    }
}
