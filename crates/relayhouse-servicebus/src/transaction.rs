//! Settling and sending as one: a transaction around one entity.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use fe2o3_amqp::{
    link::{DispositionError, Sender as AmqpSender},
    transaction::{
        OwnedTransaction, TransactionBase, TransactionDischarge, TransactionPosting,
        TransactionRetirement,
    },
};
use fe2o3_amqp_types::{
    definitions::Fields,
    messaging::{Outcome as AmqpOutcome, Source as AmqpSource, Target},
    primitives::{Symbol, Value},
    transaction::TransactionId,
};
use futures_util::{TryFutureExt, future::try_join_all};
use relayhouse_core::{
    Entity, Error, ErrorKind, MessageId, Operation, Outcome, QueueName, Result, Sending, Sent,
    Settling, Source,
    port::{DedupStore, Site, Transactional},
};

use crate::{
    capability::CAPABILITIES,
    convert::Packet,
    hub::Hub,
    link::{self, Passage, within},
    receiver::{Decided, ServiceBusReceiver},
};

/// The property by which a message goes through one entity to another.
const DESTINATION: &str = "com.microsoft:transfer-destination-address";

/// The most messages that one transaction sends.
const SENDS_MAX: usize = 100;

/// Names a transaction to the links that take part in it.
#[derive(Clone, Debug)]
pub(crate) struct Part(TransactionId);

impl TransactionBase for Part {
    fn txn_id(&self) -> &TransactionId {
        &self.0
    }
}

impl TransactionRetirement for Part {
    type RetireError = DispositionError;
}

impl TransactionPosting for Part {}

/// Is what one transaction does.
#[derive(Debug)]
pub(crate) struct Work<'a> {
    pub(crate) hub: &'a Hub,
    /// The entity around which it is.
    pub(crate) source: &'a Source,
    /// Who holds what is settled, with what is decided of it.
    pub(crate) settled: Option<(&'a ServiceBusReceiver, Vec<Decided>)>,
    /// Where to send, and what.
    pub(crate) queue: &'a str,
    pub(crate) packets: Vec<Packet>,
}

impl Work<'_> {
    /// Does all of it, or nothing. Dropping the future leaves it unknown which.
    pub(crate) async fn run(self) -> Result<()> {
        let is_ending = AtomicBool::new(false);
        let limit = self.hub.call_timeout;
        let done = within(self.hub.link.clock(), limit, self.attempt(&is_ending)).await;
        done.unwrap_or_else(|| {
            if is_ending.load(Ordering::Acquire) {
                return Err(link::unknown());
            }
            Err(Error::new(
                ErrorKind::Timeout,
                "the transaction was not ready in time, and nothing of it was done",
            ))
        })
    }

    async fn attempt(self, is_ending: &AtomicBool) -> Result<()> {
        let Self {
            hub,
            source,
            settled,
            queue,
            packets,
        } = self;
        let group = group_of(source);
        let Passage {
            mut session,
            answers,
            pass: _here,
        } = hub.link.session(&group).await?;
        let transaction = OwnedTransaction::declare(&mut session, hub.link.name(), None).await;
        let transaction = transaction.map_err(link::of_declare)?;
        let part = Part(transaction.txn_id().clone());
        let receiver = settled.as_ref().map(|(receiver, _)| *receiver);
        let tokens = settled.iter().flat_map(|(_, decided)| decided);
        let tokens: Vec<_> = tokens.map(Decided::token).collect();
        let done = async {
            if !packets.is_empty() {
                // The token lets us in there as well.
                let _there = match queue == group {
                    true => None,
                    false => Some(hub.link.session(queue).await?),
                };
                let mut sender = attach(hub, &mut session, &group, queue).await?;
                post(&part, &mut sender, packets).await?;
                // What it sent is the transaction's by now.
                let _ = sender.close().await;
            }
            if let Some((receiver, decided)) = settled {
                receiver.retire(part, decided, &answers).await?;
            }
            Ok(())
        };
        let ended = match done.await {
            Ok(()) => {
                is_ending.store(true, Ordering::Release);
                let ended = transaction.commit().await.map_err(link::of_discharge);
                let may_be_done = ended.as_ref().err().is_none_or(is_unknown);
                if let Some(receiver) = receiver.filter(|_| may_be_done) {
                    receiver.retired(&tokens);
                }
                ended
            }
            Err(error) => {
                // What cannot be rolled back ends with its link.
                let _ = transaction.rollback().await;
                Err(error)
            }
        };
        session.end().await;
        ended
    }
}

