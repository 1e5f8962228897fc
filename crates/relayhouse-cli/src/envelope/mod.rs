//! A message as one line of JSON: what `receive` prints and `send --envelope` takes.
//!
//! A body that is JSON stands as it is in `body`; another, or one of several lines, as `text`, and
//! one that is no text as `base64`. What `receive` knows beside the message itself is in
//! `delivery` and `dead_letter`, and what the body says in `decoded` or `undecoded`; a send passes
//! over all of these.

pub(crate) mod base64;
mod read;
mod write;

pub(crate) use self::{
    read::{Exported, read, read_exported},
    write::{write, write_decoded},
};

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use relayhouse::{
        Delivery, Instant, Lease, Message, MessageId, Previous, Priority, Receipt, Timestamp,
    };

    use super::*;

    fn delivery(message: Message) -> Delivery {
        Delivery {
            id: MessageId::from(7_u128),
            message,
            receipt: Receipt::from_bytes([0; 16]),
            lease: Lease::new(Instant::NEVER, 1),
            attempt: 2,
            previous: Previous::Released,
            sequence: Some(3),
            enqueued_at: Timestamp::from_micros(1_700_000_000_000_000),
            envelope: None,
        }
    }

    fn written(message: &Message) -> String {
        let line = write(&delivery(message.clone())).unwrap();
        assert_eq!(line.matches('\n').count(), 0, "{line}");
        line
    }

    fn reason(line: &str) -> String {
        let wrong = read(line.as_bytes()).unwrap_err();
        match wrong.column {
            Some(column) => format!("{} at column {column}", wrong.reason),
            None => wrong.reason,
        }
    }

    #[test]
    fn every_body_comes_back_byte_for_byte() {
        let bodies: [&[u8]; 14] = [
            b"{\"b\": 1,  \"a\":2}",
            b"{\"a\":1,\"a\":2}",
            b"1e400",
            b"null",
            b"\"\\u00e4\"",
            b"",
            b"hi\n",
            b" 1",
            b"{\n}",
            b"{\"a\":\r1}",
            b"not json",
            b"\xff\x00",
            b"\"text",
            "ä😀\u{2028}".as_bytes(),
        ];
        for body in bodies {
            let message = Message::new(Bytes::from_static(body));
            let back = read(written(&message).as_bytes()).unwrap();
            assert_eq!(back.body, body);
            assert_eq!(back, message);
        }
    }

    #[test]
    fn every_detail_comes_back() {
        let message = Message::new("{}")
            .content_type("application/cloudevents+json")
            .header("tenant", "acme \"ä\"")
            .header("trace", Bytes::from_static(b"\xff\x00"))
            .ordering_key("customer 7")
            .dedup_id("order-7")
            .priority(Priority::MAX)
            .ttl(Duration::from_millis(90_500))
            .correlation_id("c")
            .reply_to("answers");
        assert_eq!(read(written(&message).as_bytes()).unwrap(), message);
    }

    #[test]
    fn body_alone_is_enough_and_is_json() {
        let message = read(b"{\"body\":{\"id\": 7}}").unwrap();
        assert_eq!(message.body, "{\"id\": 7}");
        assert_eq!(
            message.details().content_type.as_deref(),
            Some("application/json")
        );
        let text = read(b"{\"text\":\"hi\"}").unwrap();
        assert_eq!((&*text.body, text.is_plain()), (&b"hi"[..], true));
        let delayed = read(b"{\"body\":1,\"delay\":\"5s\"}").unwrap();
        assert_eq!(
            delayed,
            read(b"{\"body\":1}").unwrap().delay(Duration::from_secs(5))
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let one = "not an envelope: needs one of body, text and base64";
        for (line, expected) in [
            ("{}", one),
            ("{\"body\":1,\"text\":\"1\"}", one),
            ("[1]", "not an envelope: needs an object"),
            (
                "{\"bdy\":1}",
                "not an envelope: unknown field `bdy`, expected one of `body`, ",
            ),
            (
                "{\"body\":1,\"priority\":10}",
                "not an envelope: a priority is 0 to 9",
            ),
            (
                "{\"body\":1,\"delay\":\"soon\"}",
                "not an envelope: \"soon\" is not a duration",
            ),
            (
                "{\"base64\":\"!\"}",
                "not an envelope: base64 is not what it says",
            ),
            (
                "{\"body\":1,\"headers\":{\"n\":1}}",
                "not an envelope: invalid type: integer `1`, \
             expected a text or an object with base64 at column 26",
            ),
            (
                "{\"body\":1",
                "not JSON: EOF while parsing an object at column 9",
            ),
        ] {
            let reason = reason(line);
            assert!(reason.starts_with(expected), "{line}: {reason}");
        }
    }
}
