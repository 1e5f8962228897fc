//! Where a handler's answer may send to, and how what it sends leaves.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, OnceLock},
};

use futures_util::future::join_all;
use relayhouse_core::{
    Context, Error, ErrorKind, Message, MessageId, Operation, Outgoing, QueueName, Result, Sending,
    Settlement, Settling, Source, Text,
    port::{Provider, Transactional},
};

use crate::{
    producer::{Mark, Producer, report},
    sync::lock,
};

/// The most queues of a provider that are kept open for answers.
const SIBLINGS_MAX: usize = 64;

/// Is a queue or topic that handlers of a consumer send to with their answers, by its name.
///
/// ```
/// # use std::sync::Arc;
/// # use relayhouse_core::{Context, Delivery, Message, Result, Settlement, Source, port::Provider};
/// use relayhouse_runtime::{Consumer, Output};
///
/// # fn example(provider: Arc<dyn Provider>, source: Source, context: Context) -> Result<Consumer> {
/// let payments = Output::of(Arc::clone(&provider), "payments".parse()?, &context)?;
/// let consumer = Consumer::of(provider, source, context)
///     .output(payments)
///     .handler(|order: Message| async move { Settlement::forward("payments", order) });
/// # Ok(consumer)
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Output {
    name: Text,
    queue: QueueName,
    producer: Producer,
    provider: Option<Arc<dyn Provider>>,
}

/// Holds the outputs of a consumer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outputs(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    outputs: Vec<Output>,
    siblings: Option<Siblings>,
    bound: OnceLock<Bound>,
}

/// All queues of a provider, opened when they are sent to.
#[derive(Clone, Debug)]
struct Siblings {
    provider: Arc<dyn Provider>,
    context: Context,
    /// The latest used is the last.
    opened: Arc<Mutex<Vec<Output>>>,
}

/// What is known once the consumer has opened its source.
#[derive(Clone, Debug)]
struct Bound {
    source: Source,
    /// The provider of the source and its transactions, where it has them.
    atomic: Option<(Arc<dyn Provider>, Arc<dyn Transactional>)>,
}

/// Sends on its way; it ends with the answer that is left.
pub(crate) type Leaving<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

impl Output {
    /// Makes an output of a producer of `queue`. What is sent there is confirmed before the ack.
    #[must_use]
    pub fn new(queue: QueueName, producer: Producer) -> Self {
        Self {
            name: Text::from(queue.to_string()),
            queue,
            producer,
            provider: None,
        }
    }

    /// Makes an output of `queue` at `provider`. A consumer of the same provider sends and acks as
    /// one, where the provider has transactions and an answer sends to one output alone.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::ConfigInvalid`] if no producer can be built.
    pub fn of(provider: Arc<dyn Provider>, queue: QueueName, context: &Context) -> Result<Self> {
        let producer = Producer::of(Arc::clone(&provider), queue.clone(), context.clone());
        Ok(Self::new(queue, producer.build()?).at(provider))
    }

    /// Says that the queue is at `provider`, as [`of`](Self::of) does.
    #[must_use]
    pub fn at(mut self, provider: Arc<dyn Provider>) -> Self {
        self.provider = Some(provider);
        self
    }

    /// Sets the name by which handlers send to it; that of the queue.
    #[must_use]
    pub fn name(mut self, name: impl Into<Text>) -> Self {
        self.name = name.into();
        self
    }
}

impl Outputs {
    /// Returns these outputs and `output`.
    pub(crate) fn with(&self, output: Output) -> Self {
        let mut inner = self.0.unbound();
        inner.outputs.push(output);
        Self(Arc::new(inner))
    }

    /// Returns these outputs and all queues of `provider`.
    pub(crate) fn with_siblings(&self, provider: Arc<dyn Provider>, context: Context) -> Self {
        let mut inner = self.0.unbound();
        inner.siblings = Some(Siblings {
            provider,
            context,
            opened: Arc::default(),
        });
        Self(Arc::new(inner))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.outputs.is_empty() && self.0.siblings.is_none()
    }

    /// Tells where the messages come from that are answered; `provider` is given if settling and
    /// sending there can be one.
    pub(crate) fn bind(&self, source: &Source, provider: Option<&Arc<dyn Provider>>) {
        let atomic = provider.and_then(|provider| {
            let transactional = provider.transactional()?;
            Some((Arc::clone(provider), transactional))
        });
        let source = source.clone();
        // A consumer is started once.
        let _ = self.0.bound.set(Bound { source, atomic });
    }

