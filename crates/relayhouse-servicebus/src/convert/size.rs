//! How large a message is once it is encoded, told without encoding it.

use fe2o3_amqp_types::{
    messaging::{Body, MessageId as AmqpId, Properties},
    primitives::SimpleValue,
};

use super::Packet;

/// What a message takes without its texts and its body: the heads of all sections, the header, and
/// the numbers and times of the others.
const FIXED_BYTES: usize = 160;

/// What stands before a text or bytes.
const HEAD_BYTES: usize = 5;

/// What a value takes that is neither.
const SCALAR_BYTES: usize = 17;

/// Returns no less than the bytes of `packet`, and hardly more.
pub(crate) fn encoded_bytes_max(packet: &Packet) -> u64 {
    let properties = packet.properties.as_ref().map_or(0, of_properties);
    let more = packet
        .application_properties
        .iter()
        .flat_map(|it| it.iter());
    let more = more.map(|(key, value)| HEAD_BYTES + key.len() + of_value(value));
    let body = match &packet.body {
        Body::Data(batch) => batch.iter().map(|data| HEAD_BYTES + data.0.len()).sum(),
        // No other is written here.
        _ => 0,
    };
    (FIXED_BYTES + properties + more.sum::<usize>() + body) as u64
}

fn of_properties(properties: &Properties) -> usize {
    let ids = [&properties.message_id, &properties.correlation_id];
    let ids = ids.into_iter().flatten().map(|id| match id {
        AmqpId::String(text) => text.len(),
        AmqpId::Binary(bytes) => bytes.len(),
        _ => SCALAR_BYTES,
    });
    let texts = [&properties.reply_to, &properties.group_id];
    let texts = texts.into_iter().flatten().map(String::len);
    let content_type = properties.content_type.iter().map(|it| it.0.len());
    let texts = ids.chain(texts).chain(content_type);
    texts.map(|bytes| HEAD_BYTES + bytes).sum()
}

fn of_value(value: &SimpleValue) -> usize {
    match value {
        SimpleValue::String(text) => HEAD_BYTES + text.len(),
        SimpleValue::Binary(bytes) => HEAD_BYTES + bytes.len(),
        _ => SCALAR_BYTES,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use relayhouse_core::{HeaderValue, Message, MessageId, Priority, Timestamp};

    use super::*;
    use crate::{browse::encode, capability::CAPABILITIES, convert::write};

    /// The most by which the bound may be too large: what a message without anything does not have,
    /// and the longer heads.
    const SLACK_BYTES: u64 = 160;

    prop_compose! {
        fn messages()(
            body in prop::collection::vec(any::<u8>(), 0..2000),
            texts in prop::collection::vec("[a-zé]{1,60}", 5),
            headers in prop::collection::btree_map("[a-z]{1,30}", "[a-z]{0,300}", 0..5),
            is_set in any::<[bool; 7]>(),
        ) -> Message {
            let mut message = Message::new(body);
            let mut texts = texts.into_iter();
            let mut text = || texts.next().unwrap_or_default();
            if is_set[0] { message = message.ordering_key(text()); }
            if is_set[1] { message = message.correlation_id(text()); }
            if is_set[2] { message = message.reply_to(text()); }
            if is_set[3] { message = message.content_type(text()); }
            if is_set[4] { message = message.dedup_id(text()); }
            if is_set[5] { message = message.ttl(Duration::from_secs(9)); }
            if is_set[6] { message = message.priority(Priority::MAX); }
            for (key, value) in headers {
                message = message.header(key, HeaderValue::from(value));
            }
            message
        }
    }

    proptest! {
        #[test]
        fn no_message_is_larger_than_it_is_said_to_be(message in messages()) {
            let id = MessageId::from(7);
            let packet = write(&message, &id, &CAPABILITIES, Timestamp::default()).unwrap();
            let bytes = encode(&packet).unwrap().len() as u64;
            let bound = encoded_bytes_max(&packet);
            prop_assert!(bytes <= bound, "{bytes} > {bound}");
            let heads = 4 * packet.application_properties.iter().flat_map(|it| it.iter()).count();
            prop_assert!(bound <= bytes + SLACK_BYTES + 2 * heads as u64, "{bytes} << {bound}");
        }
    }
}
