//! UUIDs: 16 bytes, or text.

use std::str;

pub(super) const UUID_BYTES: usize = 16;
const TEXT_BYTES: usize = 36;

/// A UUID as text, with hyphens and in lower case.
#[derive(Debug)]
pub(super) struct Text([u8; TEXT_BYTES]);

impl Text {
    pub(super) fn as_str(&self) -> &str {
        // It is hexadecimal digits and hyphens.
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Writes `bytes` as text.
pub(super) fn text(bytes: &[u8; UUID_BYTES]) -> Text {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [b'-'; TEXT_BYTES];
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    let places = (0..TEXT_BYTES).filter(|place| !is_hyphen(*place));
    for (place, digit) in places.zip(digits) {
        text[place] = DIGITS[usize::from(digit)];
    }
    Text(text)
}

/// Reads text with hyphens, or without any.
pub(super) fn bytes(text: &[u8]) -> Option<[u8; UUID_BYTES]> {
    let is_hyphenated = text.len() == TEXT_BYTES;
    let mut bytes = [0; UUID_BYTES];
    let mut count = 0;
    for (place, &character) in text.iter().enumerate() {
        if is_hyphenated && is_hyphen(place) {
            if character != b'-' {
                return None;
            }
            continue;
        }
        let digit = char::from(character).to_digit(16)?;
        let byte = bytes.get_mut(count / 2)?;
        *byte = *byte << 4 | u8::try_from(digit).ok()?;
        count += 1;
    }
    (count == 2 * UUID_BYTES).then_some(bytes)
}

fn is_hyphen(place: usize) -> bool {
    matches!(place, 8 | 13 | 18 | 23)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_bytes_is_read_back() {
        let mut given = [0; UUID_BYTES];
        given
            .iter_mut()
            .zip(0..)
            .for_each(|(byte, index)| *byte = index * 17);
        let text = text(&given);
        assert_eq!(text.as_str(), "00112233-4455-6677-8899-aabbccddeeff");
        assert_eq!(bytes(text.as_str().as_bytes()), Some(given));
        assert_eq!(bytes(b"00112233445566778899AABBCCDDEEFF"), Some(given));
    }

    #[test]
    fn uuid_is_hyphenated() {
        let uuid = 0x0123_4567_89ab_cdef_0011_2233_4455_6677_u128;
        assert_eq!(
            text(&uuid.to_be_bytes()).as_str(),
            "01234567-89ab-cdef-0011-223344556677"
        );
    }

    #[test]
    fn other_text_is_refused() {
        for wrong in [
            "",
            "00112233445566778899AABBCCDDEEF",
            "00112233445566778899AABBCCDDEEFF0",
            "00112233-4455-6677-8899_aabbccddeeff",
            "00112233-4455-6677-8899-aabbccddeefg",
            "0011223-34455-6677-8899-aabbccddeeff",
        ] {
            assert_eq!(bytes(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