    /// Returns true if what `outgoing` sends can be one with the ack: it is for one output, at the
    /// provider of the source.
    pub(crate) fn is_atomic(&self, outgoing: &Outgoing) -> bool {
        self.transaction(outgoing).is_some()
    }

    fn transaction(&self, outgoing: &Outgoing) -> Option<(&Bound, &dyn Transactional, Output)> {
        let bound = self.0.bound.get()?;
        let (provider, transactional) = bound.atomic.as_ref()?;
        let ((first, _), rest) = outgoing.messages().split_first()?;
        let output = self.find(first).ok()?;
        let is_near = output
            .provider
            .as_ref()
            .is_some_and(|other| Arc::ptr_eq(other, provider));
        let is_one = rest.iter().all(|(name, _)| name == first);
        (is_near && is_one).then_some((bound, &**transactional, output))
    }

    /// Sends what `item` is to send and settles it, as one.
    pub(crate) async fn settle_and_send(
        &self,
        item: &mut Settling,
        context: &Context,
    ) -> Result<()> {
        let Settlement::Forward(outgoing) = &item.settlement else {
            return Err(Error::new(ErrorKind::Unexpected, "nothing is to be sent"));
        };
        let addressed = self.addressed(&item.delivery.id, outgoing)?;
        let Some((bound, transactional, output)) = self.transaction(outgoing) else {
            return Err(Error::new(
                ErrorKind::Unexpected,
                "nothing can be one with the ack",
            ));
        };
        let messages: Vec<Message> = addressed
            .into_iter()
            .flat_map(|(_, messages)| messages)
            .collect();
        let mut send: Vec<Sending> = messages.iter().cloned().map(Sending::new).collect();
        let mut settle = [Settling::new(item.delivery.clone(), Settlement::Ack)];
        let call =
            transactional.settle_and_send(&bound.source, &mut settle, &output.queue, &mut send);
        let result = call.await;
        for (message, sending) in messages.iter().zip(send) {
            let answer = sending.outcome.settle(&result);
            report(context, &output.queue, &Mark::of(message), &answer);
        }
        let [settled] = settle;
        item.outcome = settled.outcome;
        result
    }

    /// Sends what `outgoing` holds, and ends when all of it is confirmed. `id` is that of the
    /// message handled.
    pub(crate) async fn send(&self, id: &MessageId, outgoing: &Outgoing) -> Result<()> {
        let sends = self
            .addressed(id, outgoing)?
            .into_iter()
            .map(|(output, messages)| output.send(messages));
        join_all(sends).await.into_iter().collect()
    }

    /// Returns the messages of each output, in their order, each with an id that is the same
    /// whenever the same message is answered.
    fn addressed(
        &self,
        id: &MessageId,
        outgoing: &Outgoing,
    ) -> Result<Vec<(Output, Vec<Message>)>> {
        let source = self.0.bound.get().map(|bound| bound.source.to_string());
        let source = source.unwrap_or_default();
        let mut addressed: Vec<(Output, Vec<Message>)> = Vec::new();
        for (place, (name, message)) in outgoing.messages().iter().enumerate() {
            let output = self.find(name)?;
            let mut message = message.clone();
            let derived = || derive(&source, id, place);
            message.id.get_or_insert_with(derived);
            match addressed.iter_mut().find(|(it, _)| it.name == *name) {
                Some((_, messages)) => messages.push(message),
                None => addressed.push((output, vec![message])),
            }
        }
        Ok(addressed)
    }

    fn find(&self, name: &Text) -> Result<Output> {
        let Inner {
            outputs, siblings, ..
        } = &*self.0;
        let known = outputs.iter().find(|output| output.name == *name);
        match (known, siblings) {
            (Some(output), _) => Ok(output.clone()),
            (None, Some(siblings)) => siblings.find(name),
            (None, None) => Err(unknown(name, outputs)),
        }
    }
}

impl Inner {
    /// Returns a copy that no consumer has started with.
    fn unbound(&self) -> Self {
        Self {
            outputs: self.outputs.clone(),
            siblings: self.siblings.clone(),
            bound: OnceLock::new(),
        }
    }
}

