//! Events of CloudEvents, in both modes.

use bytes::Bytes;
use relayhouse_codec::{
    Decoder, JsonCodec,
    cloud_events::{CloudEvent, CloudEventsCodec},
    from_message, to_message,
};
use relayhouse_core::Message;
use serde_json::Value;

use crate::{check, source::Source};

/// The headers that an input may set, some of which no event has.
const HEADERS: &[&str] = &[
    "ce-id",
    "ce-source",
    "ce-specversion",
    "ce-type",
    "ce-time",
    "ce-subject",
    "ce_id",
    "ce_source",
    "ce_specversion",
    "ce_type",
    "cloudEvents_id",
    "cloudEvents:type",
    "ce-extension",
    "other",
    "ce-data",
    "ce-datacontenttype",
];

const PARTS: u8 = 16;

pub(crate) fn cloud_events(input: &[u8]) {
    structured(input);
    binary(input);
}

/// What was decoded is decoded again from what it is encoded to.
fn structured(input: &[u8]) {
    let codec = CloudEventsCodec::structured();
    let event: CloudEvent<Value> = match codec.decode(input) {
        Ok(event) => event,
        Err(error) => return check::error(&error),
    };
    again(&codec, &event);
}

/// Lines of the input are headers, and the rest is the body.
fn binary(input: &[u8]) {
    let mut source = Source::new(input);
    let mut message = Message::default();
    for _ in 0..source.below(PARTS) {
        let name = source.one(HEADERS);
        let count = source.below(32);
        let text = source.take(usize::from(count));
        if let (Some(name), Ok(text)) = (name, std::str::from_utf8(text)) {
            message = message.header(*name, text.to_owned());
        }
    }
    message.body = Bytes::copy_from_slice(source.rest());
    let codec = CloudEventsCodec::binary(JsonCodec::new());
    match from_message::<CloudEvent<Value>>(&codec, &message) {
        Ok(event) => again(&codec, &event),
        Err(error) => check::error(&error),
    }
}

fn again(codec: &CloudEventsCodec, event: &CloudEvent<Value>) {
    // An event that was taken may still be more than a queue's headers hold.
    let Ok(message) = to_message(codec, event) else {
        return;
    };
    let again = from_message::<CloudEvent<Value>>(codec, &message);
    assert_eq!(&check::expect(again, event), event);
}
