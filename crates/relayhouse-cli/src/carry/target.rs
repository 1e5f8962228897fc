//! Where messages are carried to, and as what.

use relayhouse::{
    Delivery, Entity, Error, ErrorKind, Message, MessageId, Queue, Result, runtime::Producer,
};

/// How much of a long id is in a dedup id: the sequence number tells the rest apart.
const ID_CHARS_MAX: usize = 40;

/// Is a queue that messages are carried to.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) producer: Producer,
    pub(crate) name: String,
    /// True if it drops a message whose dedup id it knows.
    pub(crate) dedups: bool,
}

impl Target {
    /// Makes a target of `queue`, if something can be sent to it.
    pub(crate) async fn of(queue: &Queue) -> Result<Self> {
        let source = queue.source();
        if matches!(&source.entity, Entity::Subscription { .. }) && !source.dead_letter {
            let text = "what is sent to its topic comes to all its subscriptions, \
                        name a queue with --to";
            return Err(Error::new(ErrorKind::Unsupported, text).queue(source));
        }
        // It says why nothing can be sent, if nothing can.
        queue.output()?;
        Ok(Self {
            producer: queue.producer(),
            name: format!("{}:{source}", queue.provider().scheme()),
            dedups: dedups(queue).await?,
        })
    }
}

/// Returns true if `queue` drops a message whose dedup id it knows.
pub(crate) async fn dedups(queue: &Queue) -> Result<bool> {
    let Entity::Queue(name) = &queue.source().entity else {
        return Ok(false);
    };
    let sender = queue.provider().sender(name).await?;
    let dedups = sender.capabilities().dedup.is_supported();
    sender.close().await?;
    Ok(dedups)
}

/// Makes the message of a dead letter to be sent once more, with its id.
pub(crate) fn again(delivery: &Delivery, dedups: bool) -> Message {
    let letter = delivery.envelope.as_deref();
    let time = letter.map(|letter| letter.dead_lettered_at.as_micros());
    let number = delivery.sequence.or(time);
    renewed(delivery.message.clone(), &delivery.id, number, dedups)
}

/// Gives `message` its `id` again.
///
/// Where duplicates are dropped it gets a dedup id of its own: the far side may still know the one
/// that the message came with, and would drop what it never handled. With the `number` that it had
/// among the dead letters it is the same whenever that dead letter is sent.
pub(crate) fn renewed(
    mut message: Message,
    id: &MessageId,
    number: Option<u64>,
    dedups: bool,
) -> Message {
    message.id = Some(id.clone());
    if message.details().not_before.is_some() {
        message.details_mut().not_before = None;
    }
    if !dedups {
        return message;
    }
    let id: String = id.to_string().chars().take(ID_CHARS_MAX).collect();
    message.dedup_id(format!("redrive-{}-{id}", number.unwrap_or_default()))
}
