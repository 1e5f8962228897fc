//! What SQS hands out becomes a message.

use std::num::NonZeroU32;

use aws_sdk_sqs::types::{
    Message as SqsMessage, MessageAttributeValue, MessageSystemAttributeName as System,
};
use relayhouse_core::{
    DeadLetter, Envelope, Error, HeaderValue, Headers, Message, MessageId, Previous, Source,
    Timestamp,
};

use super::{
    body::{self, Encoding},
    envelope,
    packed::{self, Packed},
    pointer,
    write::{DERIVED, TRACE_HEADER},
};
use crate::{config::Format, location::Location, payload::Payloads};

/// Numbers of SQS have 20 digits and start with 1: less this they fit.
const SEQUENCE_BASE: u128 = 10_000_000_000_000_000_000;

/// Is what one message of SQS says.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) message: Message,
    pub(crate) id: MessageId,
    pub(crate) handle: String,
    pub(crate) attempt: u32,
    pub(crate) previous: Previous,
    pub(crate) sequence: Option<u64>,
    pub(crate) enqueued_at: Timestamp,
    pub(crate) envelope: Option<Envelope>,
    /// When the message is due, where one delay of SQS does not reach.
    pub(crate) due: Option<Timestamp>,
    /// The deliveries before it was sent again, which are among the attempts.
    pub(crate) attempts_before: u32,
    /// What is wrong with what should be around the message, or lead to its body; it is then as it
    /// came.
    pub(crate) unread: Option<Error>,
}

/// Says how messages are on a queue, beyond what they say themselves.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules<'a> {
    pub(crate) format: Format,
    /// Where other clients have put bodies.
    pub(crate) payloads: Option<&'a Payloads>,
}

impl Rules<'_> {
    /// Messages are as they were sent.
    #[cfg(test)]
    pub(crate) const RAW: Self = Self {
        format: Format::Raw,
        payloads: None,
    };
}

/// Says that a queue holds the dead letters of another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dead {
    /// The deliveries after which SQS moves a message there, where that is known.
    pub(crate) attempts_max: Option<NonZeroU32>,
}

/// Reads `message` by `rules`, of a dead-letter queue if `dead` says so. `None` for one without a
/// handle, which nobody could settle.
pub(crate) fn read(
    mut message: SqsMessage,
    dead: Option<Dead>,
    rules: Rules<'_>,
) -> Option<Reading> {
    let handle = message.receipt_handle.take()?;
    let mut packed = take_packed(&mut message);
    let mut unread = None;
    // What has an attribute of ours was sent to the queue itself.
    if packed.is_none() && rules.format == Format::SnsEnvelope {
        unread = envelope::open(&mut message).err();
        packed = take_packed(&mut message);
    }
    let packed = packed.unwrap_or_default();
    if packed.body == Some(Encoding::Pointer) {
        if let Some(attributes) = &mut message.message_attributes {
            pointer::remove_size(attributes);
        }
    } else if let (None, Some(payloads)) = (&unread, rules.payloads) {
        unread = pointer::open(&mut message, payloads).err();
    }
    let text = message.body.take().unwrap_or_default();
    let mut read = Message::new(body::decode(text, packed.body));
    let loose = read_headers(&message);
    let headers = packed.order_headers(loose);
    let id = match (&packed.id, &message.message_id) {
        (Some(id), _) | (None, Some(id)) => MessageId::from_text(id),
        (None, None) => MessageId::from_text(&handle),
    };
    read.id = Some(id.clone());
    read_details(&mut read, &packed, headers, &message);
    let system = |name| system(&message, &name);
    let sent_at = system(System::SentTimestamp).map_or(Timestamp::default(), millis);
    let enqueued_at = packed.enqueued.map_or(sent_at, Timestamp::from_micros);
    let count = system(System::ApproximateReceiveCount).and_then(|count| count.parse().ok());
    let mut attempt: u32 = count.unwrap_or(1).max(1);
    let mut envelope = None;
    let due = packed.due.map(Timestamp::from_micros);
    let attempts_before = packed.attempts.unwrap_or(0);
    if let Some(dead) = dead {
        envelope = packed.envelope.and_then(|it| it.envelope(enqueued_at));
        if envelope.is_none() {
            let (before, here) = split(attempt, dead);
            let before = before.saturating_add(attempts_before);
            envelope = moved_envelope(&message, before, enqueued_at);
            attempt = here;
        }
    } else {
        attempt = attempt.saturating_add(attempts_before);
    }
    Some(Reading {
        sequence: system(System::SequenceNumber).and_then(sequence),
        message: read,
        id,
        attempt,
        previous: if attempt == 1 {
            Previous::None
        } else {
            Previous::Unknown
        },
        enqueued_at,
        envelope,
        handle,
        due,
        attempts_before,
        unread,
    })
}

