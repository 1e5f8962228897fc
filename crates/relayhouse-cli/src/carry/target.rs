//! Where messages are carried to, and as what.

use relayhouse::{
    Delivery, Entity, Error, ErrorKind, Message, MessageId, Queue, Result, runtime::Producer,
};

/// How much of a long place is in a dedup id, which has 128 characters at most on every provider.
const PLACE_CHARS_MAX: usize = 60;
/// How much of a long id is in it: the number tells the rest apart.
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

/// Says where a message was before, and as which one there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a> {
    /// The URL of the queue without its options: names alone are the same in many directories.
    pub(crate) place: &'a str,
    /// The number that it had there, or another that no other message of its id had.
    pub(crate) number: u64,
}

/// Makes the message of `delivery` to be sent once more, from `place`.
pub(crate) fn again(delivery: &Delivery, place: &str, dedups: bool) -> Message {
    let time = match delivery.envelope.as_deref() {
        Some(letter) => letter.dead_lettered_at,
        None => delivery.enqueued_at,
    };
    let number = delivery.sequence.unwrap_or(time.as_micros());
    let origin = Origin { place, number };
    renewed(delivery.message.clone(), &delivery.id, origin, dedups)
}

/// Gives `message` its `id` again.
///
/// Where duplicates are dropped it gets a dedup id of its own: the far side may still know the one
/// that the message came with, and would drop what it never handled, or what was there before and
/// comes back. It is made of where the message was, so that it is the same when a send is done
/// again after a crash.
pub(crate) fn renewed(
    mut message: Message,
    id: &MessageId,
    origin: Origin<'_>,
    dedups: bool,
) -> Message {
    message.id = Some(id.clone());
    if message.details().not_before.is_some() {
        message.details_mut().not_before = None;
    }
    if !dedups {
        return message;
    }
    let Origin { place, number } = origin;
    let id = id.to_string();
    let (place, id) = (tail(place, PLACE_CHARS_MAX), tail(&id, ID_CHARS_MAX));
    message.dedup_id(format!("{place}-{number}-{id}"))
}

/// Returns the last `chars` of a text that may be long.
fn tail(text: &str, chars: usize) -> &str {
    let start = text.char_indices().rev().nth(chars - 1);
    start.map_or(text, |(start, _)| &text[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dedup_id_tells_places_numbers_and_ids_apart_and_is_short() {
        let of = |place: &str, number, id: &str| {
            let origin = Origin { place, number };
            let message = Message::new("x").dedup_id("known");
            let message = renewed(message, &MessageId::from(id), origin, true);
            message.details().dedup_id.clone().unwrap()
        };
        let one = of("orders", 7, "a");
        for other in [
            of("mail", 7, "a"),
            of("orders", 8, "a"),
            of("orders", 7, "b"),
        ] {
            assert_ne!(one, other);
        }
        assert_eq!(one, of("orders", 7, "a"));
        let long = of(&"ä".repeat(200), u64::MAX, &"b".repeat(200));
        assert!(long.chars().count() <= 128, "{long}");
    }

    #[test]
    fn dedup_id_stays_where_nothing_is_dropped() {
        let origin = Origin {
            place: "orders",
            number: 7,
        };
        let message = Message::new("x").dedup_id("known");
        let message = renewed(message, &MessageId::from("a"), origin, false);
        assert_eq!(message.details().dedup_id.as_deref(), Some("known"));
    }
}
