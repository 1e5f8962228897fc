//! The sections of an encoded message.

use std::ops::Range;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_amqp::{descriptor::Descriptor, from_slice};

use super::raw;
use crate::amqp::value_bytes;

pub(super) const HEADER: u64 = 0x70;
pub(super) const DELIVERY_ANNOTATIONS: u64 = 0x71;
pub(super) const MESSAGE_ANNOTATIONS: u64 = 0x72;
pub(super) const PROPERTIES: u64 = 0x73;
pub(super) const APPLICATION_PROPERTIES: u64 = 0x74;
pub(super) const DATA: u64 = 0x75;
pub(super) const SEQUENCE: u64 = 0x76;
pub(super) const VALUE: u64 = 0x77;
pub(super) const FOOTER: u64 = 0x78;

/// What is wrong with a message.
pub(super) type Text = String;

/// One section.
#[derive(Clone, Debug)]
pub(super) struct Section {
    pub(super) code: u64,
    /// All of it, the descriptor included.
    pub(super) whole: Range<usize>,
    /// The value that is described.
    pub(super) value: Range<usize>,
}

/// Splits a message into its sections.
pub(super) fn split(message: &[u8]) -> Result<Vec<Section>, Text> {
    let mut sections = Vec::new();
    let mut start = 0;
    while start < message.len() {
        let section = next(message, start)?;
        start = section.whole.end;
        sections.push(section);
    }
    Ok(sections)
}

fn next(message: &[u8], start: usize) -> Result<Section, Text> {
    let rest = &message[start..];
    let count = value_bytes(rest).map_err(|malformed| malformed.to_string())?;
    if rest[0] != 0 {
        return Err(format!("there is no section of a message at byte {start}"));
    }
    let described = &rest[1..count];
    let descriptor_bytes = value_bytes(described).map_err(|malformed| malformed.to_string())?;
    // The library takes what announces a descriptor for a part of it.
    let code = match read(&rest[..=descriptor_bytes])? {
        Descriptor::Code(code) => code,
        Descriptor::Name(name) => code_of(name.as_str()),
    };
    Ok(Section {
        code,
        whole: start..start + count,
        value: start + 1 + descriptor_bytes..start + count,
    })
}

fn code_of(name: &str) -> u64 {
    match name {
        "amqp:header:list" => HEADER,
        "amqp:delivery-annotations:map" => DELIVERY_ANNOTATIONS,
        "amqp:message-annotations:map" => MESSAGE_ANNOTATIONS,
        "amqp:properties:list" => PROPERTIES,
        "amqp:application-properties:map" => APPLICATION_PROPERTIES,
        "amqp:data:binary" => DATA,
        "amqp:amqp-sequence:list" => SEQUENCE,
        "amqp:amqp-value:*" => VALUE,
        "amqp:footer:map" => FOOTER,
        _ => 0,
    }
}

/// Reads a value that [`split`] has found.
pub(super) fn read<T: DeserializeOwned>(value: &[u8]) -> Result<T, Text> {
    from_slice(value).map_err(|error| error.to_string())
}

/// Returns the bytes of a section of data, without its own size.
pub(super) fn data(message: &Bytes, section: &Section) -> Result<Bytes, Text> {
    let bytes = raw::binary(&message[section.value.clone()]);
    let bytes = bytes.ok_or_else(|| "a section of data is no binary".to_owned())?;
    Ok(message.slice_ref(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_found() {
        // Properties of no fields, a value that is text; the second is described by its name.
        let mut message = b"\x00\x53\x73\x45\x00\xa3\x11amqp:amqp-value:*\xa1\x02it".to_vec();
        let sections = split(&message).unwrap();
        let found = sections
            .iter()
            .map(|it| (it.code, it.whole.clone(), it.value.clone()));
        let expected = [(PROPERTIES, 0..4, 3..4), (VALUE, 4..28, 24..28)];
        assert_eq!(found.collect::<Vec<_>>(), expected);
        message.push(0x40);
        assert!(split(&message).unwrap_err().contains("no section"));
    }

    #[test]
    fn data_is_read_without_its_size() {
        for message in [
            &b"\x00\x53\x75\xa0\x02it"[..],
            b"\x00\x53\x75\xb0\x00\x00\x00\x02it",
        ] {
            let message = Bytes::from_static(message);
            let sections = split(&message).unwrap();
            assert_eq!(&data(&message, &sections[0]).unwrap()[..], b"it");
        }
    }
}
