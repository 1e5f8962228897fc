//! A message as it is stored: body and id as they are, the details in a compact form, and a
//! checksum over all of it.

use std::{fmt::Display, time::Duration};

use bytes::Bytes;
use relayhouse_core::{
    DeadLetter, Details, Envelope, Fingerprint, HeaderValue, Headers, Message, MessageId,
    NotBefore, Priority, Text, Timestamp,
};
use rusqlite::{
    Connection, Row, params,
    types::{ToSqlOutput, ValueRef},
};
use serde::{Deserialize, Serialize};

use super::fault::{Fault, Result};

/// Is a message as it was stored.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) id: MessageId,
    pub(super) message: Message,
    pub(super) enqueued_at: Timestamp,
}

#[derive(Debug, Serialize, Deserialize)]
struct Record<'a> {
    #[serde(borrow)]
    headers: Vec<(&'a str, Value<'a>)>,
    content_type: Option<&'a str>,
    ordering_key: Option<&'a str>,
    dedup_id: Option<&'a str>,
    not_before: Option<Time>,
    ttl: Option<Duration>,
    priority: u8,
    correlation_id: Option<&'a str>,
    reply_to: Option<&'a str>,
}

#[derive(Debug, Serialize, Deserialize)]
enum Value<'a> {
    Text(&'a str),
    Bytes(&'a [u8]),
}

#[derive(Debug, Serialize, Deserialize)]
enum Time {
    After(Duration),
    At(u64),
}

#[derive(Debug, Serialize, Deserialize)]
struct Letter<'a> {
    reason: &'a str,
    description: &'a str,
    fingerprint: u64,
    source: &'a str,
    attempts: u32,
    enqueued_at: u64,
    dead_lettered_at: u64,
    /// Of all the above.
    crc: u32,
}

/// Inserts `message` under `sequence`.
pub(super) fn insert(
    connection: &Connection,
    sequence: i64,
    message: &Message,
    enqueued_at: Timestamp,
) -> Result<()> {
    let details = match message.is_plain() {
        true => None,
        false => Some(encode(message.details())?),
    };
    let enqueued = i64::try_from(enqueued_at.as_micros()).unwrap_or(i64::MAX);
    let mut insert = connection.prepare_cached(
        "INSERT INTO message (sequence, name, enqueued, details, body, crc) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    let text = message.id.as_ref().map(ToString::to_string);
    let inline = message.id.as_ref().and_then(MessageId::as_bytes);
    let name = match inline {
        Some(bytes) => ValueRef::Blob(bytes),
        None => ValueRef::Text(text.as_deref().unwrap_or_default().as_bytes()),
    };
    let crc = checksum(sequence, name, enqueued, details.as_deref(), &message.body);
    let name = ToSqlOutput::Borrowed(name);
    insert.execute(params![
        sequence,
        name,
        enqueued,
        details,
        &message.body[..],
        crc
    ])?;
    Ok(())
}

impl Stored {
    /// Reads the columns from `first` on, and checks that they are what was written.
    pub(super) fn read(row: &Row<'_>, first: usize) -> Result<Self> {
        let sequence: i64 = row.get(first)?;
        let name = row.get_ref(first + 1)?;
        let enqueued: i64 = row.get(first + 2)?;
        let details = blob(row, first + 3)?;
        let body = blob(row, first + 4)?.unwrap_or_default();
        let crc: u32 = row.get(first + 5)?;
        if crc != checksum(sequence, name, enqueued, details, body) {
            return Err(Fault::damaged(format!(
                "message {sequence} is not what was written"
            )));
        }
        let id = match name {
            ValueRef::Blob(bytes) => bytes.try_into().ok().map(MessageId::from_bytes),
            ValueRef::Text(text) => std::str::from_utf8(text).ok().map(MessageId::from_text),
            _ => None,
        };
        let id = id.ok_or_else(|| Fault::damaged(format!("message {sequence} has no id")))?;
        let mut message = Message::new(Bytes::copy_from_slice(body)).id(id.clone());
        if let Some(details) = details {
            *message.details_mut() = decode(details)?;
        }
        Ok(Self {
            id,
            message,
            enqueued_at: Timestamp::from_micros(enqueued.unsigned_abs()),
        })
    }

    /// Reads the message with `sequence`.
    pub(super) fn load(connection: &Connection, sequence: i64) -> Result<Self> {
        let mut select = connection.prepare_cached(
            "SELECT m.sequence, m.name, m.enqueued, m.details, m.body, m.crc \
             FROM message m WHERE m.sequence = ?1",
        )?;
        let mut rows = select.query([sequence])?;
        match rows.next()? {
            Some(row) => Self::read(row, 0),
            None => Err(Fault::damaged(format!("message {sequence} is missing"))),
        }
    }
}

fn blob<'a>(row: &'a Row<'_>, index: usize) -> Result<Option<&'a [u8]>> {
    match row.get_ref(index)? {
        ValueRef::Null => Ok(None),
        ValueRef::Blob(bytes) | ValueRef::Text(bytes) => Ok(Some(bytes)),
        ValueRef::Integer(_) | ValueRef::Real(_) => {
            Err(Fault::damaged("a value has another type than was written"))
        }
    }
}

fn checksum(
    sequence: i64,
    name: ValueRef<'_>,
    enqueued: i64,
    details: Option<&[u8]>,
    body: &[u8],
) -> u32 {
    let (is_text, name) = match name {
        ValueRef::Text(name) => (true, name),
        ValueRef::Blob(name) => (false, name),
        _ => (false, &[][..]),
    };
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[u8::from(is_text), u8::from(details.is_some())]);
    hasher.update(&sequence.to_le_bytes());
    hasher.update(&enqueued.to_le_bytes());
    for part in [name, details.unwrap_or_default(), body] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize()
}