impl Siblings {
    /// Returns the output to the queue `name`. Of those that were opened the latest are kept: the
    /// producer of another ends with its last send.
    fn find(&self, name: &Text) -> Result<Output> {
        let queue = QueueName::new(name.clone())?;
        let mut opened = lock(&self.opened);
        let output = match opened.iter().position(|output| output.name == *name) {
            Some(place) => opened.remove(place),
            None => Output::of(Arc::clone(&self.provider), queue, &self.context)?,
        };
        if opened.len() == SIBLINGS_MAX {
            opened.remove(0);
        }
        opened.push(output.clone());
        Ok(output)
    }
}

fn unknown(name: &Text, outputs: &[Output]) -> Error {
    let known: Vec<&str> = outputs.iter().map(|output| &*output.name).collect();
    let known = match known.as_slice() {
        [] => "it has none".to_owned(),
        known => known.join(", "),
    };
    let rule = format!("the handler sends to {name}, which is no output of the consumer: {known}");
    Error::new(ErrorKind::ConfigInvalid, rule).operation(Operation::Handle)
}

impl Output {
    async fn send(self, mut messages: Vec<Message>) -> Result<()> {
        if self.producer.deduplicates().await? {
            messages.iter_mut().for_each(set_dedup_id);
        }
        let answers = self.producer.send_all(messages).await;
        answers.into_iter().try_for_each(|answer| answer.map(drop))
    }
}

/// Lets the provider drop the message if it comes again.
fn set_dedup_id(message: &mut Message) {
    let id = message.id.as_ref().map(ToString::to_string);
    if let (None, Some(id)) = (&message.details().dedup_id, id) {
        message.details_mut().dedup_id = Some(Text::from(id));
    }
}

/// Makes the id of the message at `place` of the answer to the message `id` of `source`: FNV-1a of
/// 128 bits.
fn derive(source: &str, id: &MessageId, place: usize) -> MessageId {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let text = format!("{source}\0{id}\0{place}");
    let step = |hash: u128, byte: u8| (hash ^ u128::from(byte)).wrapping_mul(PRIME);
    MessageId::from(text.bytes().fold(OFFSET, step))
}

/// Is what a call of a handler answers, as far as it may send.
pub(crate) trait Answer: Sized + Send + 'static {
    /// The ids of the messages that were handled.
    type Ids: Send + Unpin + 'static;

    /// Returns true if something is to be sent before the answer stands.
    fn must_send(&self, outputs: &Outputs) -> bool;

    /// Sends, and returns what is left of the answer.
    fn send(self, outputs: Outputs, ids: Self::Ids) -> Leaving<Self>;
}

impl Answer for Settlement {
    type Ids = MessageId;

    fn must_send(&self, outputs: &Outputs) -> bool {
        matches!(self, Self::Forward(outgoing) if !outputs.is_atomic(outgoing))
    }

    fn send(self, outputs: Outputs, id: MessageId) -> Leaving<Self> {
        Box::pin(async move {
            let Self::Forward(outgoing) = self else {
                return Ok(self);
            };
            outputs.send(&id, &outgoing).await.map(|()| Self::Ack)
        })
    }
}

impl Answer for Vec<Result<Settlement>> {
    type Ids = Vec<MessageId>;

    fn must_send(&self, outputs: &Outputs) -> bool {
        let must_send = |answer: &Settlement| answer.must_send(outputs);
        self.iter().flatten().any(must_send)
    }

    fn send(self, outputs: Outputs, ids: Vec<MessageId>) -> Leaving<Self> {
        Box::pin(async move {
            let answers = self.into_iter().zip(ids).map(|(answer, id)| {
                let outputs = outputs.clone();
                async move {
                    match answer {
                        Ok(settlement) if settlement.must_send(&outputs) => {
                            settlement.send(outputs, id).await
                        }
                        answer => answer,
                    }
                }
            });
            Ok(join_all(answers).await)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_id_depends_on_all_that_it_is_made_of() {
        let id = |text| MessageId::from_text(text);
        let first = derive("orders", &id("7"), 0);
        assert_eq!(first, derive("orders", &id("7"), 0));
        for other in [
            derive("orders", &id("7"), 1),
            derive("orders", &id("8"), 0),
            derive("returns", &id("7"), 0),
        ] {
            assert_ne!(first, other);
        }
    }
}
