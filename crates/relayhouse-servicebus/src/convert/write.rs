//! A message becomes what is sent.

use std::time::Duration;

use fe2o3_amqp_types::primitives::Timestamp as AmqpTimestamp;
use relayhouse_core::{Capabilities, Message, MessageId, Priority, Result, Timestamp};

use super::{
    names,
    packet::{Packet, Property},
};
use crate::error;

/// The longest message id and dedup id.
const ID_CHARACTERS_MAX: usize = 128;

/// The longest time to live that a header can hold.
const TTL_MAX: Duration = Duration::from_millis(u32::MAX as u64);

/// Writes `message` with `id`, after it was checked.
pub(crate) fn write(
    message: &Message,
    id: &MessageId,
    capabilities: &Capabilities,
    now: Timestamp,
) -> Result<Packet> {
    message.check(capabilities, now)?;
    let details = message.details();
    let mut more = Vec::new();
    let message_id = write_id(message, id, &mut more)?;
    let content_type = details.content_type.clone();
    let (symbol, other) = match content_type {
        Some(it) if it.is_ascii() => (Some(it), None),
        other => (None, other),
    };
    if let Some(other) = other {
        more.push((names::CONTENT_TYPE, Property::Text(other)));
    }
    let level = details.priority.level();
    if details.priority != Priority::DEFAULT {
        more.push((names::PRIORITY, Property::Ubyte(level)));
    }
    let delay = details.not_before.map(|time| time.delay(now));
    let delay = delay.filter(|delay| !delay.is_zero());
    Ok(Packet {
        message_id,
        correlation_id: details.correlation_id.clone(),
        reply_to: details.reply_to.clone(),
        content_type: symbol,
        group_id: details.ordering_key.clone(),
        level,
        ttl: details.ttl.map(millis_of_ttl),
        creation_time: details.ttl.map(|_| millis_of(now)),
        expiry_time: details.ttl.map(|ttl| millis_of(now + ttl)),
        scheduled_time: delay.map(|delay| millis_of(now + delay)),
        headers: message.headers().clone(),
        more,
        body: message.body.clone(),
    })
}

/// Turns a time into the broker's, which counts milliseconds.
pub(crate) fn time_of(time: Timestamp) -> AmqpTimestamp {
    AmqpTimestamp::from(millis_of(time))
}

fn millis_of(time: Timestamp) -> i64 {
    i64::try_from(time.as_micros().div_ceil(1000)).unwrap_or(i64::MAX)
}

fn millis_of_ttl(ttl: Duration) -> u32 {
    let millis = ttl.min(TTL_MAX).as_millis().max(1);
    u32::try_from(millis).unwrap_or(u32::MAX)
}

/// Returns what the broker takes for the id: the dedup id, if there is one.
fn write_id(
    message: &Message,
    id: &MessageId,
    more: &mut Vec<(&'static str, Property)>,
) -> Result<String> {
    let id = id.to_string();
    let wire_id = match &message.details().dedup_id {
        Some(dedup_id) => {
            more.push((names::ID, Property::Text(id.into())));
            dedup_id.as_str().to_owned()
        }
        None => id,
    };
    let characters = wire_id.chars().count();
    if ID_CHARACTERS_MAX < characters {
        return Err(error::message(format!(
            "message id or dedup id has {characters} characters, at most {ID_CHARACTERS_MAX} are \
             allowed"
        )));
    }
    Ok(wire_id)
}
