//! Messages of AMQP to those of the model.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use fe2o3_amqp_types::messaging::{Header, MessageId, Priority, Properties};

use super::{
    compound::put_map,
    raw,
    sections::{
        self, APPLICATION_PROPERTIES, DATA, FOOTER, HEADER, MESSAGE_ANNOTATIONS, PROPERTIES,
        SEQUENCE, Section, Text, VALUE,
    },
    value::{keep, time},
};
use crate::{
    amqp::append,
    model::{BodyKind, Contents, Value},
};

/// The format of a batch: each of its sections of data is a whole message.
pub(super) const FORMAT_BATCH: u32 = 0x8001_3700;

pub(super) const PARTITION_KEY: &str = "x-opt-partition-key";
pub(super) const VIA_PARTITION_KEY: &str = "x-opt-via-partition-key";
pub(super) const SCHEDULED: &str = "x-opt-scheduled-enqueue-time";

/// The annotations that the broker alone writes.
const BROKER_ANNOTATIONS: [&str; 7] = [
    "x-opt-sequence-number",
    "x-opt-enqueued-time",
    "x-opt-enqueue-sequence-number",
    "x-opt-locked-until",
    "x-opt-lock-token",
    "x-opt-deadletter-source",
    "x-opt-message-state",
];

/// What else a message says, which is kept as sections of their own.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Extra {
    pub(super) header: Header,
    /// Keys and values, as they came.
    pub(super) annotations: Bytes,
    pub(super) properties: Properties,
    pub(super) footer: Bytes,
}

/// Reads what a client has sent: one message, or those of a batch.
pub(super) fn decode(format: u32, payload: &Bytes) -> Result<Vec<Contents>, Text> {
    if format != FORMAT_BATCH {
        return Ok(vec![decode_one(payload)?]);
    }
    let sections = sections::split(payload)?;
    let messages = sections.iter().filter(|section| section.code == DATA);
    messages
        .map(|section| decode_one(&sections::data(payload, section)?))
        .collect()
}

/// Reads one message.
pub(super) fn decode_one(message: &Bytes) -> Result<Contents, Text> {
    let mut contents = Contents::default();
    let mut extra = Extra::default();
    let mut body = Vec::new();
    for section in sections::split(message)? {
        let whole = &message[section.whole.clone()];
        let value = &message[section.value.clone()];
        match section.code {
            HEADER => extra.header = sections::read(whole)?,
            MESSAGE_ANNOTATIONS => {
                extra.annotations = take_annotations(entries_of(value)?, &mut contents);
            }
            PROPERTIES => extra.properties = sections::read(whole)?,
            APPLICATION_PROPERTIES => contents.properties = properties(entries_of(value)?),
            DATA | SEQUENCE | VALUE => body.push(section),
            FOOTER => extra.footer = message.slice(section.whole),
            // Annotations of a delivery are for us alone, and say nothing that we know.
            _ => {}
        }
    }
    take_body(message, &body, &mut contents)?;
    take_time_to_live(&mut extra, &mut contents);
    take_properties(&mut extra.properties, &mut contents);
    contents.extra = extra.encode();
    Ok(contents)
}

fn take_body(message: &Bytes, body: &[Section], contents: &mut Contents) -> Result<(), Text> {
    let (Some(first), Some(last)) = (body.first(), body.last()) else {
        return Ok(());
    };
    if body.iter().any(|section| section.code != first.code) {
        return Err("the body of a message is of several kinds".to_owned());
    }
    contents.body_kind = match (first.code, body.len()) {
        (DATA, 1) => BodyKind::Data,
        (DATA, _) => BodyKind::DataSections,
        (VALUE, _) => BodyKind::Value,
        _ => BodyKind::Sequence,
    };
    contents.body = match contents.body_kind {
        BodyKind::Data => sections::data(message, first)?,
        _ => message.slice(first.whole.start..last.whole.end),
    };
    Ok(())
}

/// Returns the keys and values of a section that is a map.
pub(super) fn entries_of(section: &[u8]) -> Result<&[u8], Text> {
    raw::map(section).ok_or_else(|| "a section that is to be a map is none".to_owned())
}

/// Takes out the annotations that say something to the broker, and returns the others.
fn take_annotations(annotations: &[u8], contents: &mut Contents) -> Bytes {
    let mut others = BytesMut::new();
    for (key, value) in raw::entries(annotations) {
        match raw::text(key) {
            Some(PARTITION_KEY) => contents.partition_key = raw::text(value).map(Into::into),
            Some(VIA_PARTITION_KEY) => {
                contents.via_partition_key = raw::text(value).map(Into::into);
            }
            Some(SCHEDULED) => contents.scheduled = time(value),
            Some(key) if BROKER_ANNOTATIONS.contains(&key) => {}
            _ => {
                others.extend_from_slice(key);
                others.extend_from_slice(value);
            }
        }
    }
    others.freeze()
}

/// Takes a map of properties as the model keeps it; keys that are no text are left out.
pub(super) fn properties<T: FromIterator<(Box<str>, Value)>>(entries: &[u8]) -> T {
    raw::entries(entries)
        .filter_map(|(key, value)| Some((raw::text(key)?.into(), keep(value))))
        .collect()
}

