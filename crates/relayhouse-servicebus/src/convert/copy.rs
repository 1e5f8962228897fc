//! A message that was received becomes one that is sent again, to come later.

use std::time::Duration;

use fe2o3_amqp_types::{
    messaging::{ApplicationProperties, MessageId as AmqpId},
    primitives::{OrderedMap, SimpleValue},
};
use relayhouse_core::{Capabilities, Delivery, MessageId, Result, Timestamp};

use super::{
    names,
    write::{Packet, write},
};

/// The shortest time to live: what has none left expires where it arrives.
const TTL_MIN: Duration = Duration::from_millis(1);

/// Writes the message of `delivery` so that it comes after `delay`, with its id, its dedup id and
/// its attempts. The broker knows it by `name`, so that it is no duplicate.
pub(crate) fn copy(
    delivery: &Delivery,
    name: &MessageId,
    now: Timestamp,
    delay: Duration,
    capabilities: &Capabilities,
) -> Result<Packet> {
    let mut message = delivery.message.clone().not_before(now + delay);
    let dedup_id = message.details_mut().dedup_id.take();
    if let Some(ttl) = message.details().ttl {
        let left = (delivery.enqueued_at + ttl).since(now + delay);
        message.details_mut().ttl = Some(left.max(TTL_MIN));
    }
    let mut packet = write(&message, &delivery.id, capabilities, now)?;
    if let Some(properties) = &mut packet.properties {
        properties.message_id = Some(AmqpId::String(name.to_string()));
    }
    let more = packet.application_properties.take();
    let mut more = more.map_or_else(OrderedMap::new, |ApplicationProperties(more)| more);
    let mut set = |name: &str, value| drop(more.insert(name.to_owned(), value));
    set(names::ID, SimpleValue::String(delivery.id.to_string()));
    set(names::ATTEMPTS, SimpleValue::Uint(delivery.attempt));
    let enqueued = i64::try_from(delivery.enqueued_at.as_micros()).unwrap_or(i64::MAX);
    set(names::FIRST_ENQUEUED, SimpleValue::Long(enqueued));
    if let Some(dedup_id) = dedup_id {
        let dedup_id = SimpleValue::String(dedup_id.as_str().to_owned());
        set(names::DEDUP_ID, dedup_id);
    }
    packet.application_properties = Some(ApplicationProperties(more));
    Ok(packet)
}
