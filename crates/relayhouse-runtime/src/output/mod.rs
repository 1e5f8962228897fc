//! Where a handler's answer may send to, and how what it sends leaves.

mod answer;
mod carry;
mod marks;
mod siblings;

use std::sync::{Arc, OnceLock};

use relayhouse_core::{
    Context, Delivery, Error, ErrorKind, Mark, Message, MessageId, Operation, Outgoing, QueueName,
    Result, Source, Text, Timestamp,
    port::{Provider, Site, Transactional},
};

use self::siblings::Siblings;
pub(crate) use self::{
    answer::{Answer, Exit, Leaving},
    carry::is_of_the_send,
};
use crate::producer::Producer;

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

/// What is known once the consumer has opened its source.
#[derive(Clone, Debug)]
struct Bound {
    source: Source,
    context: Context,
    atomic: Option<Atomic>,
}

/// Names a message that was handled, as it came: whoever sends it once more sends another, though
/// its id be the same.
#[derive(Clone, Debug)]
pub(crate) struct Handled {
    id: MessageId,
    enqueued_at: Timestamp,
}

/// Is a message that is sent apart from the ack, with the dedup id that it leaves with where its
/// queue takes one.
struct Apart {
    message: Message,
    dedup_id: MessageId,
}

/// Says what can be one with an ack.
#[derive(Clone, Debug)]
struct Atomic {
    /// The provider of the source: what is sent there.
    provider: Arc<dyn Provider>,
    transactional: Arc<dyn Transactional>,
    /// The site of the source: what is marked there.
    site: Option<Site>,
}

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
        inner.siblings = Some(Siblings::new(provider, context));
        Self(Arc::new(inner))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.outputs.is_empty() && self.0.siblings.is_none()
    }

    /// Tells where the messages come from that are answered; `provider` is given if settling and
    /// sending there can be one.
    pub(crate) fn bind(
        &self,
        source: &Source,
        provider: Option<&Arc<dyn Provider>>,
        context: &Context,
    ) {
        let bound = Bound {
            source: source.clone(),
            context: context.clone(),
            atomic: provider.and_then(|provider| Atomic::new(provider, source)),
        };
        // A consumer is started once.
        let _ = self.0.bound.set(bound);
    }

    /// Returns true if what `outgoing` sends can be one with the ack.
    fn is_one_with_the_ack(&self, outgoing: &Outgoing) -> bool {
        self.transaction(outgoing).is_some()
    }

    /// Returns what makes `outgoing` one with the ack: it sends to one output, at the provider of
    /// the source, and its marks are at the site of the source. Nothing is opened to know that.
    fn transaction(&self, outgoing: &Outgoing) -> Option<(&Bound, &Atomic, QueueName)> {
        let bound = self.0.bound.get()?;
        let atomic = bound.atomic.as_ref()?;
        let ((first, _), rest) = outgoing.messages().split_first()?;
        let is_one = rest.iter().all(|(name, _)| name == first);
        if !is_one || !atomic.marks(outgoing.marks()) {
            return None;
        }
        let queue = self.0.queue_at(&atomic.provider, first)?;
        Some((bound, atomic, queue))
    }

    /// Returns the messages of each output, in their order, each with a dedup id that is the same for
    /// all deliveries of the message handled. Each output is looked up once.
    fn addressed(
        &self,
        handled: &Handled,
        outgoing: &Outgoing,
    ) -> Result<Vec<(Output, Vec<Apart>)>> {
        let source = self.source();
        let delivered = format!("{}\0{}", handled.id, handled.enqueued_at.as_micros());
        let mut addressed: Vec<(Output, Vec<Apart>)> = Vec::new();
        let messages = self.identified(&handled.id, outgoing).into_iter();
        for (place, (name, message)) in messages.enumerate() {
            let dedup_id = derive(&source, &delivered, place);
            let apart = Apart { message, dedup_id };
            match addressed.iter_mut().find(|(it, _)| it.name == *name) {
                Some((_, messages)) => messages.push(apart),
                None => addressed.push((self.0.open(name)?, vec![apart])),
            }
        }
        Ok(addressed)
    }

    /// Returns the messages with their outputs, each with an id that is the same whenever the message
    /// `id` is answered.
    fn identified<'a>(&self, id: &MessageId, outgoing: &'a Outgoing) -> Vec<(&'a Text, Message)> {
        let (source, id) = (self.source(), id.to_string());
        let messages = outgoing.messages().iter().enumerate();
        let messages = messages.map(|(place, (name, message))| {
            let mut message = message.clone();
            let derived = || derive(&source, &id, place);
            message.id.get_or_insert_with(derived);
            (name, message)
        });
        messages.collect()
    }

    fn source(&self) -> String {
        let source = self.0.bound.get().map(|bound| bound.source.to_string());
        source.unwrap_or_default()
    }
}

impl From<&Delivery> for Handled {
    fn from(delivery: &Delivery) -> Self {
        Self {
            id: delivery.id.clone(),
            enqueued_at: delivery.enqueued_at,
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

    fn known(&self, name: &Text) -> Option<&Output> {
        self.outputs.iter().find(|output| output.name == *name)
    }

    fn open(&self, name: &Text) -> Result<Output> {
        match (self.known(name), &self.siblings) {
            (Some(output), _) => Ok(output.clone()),
            (None, Some(siblings)) => siblings.open(name),
            (None, None) => Err(unknown(name, &self.outputs)),
        }
    }

    /// Returns the queue of the output `name`, if it is at `provider`.
    fn queue_at(&self, provider: &Arc<dyn Provider>, name: &Text) -> Option<QueueName> {
        if let Some(output) = self.known(name) {
            let other = output.provider.as_ref()?;
            return Arc::ptr_eq(other, provider).then(|| output.queue.clone());
        }
        let siblings = self.siblings.as_ref()?;
        let is_near = Arc::ptr_eq(&siblings.provider, provider);
        QueueName::new(name.clone()).ok().filter(|_| is_near)
    }
}

impl Atomic {
    fn new(provider: &Arc<dyn Provider>, source: &Source) -> Option<Self> {
        let transactional = provider.transactional()?;
        Some(Self {
            provider: Arc::clone(provider),
            site: transactional.site(source),
            transactional,
        })
    }

    /// Returns true if all of `marks` can be one with an ack.
    fn marks(&self, marks: &[Mark]) -> bool {
        let is_here = |mark: &Mark| self.site.is_some() && mark.store.site() == self.site.as_ref();
        marks.iter().all(is_here)
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

/// Makes an id of the message at `place` of the answer to `handled` of `source`: FNV-1a of 128 bits.
fn derive(source: &str, handled: &str, place: usize) -> MessageId {
    const OFFSET: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let text = format!("{source}\0{handled}\0{place}");
    let step = |hash: u128, byte: u8| (hash ^ u128::from(byte)).wrapping_mul(PRIME);
    MessageId::from(text.bytes().fold(OFFSET, step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_id_depends_on_all_that_it_is_made_of() {
        let first = derive("orders", "7", 0);
        assert_eq!(first, derive("orders", "7", 0));
        for other in [
            derive("orders", "7", 1),
            derive("orders", "8", 0),
            derive("returns", "7", 0),
        ] {
            assert_ne!(first, other);
        }
    }
}
