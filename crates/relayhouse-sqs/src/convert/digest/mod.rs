//! The MD5 of what is sent, which must come back.

mod lanes;

use aws_sdk_sqs::types::SendMessageBatchResultEntry;
use relayhouse_core::Result;

use self::lanes::digest_all;
use super::packet::{Packet, Value};
use crate::error;

/// The MD5 of a message that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Digests {
    body: [u8; 16],
    attributes: Option<[u8; 16]>,
}

impl Digests {
    /// Digests the messages of one call.
    pub(crate) fn of(packets: &[Packet]) -> Vec<Self> {
        let (mut written, mut ends) = (Vec::new(), Vec::with_capacity(packets.len()));
        for packet in packets {
            write_attributes(packet, &mut written);
            ends.push(written.len());
        }
        let mut inputs: Vec<&[u8]> = packets
            .iter()
            .map(|packet| packet.body.as_bytes())
            .collect();
        let mut start = 0;
        for end in ends {
            inputs.push(&written[start..end]);
            start = end;
        }
        let digests = digest_all(&inputs);
        let (bodies, attributes) = digests.split_at(packets.len());
        let digests = bodies.iter().zip(attributes).zip(packets);
        let digests = digests.map(|((body, attributes), packet)| Self {
            body: *body,
            attributes: (!packet.attributes.is_empty()).then_some(*attributes),
        });
        digests.collect()
    }

    /// Checks that SQS took what was sent. An attribute digest that it leaves out says nothing.
    pub(crate) fn check(&self, answer: &SendMessageBatchResultEntry) -> Result<()> {
        if !is_hex(answer.md5_of_message_body(), self.body) {
            return Err(error::changed("body"));
        }
        match (answer.md5_of_message_attributes(), self.attributes) {
            (Some(theirs), Some(ours)) if !is_hex(theirs, ours) => {
                Err(error::changed("attributes"))
            }
            _ => Ok(()),
        }
    }
}

/// Writes attributes as SQS digests them, by name: each of name, type and value with its length
/// ahead, and one byte that says how the value is carried.
fn write_attributes(packet: &Packet, to: &mut Vec<u8>) {
    let mut part = |bytes: &[u8], mark: Option<u8>| {
        to.extend(mark);
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        to.extend_from_slice(&length.to_be_bytes());
        to.extend_from_slice(bytes);
    };
    for (name, value) in &packet.attributes {
        let mark = match value {
            Value::Text(_) | Value::Number(_) => 1,
            Value::Binary(_) => 2,
        };
        part(name.as_bytes(), None);
        part(value.data_type().as_bytes(), None);
        part(&value.bytes(), Some(mark));
    }
}

/// Prints a digest as lowercase hexadecimal digits.
pub(crate) fn hex(digest: impl Into<[u8; 16]>) -> String {
    digits(digest.into()).map(char::from).into_iter().collect()
}

/// Returns true if `text` is `digest` in lowercase hexadecimal digits.
fn is_hex(text: &str, digest: [u8; 16]) -> bool {
    text.as_bytes() == digits(digest)
}

fn digits(digest: [u8; 16]) -> [u8; 32] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut digits = [0; 32];
    let (pairs, _) = digits.as_chunks_mut();
    for ([high, low], byte) in pairs.iter_mut().zip(digest) {
        *high = DIGITS[usize::from(byte >> 4)];
        *low = DIGITS[usize::from(byte & 15)];
    }
    digits
}
