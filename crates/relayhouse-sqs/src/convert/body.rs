//! Bodies: text as it is, anything else declared as encoded.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Stands for an empty body, which SQS does not take.
const EMPTY: &str = "(empty)";

/// Says how the text that SQS holds was made from the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Encoding {
    Base64,
    Empty,
    /// The body is empty, and the text says where the blob of the message's claim is.
    Pointer,
}

/// Returns true if SQS takes `c`: the characters of XML 1.0.
const fn is_allowed(c: char) -> bool {
    matches!(c,
        '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Returns true if SQS takes `text` as it is.
pub(crate) fn is_text(text: &str) -> bool {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~');
    // Most text is plain: all bytes at a time are looked at sooner than one after another.
    let all_plain = text
        .as_bytes()
        .iter()
        .fold(true, |all, it| all & is_plain(it));
    all_plain || text.chars().all(is_allowed)
}

/// Turns a body into text, and says how unless it is text already.
pub(crate) fn encode(body: &Bytes) -> (String, Option<Encoding>) {
    if body.is_empty() {
        return (EMPTY.to_owned(), Some(Encoding::Empty));
    }
    match std::str::from_utf8(body) {
        Ok(text) if is_text(text) => (text.to_owned(), None),
        _ => (STANDARD.encode(body), Some(Encoding::Base64)),
    }
}

/// Turns text back into a body; text that is not what `encoding` says stays as it is.
pub(crate) fn decode(text: String, encoding: Option<Encoding>) -> Bytes {
    match encoding {
        None => text.into(),
        Some(Encoding::Empty | Encoding::Pointer) => Bytes::new(),
        Some(Encoding::Base64) => match STANDARD.decode(&text) {
            Ok(body) => body.into(),
            Err(_) => text.into(),
        },
    }
}

pub(crate) fn encode_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn decode_base64(text: &str) -> Option<Bytes> {
    STANDARD.decode(text).ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, any, prop_assert, prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn text_is_left_alone() {
        let body = Bytes::from_static("größe\t\r\n👋".as_bytes());
        assert_eq!(encode(&body), ("größe\t\r\n👋".to_owned(), None));
    }

    #[test]
    fn characters_that_sqs_refuses_are_encoded() {
        for text in ["\0", "a\u{8}", "\u{b}", "\u{1f}", "\u{fffe}", "\u{ffff}"] {
            let (_, encoding) = encode(&Bytes::from_static(text.as_bytes()));
            assert_eq!(encoding, Some(Encoding::Base64), "{text:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn any_body_survives(body in any::<Vec<u8>>()) {
            let body = Bytes::from(body);
            let (text, encoding) = encode(&body);
            prop_assert!(!text.is_empty() && text.chars().all(is_allowed));
            prop_assert_eq!(decode(text, encoding), body);
        }
    }
}