fn take_packed(message: &mut SqsMessage) -> Option<Packed> {
    let attributes = message.message_attributes.as_mut();
    let text = attributes
        .as_ref()
        .and_then(|attributes| attributes.get(packed::NAME)?.string_value.as_deref());
    // What is not ours stays a header.
    let packed = serde_json::from_str(text?).ok()?;
    attributes.and_then(|attributes| attributes.remove(packed::NAME));
    Some(packed)
}

/// Reads the attributes by name, and the trace.
fn read_headers(message: &SqsMessage) -> Headers {
    let mut headers = Headers::new();
    let mut attributes: Vec<_> = message.message_attributes.iter().flatten().collect();
    attributes.sort_by_key(|(name, _)| *name);
    for (name, value) in attributes {
        headers.set(name.clone(), header_value(value));
    }
    if let Some(trace) = system(message, &System::AwsTraceHeader) {
        headers.set(TRACE_HEADER, trace.to_owned());
    }
    headers
}

fn header_value(value: &MessageAttributeValue) -> HeaderValue {
    match (&value.string_value, &value.binary_value) {
        (_, Some(blob)) => HeaderValue::Bytes(blob.as_ref().to_vec().into()),
        (text, None) => HeaderValue::Text(text.clone().unwrap_or_default().into()),
    }
}

fn read_details(read: &mut Message, packed: &Packed, headers: Headers, message: &SqsMessage) {
    let group = system(message, &System::MessageGroupId).map(str::to_owned);
    let dedup = system(message, &System::MessageDeduplicationId);
    let dedup = dedup.filter(|dedup| !dedup.starts_with(DERIVED));
    let dedup = packed.dedup.as_deref().or(dedup);
    let is_plain = headers.is_empty()
        && group.is_none()
        && dedup.is_none()
        && *packed
            == Packed {
                id: packed.id.clone(),
                body: packed.body,
                ..Packed::default()
            };
    if is_plain {
        return;
    }
    let details = read.details_mut();
    details.headers = headers;
    details.content_type = packed.content_type.clone().map(Into::into);
    details.correlation_id = packed.correlation_id.clone().map(Into::into);
    details.reply_to = packed.reply_to.clone().map(Into::into);
    details.ordering_key = packed.key.clone().or(group).map(Into::into);
    details.dedup_id = dedup.map(|dedup| dedup.to_owned().into());
    details.priority = packed.priority();
}

/// Splits the deliveries of a message that SQS itself moved, and whose count went on, into those
/// before and those on the dead-letter queue.
fn split(count: u32, dead: Dead) -> (u32, u32) {
    let Some(max) = dead.attempts_max else {
        return (count, count);
    };
    let here = if max.get() < count {
        count - max.get()
    } else {
        count
    };
    (max.get(), here)
}

/// Makes the envelope of a message that SQS itself moved: it tells where from, and not when.
fn moved_envelope(message: &SqsMessage, attempt: u32, enqueued_at: Timestamp) -> Option<Envelope> {
    let arn = system(message, &System::DeadLetterQueueSourceArn)?;
    let source: Source = Location::of_arn(arn).ok()?.source;
    let first = system(message, &System::ApproximateFirstReceiveTimestamp).map(millis);
    let reason = DeadLetter::ATTEMPTS_EXHAUSTED;
    Some(Envelope {
        dead_letter: DeadLetter::new(reason, "SQS moved it by the redrive policy of its source"),
        source,
        attempts: attempt,
        enqueued_at,
        dead_lettered_at: first.unwrap_or(enqueued_at),
    })
}

fn system<'a>(message: &'a SqsMessage, name: &System) -> Option<&'a str> {
    Some(message.attributes.as_ref()?.get(name)?.as_str())
}

fn millis(text: &str) -> Timestamp {
    let millis: u64 = text.parse().unwrap_or(0);
    Timestamp::from_micros(millis.saturating_mul(1000))
}

pub(crate) fn sequence(text: &str) -> Option<u64> {
    let number: u128 = text.parse().ok()?;
    u64::try_from(number.checked_sub(SEQUENCE_BASE).unwrap_or(number)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deliveries_are_split_where_the_limit_is_known() {
        let dead = Dead {
            attempts_max: NonZeroU32::new(3),
        };
        assert_eq!(split(4, dead), (3, 1));
        assert_eq!(split(5, dead), (3, 2));
        assert_eq!(split(1, dead), (3, 1), "counted anew");
        assert_eq!(split(4, Dead::default()), (4, 4));
    }

    #[test]
    fn sequence_numbers_of_twenty_digits_keep_their_order() {
        let one = sequence("18849496460467696128");
        let next = sequence("18849496460467696129");
        assert!(one.is_some() && one < next);
        assert_eq!(sequence("7"), Some(7));
        assert_eq!(sequence("99999999999999999999"), None);
        assert_eq!(sequence("x"), None);
    }
}