fn is_unknown(error: &Error) -> bool {
    error.kind() == ErrorKind::OutcomeUnknown
}

/// Attaches a sender to `group` whose messages go to `queue`.
async fn attach(
    hub: &Hub,
    session: &mut fe2o3_amqp::session::SessionHandle<()>,
    group: &str,
    queue: &str,
) -> Result<AmqpSender> {
    let name = hub.link.name();
    let mut builder = AmqpSender::builder()
        .name(name.as_str())
        .source(AmqpSource::builder().address(name.as_str()).build())
        .target(Target::builder().address(group).build());
    if queue != group {
        let mut properties = Fields::new();
        let destination = Value::String(queue.to_owned());
        properties.insert(Symbol::from(DESTINATION), destination);
        builder = builder.properties(properties);
    }
    builder
        .attach(session)
        .map_err(link::of_sender_attach)
        .await
}

/// Sends `packets` as part of a transaction, and hears that all of them can be sent.
async fn post(part: &Part, sender: &mut AmqpSender, packets: Vec<Packet>) -> Result<()> {
    let mut posted = Vec::with_capacity(packets.len());
    for packet in packets {
        let answer = part.post_batchable(sender, packet.into_message()).await;
        posted.push(answer.map_err(link::of_post)?);
    }
    for outcome in try_join_all(posted).await.map_err(link::of_post)? {
        match outcome {
            AmqpOutcome::Accepted(_) => {}
            AmqpOutcome::Rejected(rejected) => {
                return Err(match &rejected.error {
                    Some(error) => link::of_amqp(error, Operation::Send),
                    None => Error::new(ErrorKind::MessageInvalid, "the broker refused a message"),
                });
            }
            _ => {
                let rule = "the broker gave a message back";
                return Err(Error::new(ErrorKind::Unexpected, rule));
            }
        }
    }
    Ok(())
}

/// Returns the entity around which what is received from `source` can be settled and sent as one.
fn group_of(source: &Source) -> String {
    match &source.entity {
        Entity::Subscription { topic, .. } => topic.as_str().to_owned(),
        entity => entity.to_string(),
    }
}

/// Settles and sends as one.
#[derive(Debug)]
pub(crate) struct ServiceBusTransactional(pub(crate) Arc<Hub>);

impl ServiceBusTransactional {
    /// Writes what is to be sent.
    fn write(&self, send: &[Sending]) -> Result<Vec<(MessageId, Packet)>> {
        if SENDS_MAX < send.len() {
            return Err(Error::new(
                ErrorKind::MessageInvalid,
                format!("a transaction sends at most {SENDS_MAX} messages"),
            ));
        }
        send.iter()
            .map(|item| self.0.write(&item.message, &CAPABILITIES))
            .collect()
    }

    async fn run(
        &self,
        source: &Source,
        settle: &[Settling],
        queue: &QueueName,
        send: &[Sending],
    ) -> Result<Vec<MessageId>> {
        let (ids, packets) = self.write(send)?.into_iter().unzip();
        let held = match settle.first() {
            None => None,
            Some(first) => Some(self.0.opened.holder(source, &first.delivery.receipt)?),
        };
        let settled = match &held {
            None => None,
            Some(held) => Some((held.receiver(), held.receiver().decide_all(settle)?)),
        };
        let work = Work {
            hub: &self.0,
            source,
            settled,
            queue: queue.as_str(),
            packets,
        };
        work.run().await?;
        Ok(ids)
    }
}

#[async_trait]
impl Transactional for ServiceBusTransactional {
    async fn settle_and_send(
        &self,
        source: &Source,
        settle: &mut [Settling],
        queue: &QueueName,
        send: &mut [Sending],
    ) -> Result<()> {
        match self.run(source, settle, queue, send).await {
            Ok(ids) => {
                for item in settle {
                    item.outcome = Outcome::Done(());
                }
                for (item, id) in send.iter_mut().zip(ids) {
                    item.done(Sent {
                        id: Some(id),
                        ..Sent::default()
                    });
                }
            }
            Err(error) => {
                for item in settle {
                    let error = error.clone().at(Operation::Settle, source);
                    item.outcome = Outcome::Failed(error);
                }
                for item in send {
                    item.fail(error.clone().at(Operation::Send, queue));
                }
            }
        }
        Ok(())
    }

    fn site(&self, _: &Source) -> Option<Site> {
        None
    }

    async fn dedup_store(&self, source: &Source) -> Result<Arc<dyn DedupStore>> {
        let error = Error::new(ErrorKind::Unsupported, "no keys are kept with its messages");
        Err(error.at(Operation::Open, source))
    }
}
