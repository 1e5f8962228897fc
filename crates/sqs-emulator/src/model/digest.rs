//! The digests by which a client checks what it sent and got.

use md5::{Digest, Md5};
use sha2::Sha256;

use crate::api::messages::Attributes;

/// What an attribute holds, as its digest knows it.
const TEXT: u8 = 1;
const BYTES: u8 = 2;

/// Returns the MD5 of a body.
pub(crate) fn body(body: &str) -> String {
    hex(&Md5::digest(body.as_bytes()))
}

/// Returns the dedup id that follows from a body.
pub(crate) fn dedup(body: &str) -> String {
    hex(&Sha256::digest(body.as_bytes()))
}

/// Returns the MD5 of attributes: of each, sorted by name, the name, the type, what kind of
/// value it has, and the value; of no attributes there is none.
pub(crate) fn attributes(attributes: &Attributes) -> Option<String> {
    if attributes.is_empty() {
        return None;
    }
    let mut digest = Md5::new();
    for (name, value) in attributes {
        update(&mut digest, name.as_bytes());
        update(&mut digest, value.data_type.as_bytes());
        if let Some(text) = &value.string_value {
            digest.update([TEXT]);
            update(&mut digest, text.as_bytes());
        } else if let Some(bytes) = &value.binary_value {
            digest.update([BYTES]);
            update(&mut digest, &bytes.0);
        }
    }
    Some(hex(&digest.finalize()))
}

/// Adds a part with its length before it.
fn update(digest: &mut Md5, part: &[u8]) {
    // No part is longer than a message.
    let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
    digest.update(length.to_be_bytes());
    digest.update(part);
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}
