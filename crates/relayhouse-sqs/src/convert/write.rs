//! A message becomes what SQS takes.

use bytes::Bytes;
use md5::{Digest, Md5};
use relayhouse_core::{
    Capabilities, Envelope, HeaderValue, Message, MessageId, NotBefore, Priority, Result, Timestamp,
};

use super::{
    body::{self, Encoding},
    digest::hex,
    packed::{self, Packed, PackedEnvelope, PackedValue},
    packet::{Packet, Value},
    pointer, whole_seconds_i32,
};
use crate::{capability, error, payload::Payloads};

/// The header that goes to SQS's own field for X-Ray's trace.
pub(crate) const TRACE_HEADER: &str = "X-Amzn-Trace-Id";

/// The most attributes of one message; one of them is ours.
const ATTRIBUTES_MAX: usize = 10;

/// The longest message group or dedup id.
const ID_BYTES_MAX: usize = 128;

/// The longest name of an attribute.
const NAME_BYTES_MAX: usize = 256;

/// How messages for one queue or topic are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writing<'a> {
    pub(crate) capabilities: &'a Capabilities,
    /// The most bytes of a message, as SQS counts them.
    pub(crate) bytes_max: u64,
    /// True if X-Ray's trace has a field of its own.
    pub(crate) has_trace: bool,
    /// Where other clients look for bodies.
    pub(crate) payloads: Option<&'a Payloads>,
    /// True for a FIFO queue.
    pub(crate) is_fifo: bool,
    /// True if the ordering key of a message on a standard queue is a tenant of a fair queue.
    pub(crate) is_fair: bool,
    /// True if the queue takes a missing dedup id from the content.
    pub(crate) dedup_by_content: bool,
    /// The wall-clock time.
    pub(crate) now: Timestamp,
}

/// Is what a message that is sent again carries beyond itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Envoy {
    /// When it was first enqueued.
    pub(crate) enqueued_at: Option<Timestamp>,
    /// Why it is dead-lettered, if it is.
    pub(crate) envelope: Option<Envelope>,
    /// The dedup id of this send.
    pub(crate) dedup: Option<String>,
    /// When it is due, instead of what the message says.
    pub(crate) due: Option<Timestamp>,
    /// The deliveries it had.
    pub(crate) attempts: u32,
}

/// Writes `message` with `id`, after it was checked.
pub(crate) fn write(
    message: &Message,
    id: &MessageId,
    envoy: &Envoy,
    writing: &Writing<'_>,
) -> Result<Packet> {
    message.check(writing.capabilities, writing.now)?;
    let details = message.details();
    let stand_in = pointer::stand_in(message, writing.payloads);
    let (text, encoding) = match &stand_in {
        Some(stand_in) => (stand_in.body.clone(), Some(Encoding::Pointer)),
        None => body::encode(&message.body),
    };
    let text_of = |text: &relayhouse_core::Text| text.as_str().to_owned();
    let mut packed = Packed {
        id: Some(id.to_string()),
        body: encoding,
        content_type: details.content_type.as_ref().map(text_of),
        correlation_id: details.correlation_id.as_ref().map(text_of),
        reply_to: details.reply_to.as_ref().map(text_of),
        enqueued: envoy.enqueued_at.map(Timestamp::as_micros),
        attempts: Some(envoy.attempts).filter(|attempts| 0 < *attempts),
        envelope: envoy.envelope.as_ref().map(PackedEnvelope::of),
        ..Packed::default()
    };
    if details.priority != Priority::DEFAULT {
        packed.priority = Some(details.priority.level());
    }
    let mut packet = Packet {
        body: text,
        ..Packet::default()
    };
    if let Some(stand_in) = stand_in {
        let size = Value::Number(stand_in.size);
        packet.attributes.push((pointer::SIZE.to_owned(), size));
    }
    write_headers(message, &mut packed, &mut packet, writing);
    write_key(message, &mut packed, &mut packet, writing)?;
    write_dedup(message, id, envoy, &mut packed, &mut packet, writing)?;
    write_delay(message, envoy, &mut packed, &mut packet, writing);
    let packed = serde_json::to_string(&packed)
        .map_err(|error| error::message("details cannot be written").with_source(error))?;
    let packed = Value::Text(packed);
    packet.attributes.push((packed::NAME.to_owned(), packed));
    packet
        .attributes
        .sort_by(|(one, _), (other, _)| one.cmp(other));
    let (size, max) = (packet.size(), writing.bytes_max);
    if max < size {
        return Err(error::too_large(size, max));
    }
    Ok(packet)
}

