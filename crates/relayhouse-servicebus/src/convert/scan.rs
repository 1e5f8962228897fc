//! What a message mostly is, read out of its encoding into our own types at once.
//!
//! The client library reads everything, into maps of values, which was the largest part of what a
//! received message cost. What is not known here is left to it.

use std::{borrow::Cow, ops::Range, sync::Arc};

use bytes::{Buf, Bytes};
use relayhouse_core::{HeaderValue, Priority, Source, Text, Timestamp};

use super::{
    names,
    read::{header_key, time_of_millis},
    told::{Reading, Told},
    wire::{Cursor, Scalar},
};

/// The descriptors of the sections.
const HEADER: u8 = 0x70;
const DELIVERY_ANNOTATIONS: u8 = 0x71;
const MESSAGE_ANNOTATIONS: u8 = 0x72;
const PROPERTIES: u8 = 0x73;
const APPLICATION_PROPERTIES: u8 = 0x74;
const DATA: u8 = 0x75;

/// Reads an encoded message that came from `source`; gives the bytes back if somebody who knows
/// more has to.
pub(super) fn scan(mut bytes: Bytes, source: &Source) -> Result<Reading, Bytes> {
    // Why it is dead takes more than what is read here.
    let scanned = if source.dead_letter {
        None
    } else {
        sections(&bytes).map(|(told, body)| (told.reading(Bytes::new()), body))
    };
    let Some((mut reading, body)) = scanned else {
        return Err(bytes);
    };
    reading.message.body = if body.end == bytes.len() && body.start <= body.len() {
        // What stands before it stays in memory as long, and is the smaller part.
        bytes.advance(body.start);
        bytes
    } else {
        Bytes::copy_from_slice(&bytes[body])
    };
    Ok(reading)
}

fn sections(bytes: &[u8]) -> Option<(Told<'_>, Range<usize>)> {
    let mut cursor = Cursor::new(bytes);
    let (mut told, mut body) = (Told::default(), None);
    let mut last = 0;
    while !cursor.is_empty() {
        let section = cursor.descriptor()?;
        // Each comes once, and in this order.
        if section <= last {
            return None;
        }
        last = section;
        match section {
            HEADER => told.scan_header(&mut cursor)?,
            DELIVERY_ANNOTATIONS => cursor.skip()?,
            MESSAGE_ANNOTATIONS => told.scan_annotations(&mut cursor)?,
            PROPERTIES => told.scan_properties(&mut cursor)?,
            APPLICATION_PROPERTIES => told.scan_more(&mut cursor)?,
            DATA => {
                let Scalar::Binary(data) = cursor.scalar()? else {
                    return None;
                };
                let end = bytes.len() - cursor.left();
                body = Some(end - data.len()..end);
            }
            _ => return None,
        }
    }
    body.map(|body| (told, body))
}

impl<'a> Told<'a> {
    fn scan_header(&mut self, cursor: &mut Cursor<'a>) -> Option<()> {
        let mut fields = cursor.list()?;
        let (_durable, _priority) = (fields.next()?, fields.next()?);
        self.ttl = match fields.next()? {
            Scalar::Uint(ttl) => Some(ttl),
            Scalar::Null => None,
            _ => return None,
        };
        let _first_acquirer = fields.next()?;
        self.delivery_count = match fields.next()? {
            Scalar::Uint(count) => count,
            Scalar::Null => 0,
            _ => return None,
        };
        fields.end()
    }

    fn scan_annotations(&mut self, cursor: &mut Cursor<'a>) -> Option<()> {
        let mut fields = cursor.map()?;
        while !fields.is_over() {
            let Scalar::Symbol(name) = fields.next()? else {
                return None;
            };
            match (name, fields.next()?) {
                (names::SEQUENCE_NUMBER, Scalar::Long(number)) => {
                    self.sequence = u64::try_from(number).ok();
                }
                (names::ENQUEUED_TIME, Scalar::Timestamp(time)) => {
                    self.enqueued_at = time_of_millis(time);
                }
                (names::LOCKED_UNTIL, Scalar::Timestamp(time)) => {
                    self.locked_until = Some(time_of_millis(time));
                }
                (names::SEQUENCE_NUMBER | names::ENQUEUED_TIME | names::LOCKED_UNTIL, _) => {
                    return None;
                }
                _ => {}
            }
        }
        fields.end()
    }

    fn scan_properties(&mut self, cursor: &mut Cursor<'a>) -> Option<()> {
        let mut fields = cursor.list()?;
        self.message_id = text(fields.next()?)?;
        let (_user_id, _to, _subject) = (fields.next()?, fields.next()?, fields.next()?);
        self.reply_to = text(fields.next()?)?;
        self.correlation_id = text(fields.next()?)?;
        self.content_type = match fields.next()? {
            Scalar::Symbol(symbol) => Some(Cow::Borrowed(symbol)),
            Scalar::Null => None,
            _ => return None,
        };
        let (_encoding, _expiry, _creation) = (fields.next()?, fields.next()?, fields.next()?);
        self.group_id = text(fields.next()?)?;
        let (_group_sequence, _reply_to_group) = (fields.next()?, fields.next()?);
        fields.end()
    }

    fn scan_more(&mut self, cursor: &mut Cursor<'a>) -> Option<()> {
        let mut fields = cursor.map()?;
        while !fields.is_over() {
            let Scalar::Text(name) = fields.next()? else {
                return None;
            };
            let value = fields.next()?;
            match name {
                names::ID => self.own_id = Some(some_text(value)?),
                names::DEDUP_ID => self.own_dedup_id = Some(some_text(value)?),
                names::CONTENT_TYPE => self.own_content_type = Some(some_text(value)?),
                names::ATTEMPTS => {
                    let Scalar::Uint(before) = value else {
                        return None;
                    };
                    self.attempts_before = before;
                }
                names::FIRST_ENQUEUED => {
                    let Scalar::Long(micros) = value else {
                        return None;
                    };
                    self.first_enqueued = u64::try_from(micros).ok().map(Timestamp::from_micros);
                }
                names::PRIORITY => {
                    let Scalar::Ubyte(level) = value else {
                        return None;
                    };
                    self.priority = Priority::new(level);
                }
                _ => {
                    let value = match value {
                        Scalar::Text(text) => HeaderValue::Text(shared(text)),
                        Scalar::Binary(bytes) => HeaderValue::Bytes(Bytes::copy_from_slice(bytes)),
                        _ => return None,
                    };
                    self.headers.set(shared(header_key(name)), value);
                }
            }
        }
        fields.end()
    }
}

fn shared(text: &str) -> Text {
    Arc::<str>::from(text).into()
}

fn text(scalar: Scalar<'_>) -> Option<Option<Cow<'_, str>>> {
    match scalar {
        Scalar::Null => Some(None),
        other => some_text(other).map(Some),
    }
}

fn some_text(scalar: Scalar<'_>) -> Option<Cow<'_, str>> {
    match scalar {
        Scalar::Text(text) => Some(Cow::Borrowed(text)),
        _ => None,
    }
}
