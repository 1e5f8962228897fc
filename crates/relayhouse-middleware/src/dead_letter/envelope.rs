//! An envelope as headers.

use relayhouse_core::{DeadLetter, Envelope, Fingerprint, HeaderValue, Headers, Text, Timestamp};

const FACTS: &str = "dead-letter";
const REASON: &str = "dead-letter-reason";
const DESCRIPTION: &str = "dead-letter-description";
const VERSION: &str = "1";

/// The most bytes of a description: the rest of it helps nobody.
const DESCRIPTION_BYTES_MAX: usize = 1024;

/// The most bytes of a reason.
const REASON_BYTES_MAX: usize = 256;

/// Writes `envelope` into `headers`.
pub(super) fn write(envelope: &Envelope, headers: &mut Headers) {
    let Envelope {
        dead_letter,
        source,
        attempts,
        enqueued_at,
        dead_lettered_at,
    } = envelope;
    let DeadLetter {
        reason,
        description,
        fingerprint,
    } = dead_letter;
    let (enqueued, dead) = (enqueued_at.as_micros(), dead_lettered_at.as_micros());
    let facts = format!("{VERSION} {attempts} {enqueued} {dead} {fingerprint} {source}");
    headers.set(FACTS, facts);
    headers.set(REASON, plain(reason, REASON_BYTES_MAX));
    if !description.is_empty() {
        headers.set(DESCRIPTION, plain(description, DESCRIPTION_BYTES_MAX));
    }
}

/// Removes an envelope from `headers`, if one is there.
pub(super) fn remove(headers: &mut Headers) {
    for name in [FACTS, REASON, DESCRIPTION] {
        headers.remove(name);
    }
}

/// Reads the envelope from `headers`, if it is there.
pub(super) fn read(headers: &Headers) -> Option<Envelope> {
    let mut facts = headers.text(FACTS)?.splitn(6, ' ');
    let mut next = || facts.next();
    if next()? != VERSION {
        return None;
    }
    let attempts = next()?.parse().ok()?;
    let enqueued_at = Timestamp::from_micros(next()?.parse().ok()?);
    let dead_lettered_at = Timestamp::from_micros(next()?.parse().ok()?);
    let fingerprint = u64::from_str_radix(next()?, 16).ok()?;
    let source = next()?.parse().ok()?;
    let text = |name| {
        let value = headers.get(name).and_then(HeaderValue::as_text);
        value.map_or_else(Text::default, |text| text.to_owned().into())
    };
    Some(Envelope {
        dead_letter: DeadLetter {
            reason: text(REASON),
            description: text(DESCRIPTION),
            fingerprint: Fingerprint::from_u64(fingerprint),
        },
        source,
        attempts,
        enqueued_at,
        dead_lettered_at,
    })
}

/// Makes a value that every queue takes: without control characters, and not too long.
fn plain(text: &str, bytes_max: usize) -> String {
    let mut plain = String::new();
    for c in text.chars() {
        let c = if c.is_control() { ' ' } else { c };
        if bytes_max < plain.len() + c.len_utf8() {
            break;
        }
        plain.push(c);
    }
    plain
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn envelope(reason: &str, description: &str) -> Envelope {
        Envelope {
            dead_letter: DeadLetter::new(reason.to_owned(), description.to_owned()),
            source: "events/subscriptions/audit".parse().unwrap(),
            attempts: 5,
            enqueued_at: Timestamp::from_micros(1),
            dead_lettered_at: Timestamp::from_micros(2),
        }
    }

    #[test]
    fn envelope_is_read_as_it_was_written() {
        let envelope = envelope("rejected", "no such order");
        let mut headers = Headers::new();
        assert_eq!(read(&headers), None);
        write(&envelope, &mut headers);
        assert_eq!(read(&headers), Some(envelope));
    }

    proptest! {
        #[test]
        fn any_text_can_be_sent(reason: String, description: String) {
            let mut headers = Headers::new();
            let envelope = envelope(&reason, &description);
            write(&envelope, &mut headers);
            prop_assert!(headers.check().is_ok());
            let read = read(&headers).unwrap();
            prop_assert_eq!(read.dead_letter.fingerprint, envelope.dead_letter.fingerprint);
        }

        #[test]
        fn no_header_makes_a_panic(facts: String) {
            let mut headers = Headers::new();
            headers.set(FACTS, facts);
            prop_assert_eq!(read(&headers), None);
        }
    }
}