fn encode(details: &Details) -> Result<Vec<u8>> {
    let headers = details.headers.iter().map(|(key, value)| {
        let value = match value {
            HeaderValue::Text(text) => Value::Text(text),
            HeaderValue::Bytes(bytes) => Value::Bytes(bytes),
            other => return Err(unknown(format_args!("a header value of kind {other:?}"))),
        };
        Ok((key, value))
    });
    let record = Record {
        headers: headers.collect::<Result<_>>()?,
        content_type: details.content_type.as_deref(),
        ordering_key: details.ordering_key.as_deref(),
        dedup_id: details.dedup_id.as_deref(),
        not_before: details.not_before.map(|time| match time {
            NotBefore::After(delay) => Time::After(delay),
            NotBefore::At(time) => Time::At(time.as_micros()),
        }),
        ttl: details.ttl,
        priority: details.priority.level(),
        correlation_id: details.correlation_id.as_deref(),
        reply_to: details.reply_to.as_deref(),
    };
    postcard::to_stdvec(&record).map_err(unknown)
}

fn decode(bytes: &[u8]) -> Result<Details> {
    let record: Record<'_> = postcard::from_bytes(bytes)
        .map_err(|error| Fault::damaged(format!("details of a message: {error}")))?;
    let mut headers = Headers::new();
    for (key, value) in record.headers {
        let value = match value {
            Value::Text(text) => HeaderValue::Text(owned(text)),
            Value::Bytes(bytes) => HeaderValue::Bytes(Bytes::copy_from_slice(bytes)),
        };
        headers.set(owned(key), value);
    }
    let text = |text: Option<&str>| text.map(owned);
    Ok(Details {
        headers,
        content_type: text(record.content_type),
        ordering_key: text(record.ordering_key),
        dedup_id: text(record.dedup_id),
        not_before: record.not_before.map(|time| match time {
            Time::After(delay) => NotBefore::After(delay),
            Time::At(micros) => NotBefore::At(Timestamp::from_micros(micros)),
        }),
        ttl: record.ttl,
        priority: Priority::new(record.priority).unwrap_or_default(),
        correlation_id: text(record.correlation_id),
        reply_to: text(record.reply_to),
    })
}

fn owned(text: &str) -> Text {
    Text::from(text.to_owned())
}

/// Writes why a message is a dead letter.
pub(super) fn encode_envelope(envelope: &Envelope) -> Result<Vec<u8>> {
    let source = envelope.source.to_string();
    let letter = Letter {
        reason: &envelope.dead_letter.reason,
        description: &envelope.dead_letter.description,
        fingerprint: envelope.dead_letter.fingerprint.as_u64(),
        source: &source,
        attempts: envelope.attempts,
        enqueued_at: envelope.enqueued_at.as_micros(),
        dead_lettered_at: envelope.dead_lettered_at.as_micros(),
        crc: 0,
    };
    seal_letter(letter)
}

fn seal_letter(mut letter: Letter<'_>) -> Result<Vec<u8>> {
    let plain = postcard::to_stdvec(&letter).map_err(unknown)?;
    letter.crc = crc32fast::hash(&plain);
    postcard::to_stdvec(&letter).map_err(unknown)
}

/// Reads why a message is a dead letter.
pub(super) fn decode_envelope(bytes: &[u8]) -> Result<Envelope> {
    let broken = || Fault::damaged("the envelope of a dead letter is not what was written");
    let letter: Letter<'_> = postcard::from_bytes(bytes).map_err(|_| broken())?;
    let envelope = Envelope {
        dead_letter: DeadLetter {
            reason: owned(letter.reason),
            description: owned(letter.description),
            fingerprint: Fingerprint::from_u64(letter.fingerprint),
        },
        source: letter.source.parse().map_err(|_| broken())?,
        attempts: letter.attempts,
        enqueued_at: Timestamp::from_micros(letter.enqueued_at),
        dead_lettered_at: Timestamp::from_micros(letter.dead_lettered_at),
    };
    if encode_envelope(&envelope)? != bytes {
        return Err(broken());
    }
    Ok(envelope)
}

/// Writes messages for another file.
pub(super) fn encode_all(messages: &[Message]) -> Result<Vec<u8>> {
    let mut all = Vec::with_capacity(messages.len());
    for message in messages {
        let id = message.id.as_ref().map(ToString::to_string);
        let details = match message.is_plain() {
            true => None,
            false => Some(encode(message.details())?),
        };
        all.push((id, details, &message.body[..]));
    }
    postcard::to_stdvec(&all).map_err(unknown)
}

/// Reads messages for another file.
pub(super) fn decode_all(bytes: &[u8]) -> Result<Vec<Message>> {
    type Item<'a> = (Option<&'a str>, Option<&'a [u8]>, &'a [u8]);
    let all: Vec<Item<'_>> = postcard::from_bytes(bytes)
        .map_err(|error| Fault::damaged(format!("a note for another file: {error}")))?;
    let messages = all.into_iter().map(|(id, details, body)| {
        let mut message = Message::new(Bytes::copy_from_slice(body));
        message.id = id.map(MessageId::from_text);
        if let Some(details) = details {
            *message.details_mut() = decode(details)?;
        }
        Ok(message)
    });
    messages.collect()
}

fn unknown(what: impl Display) -> Fault {
    Fault::Failed(relayhouse_core::Error::new(
        relayhouse_core::ErrorKind::MessageInvalid,
        format!("message cannot be stored: {what}"),
    ))
}