fn take_time_to_live(extra: &mut Extra, contents: &mut Contents) {
    let properties = &mut extra.properties;
    let expiry = properties.absolute_expiry_time.take();
    let creation = properties.creation_time.take();
    // A header holds 49 days, so that what lives longer says it by two times.
    let span = expiry.zip(creation).and_then(|(expiry, creation)| {
        let span = expiry.milliseconds().checked_sub(creation.milliseconds())?;
        u64::try_from(span).ok()
    });
    let header = extra.header.ttl.take().map(u64::from);
    contents.time_to_live = span.or(header).map(Duration::from_millis);
    extra.header.delivery_count = 0;
    extra.header.first_acquirer = false;
}

fn take_properties(properties: &mut Properties, contents: &mut Contents) {
    contents.message_id = take_id(&mut properties.message_id);
    contents.correlation_id = take_id(&mut properties.correlation_id);
    contents.session_id = properties.group_id.take().map(Into::into);
    contents.reply_to = properties.reply_to.take().map(Into::into);
    contents.reply_to_session_id = properties.reply_to_group_id.take().map(Into::into);
    contents.to = properties.to.take().map(Into::into);
    contents.subject = properties.subject.take().map(Into::into);
    let content_type = properties.content_type.take();
    contents.content_type = content_type.map(|it| it.into_inner().into());
}

/// Takes an id as text; one that is none is also left where it is, for whoever receives it.
fn take_id(id: &mut Option<MessageId>) -> Option<Box<str>> {
    match id.take()? {
        MessageId::String(text) => Some(text.into()),
        other => {
            let text = match &other {
                MessageId::Ulong(it) => it.to_string(),
                MessageId::Uuid(it) => format!("{it:x}"),
                MessageId::Binary(it) => String::from_utf8_lossy(it).into_owned(),
                MessageId::String(it) => it.clone(),
            };
            *id = Some(other);
            Some(text.into())
        }
    }
}

impl Extra {
    /// Reads what [`encode`](Self::encode) has written.
    pub(super) fn decode(bytes: &Bytes) -> Self {
        let mut extra = Self::default();
        for section in sections::split(bytes).unwrap_or_default() {
            let whole = &bytes[section.whole.clone()];
            match section.code {
                HEADER => extra.header = sections::read(whole).unwrap_or_default(),
                MESSAGE_ANNOTATIONS => {
                    let annotations = raw::map(&bytes[section.value]).unwrap_or_default();
                    extra.annotations = bytes.slice_ref(annotations);
                }
                PROPERTIES => extra.properties = sections::read(whole).unwrap_or_default(),
                FOOTER => extra.footer = bytes.slice(section.whole),
                _ => {}
            }
        }
        extra
    }

    fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::new();
        if self.header != Header::default() {
            append(&mut bytes, &self.header);
        }
        if !self.annotations.is_empty() {
            bytes.extend_from_slice(&section_start(MESSAGE_ANNOTATIONS));
            put_map(&mut bytes, |map| map.encoded(&self.annotations));
        }
        if self.properties != Properties::default() {
            append(&mut bytes, &self.properties);
        }
        bytes.extend_from_slice(&self.footer);
        bytes.freeze()
    }

    pub(super) const fn priority(&self) -> &Priority {
        &self.header.priority
    }
}

/// Returns what a section begins with.
pub(super) fn section_start(code: u64) -> [u8; 3] {
    // All codes of sections are below 256.
    [0x00, 0x53, code.to_be_bytes()[7]]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message of the Python SDK: a UUID as its id, properties of several types, a text.
    const MESSAGE: &[u8] = b"\x00\x53\x73\xc0\x12\x01\x98\xdb\xc4\xc9\xbc\xaf\xc7G\x98\xa2q\xdb\
        \x8es\x0f\xbd\xfc\x00\x53\x74\xc1\x19\x04\xa1\x04name\xa1\x01x\xa1\x04when\x83\x00\x00\x01\
        \xa3\x18\x5cP\x00\x00\x53\x77\xa1\x02it";

    #[test]
    fn messages_are_read() {
        let contents = decode_one(&Bytes::from_static(MESSAGE)).unwrap();
        let id = "dbc4c9bc-afc7-4798-a271-db8e730fbdfc";
        assert_eq!(contents.message_id.as_deref(), Some(id));
        assert_eq!(contents.properties["name"], Value::from("x"));
        assert_eq!(
            contents.properties["when"],
            Value::Timestamp(1_800_000_000_000)
        );
        assert_eq!(contents.body_kind, BodyKind::Value);
        assert_eq!(&contents.body[..], b"\x00\x53\x77\xa1\x02it");
        // What the model has no field for comes back as it was.
        let extra = Extra::decode(&contents.extra);
        assert!(matches!(
            extra.properties.message_id,
            Some(MessageId::Uuid(_))
        ));
    }

    #[test]
    fn messages_of_several_bodies_are_refused() {
        let message = b"\x00\x53\x75\xa0\x01a\x00\x53\x77\xa1\x01b";
        let refused = decode_one(&Bytes::from_static(message)).unwrap_err();
        assert_eq!(refused, "the body of a message is of several kinds");
    }
}
