//! A message that was received becomes one that is sent again, to come later.

use std::time::Duration;

use relayhouse_core::{Capabilities, Delivery, MessageId, Result, Timestamp};

use super::{
    names,
    packet::{Packet, Property},
    write::write,
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
    packet.message_id = name.to_string();
    let mut add = |name, value| packet.more.push((name, value));
    add(names::ID, Property::Text(delivery.id.to_string().into()));
    add(names::ATTEMPTS, Property::Uint(delivery.attempt));
    let enqueued = i64::try_from(delivery.enqueued_at.as_micros()).unwrap_or(i64::MAX);
    add(names::FIRST_ENQUEUED, Property::Long(enqueued));
    if let Some(dedup_id) = dedup_id {
        add(names::DEDUP_ID, Property::Text(dedup_id));
    }
    Ok(packet)
}