/// Writes headers as attributes of their own, those first that stand first, and packs the rest.
fn write_headers(
    message: &Message,
    packed: &mut Packed,
    packet: &mut Packet,
    writing: &Writing<'_>,
) {
    let headers = message.headers();
    if 1 < headers.len() {
        packed.order = headers.iter().map(|(key, _)| key.to_owned()).collect();
    }
    for (key, value) in headers.iter() {
        let has_room = packet.attributes.len() < ATTRIBUTES_MAX - 1;
        let is_trace = writing.has_trace && key == TRACE_HEADER;
        match value {
            HeaderValue::Text(text) if is_trace && is_text(text) => {
                packet.trace = Some(text.as_str().to_owned());
            }
            HeaderValue::Text(text) if has_room && is_name(key) && is_text(text) => {
                let value = Value::Text(text.as_str().to_owned());
                packet.attributes.push((key.to_owned(), value));
            }
            HeaderValue::Bytes(bytes) if has_room && is_name(key) && !bytes.is_empty() => {
                let value = Value::Binary(Bytes::clone(bytes));
                packet.attributes.push((key.to_owned(), value));
            }
            _ => {
                let value = PackedValue::of(value);
                packed.headers.push((key.to_owned(), value));
            }
        }
    }
}

/// Returns true if SQS takes `name` for an attribute.
fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let lower = name.to_ascii_lowercase();
    let is_reserved = ["aws.", "amazon."]
        .iter()
        .any(|start| lower.starts_with(start));
    let has_odd_dots = name.starts_with('.') || name.ends_with('.') || name.contains("..");
    name.len() <= NAME_BYTES_MAX
        && name.bytes().all(is_plain)
        && !is_reserved
        && !has_odd_dots
        && ![packed::NAME, pointer::SIZE, pointer::OLD_SIZE].contains(&name)
}

fn is_text(text: &str) -> bool {
    !text.is_empty() && body::is_text(text)
}

/// Writes the ordering key: the message group of a FIFO queue, a tenant, or a detail.
fn write_key(
    message: &Message,
    packed: &mut Packed,
    packet: &mut Packet,
    writing: &Writing<'_>,
) -> Result<()> {
    let key = message.details().ordering_key.as_ref();
    let is_grouped = writing.is_fifo || writing.is_fair;
    let Some(key) = key else {
        if writing.is_fifo {
            return Err(error::message(
                "message has no ordering key, which a FIFO queue needs",
            ));
        }
        return Ok(());
    };
    if is_grouped {
        packet.group = Some(stand_in(key));
    }
    if !is_grouped || !is_id(key) {
        packed.key = Some(key.as_str().to_owned());
    }
    Ok(())
}

/// Writes the delay: all of it, or as much as SQS takes and when the message is due.
fn write_delay(
    message: &Message,
    envoy: &Envoy,
    packed: &mut Packed,
    packet: &mut Packet,
    writing: &Writing<'_>,
) {
    let not_before = message.details().not_before;
    let not_before = envoy.due.map(NotBefore::At).or(not_before);
    let Some(not_before) = not_before else {
        return;
    };
    let delay = not_before.delay(writing.now);
    packet.delay_seconds = whole_seconds_i32(delay.min(capability::SCHEDULE_MAX));
    if capability::SCHEDULE_MAX < delay {
        packed.due = Some((writing.now + delay).as_micros());
    }
}

fn write_dedup(
    message: &Message,
    id: &MessageId,
    envoy: &Envoy,
    packed: &mut Packed,
    packet: &mut Packet,
    writing: &Writing<'_>,
) -> Result<()> {
    let explicit = message.details().dedup_id.as_ref();
    if !writing.is_fifo {
        // A message that is sent again may have come from a FIFO queue.
        return match explicit {
            Some(_) if envoy.dedup.is_none() => Err(error::no_dedup()),
            _ => Ok(()),
        };
    }
    packet.dedup = match (&envoy.dedup, explicit) {
        (Some(dedup), _) => Some(dedup.clone()),
        (None, Some(explicit)) => {
            if !is_id(explicit) {
                packed.dedup = Some(explicit.as_str().to_owned());
            }
            Some(stand_in(explicit))
        }
        (None, None) if writing.dedup_by_content => None,
        (None, None) => Some(derived_dedup(id, &message.body)),
    };
    Ok(())
}

/// Makes a dedup id of id and body: the same for a message that is sent again because nobody knows
/// whether it arrived, another for every other message.
pub(crate) fn derived_dedup(id: &MessageId, body: &[u8]) -> String {
    let mut digest = Md5::new();
    digest.update(id.to_string());
    digest.update([0]);
    digest.update(body);
    format!("{DERIVED}{}", hex(digest.finalize()))
}

/// What ids start with that stand for something else.
pub(crate) const DERIVED: &str = "relayhouse-";

/// Returns true if SQS takes `text` for a message group or a dedup id.
fn is_id(text: &str) -> bool {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    !text.is_empty() && text.len() <= ID_BYTES_MAX && is_plain
}

/// Returns `text`, or a digest of it where SQS does not take it.
fn stand_in(text: &str) -> String {
    if is_id(text) {
        return text.to_owned();
    }
    format!("{DERIVED}{}", hex(Md5::digest(text)))
}
