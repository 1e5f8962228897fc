//! Tests of CloudEvents, with the examples of the specification.

#[cfg(feature = "avro")]
mod avro;

use bytes::BytesMut;
use relayhouse_core::{ErrorKind, IntoMessage, Message, Result, Timestamp};
use serde_json::{Value, json};

use super::*;
use crate::{Bounds, Decoder, Encoder, Format, JsonCodec, from_message, to_bytes, to_message};

/// A codec for any bytes, of one content type.
#[derive(Clone, Copy, Debug)]
struct Raw(&'static str);

impl Format for Raw {
    fn content_type(&self) -> &'static str {
        self.0
    }

    fn accepts(&self, content_type: &str) -> bool {
        content_type == self.0
    }
}

impl Encoder<Vec<u8>> for Raw {
    fn encode_into(&self, value: &Vec<u8>, body: &mut BytesMut) -> Result<()> {
        body.extend_from_slice(value);
        Ok(())
    }
}

impl Decoder<Vec<u8>> for Raw {
    fn decode(&self, body: &[u8]) -> Result<Vec<u8>> {
        Ok(body.to_vec())
    }
}

const XML: Raw = Raw("text/xml");
const THRIFT: Raw = Raw("application/vnd.apache.thrift.binary");

fn structured(body: &Value) -> Message {
    Message::new(body.to_string()).content_type("application/cloudevents+json; charset=UTF-8")
}

/// The example of the JSON format, with `data`.
fn example(content_type: &str, data: (&str, Value)) -> Value {
    let mut event = json!({
        "specversion": "1.0",
        "type": "com.example.someevent",
        "source": "/mycontext",
        "subject": null,
        "id": "C234-1234-1234",
        "time": "2018-04-05T17:31:00Z",
        "comexampleextension1": "value",
        "comexampleothervalue": 5,
        "datacontenttype": content_type,
    });
    event[data.0] = data.1;
    event
}

fn expected<T>(data: T) -> CloudEvent<T> {
    CloudEvent {
        time: Some("2018-04-05T17:31:00Z".into()),
        ..CloudEvent::new("C234-1234-1234", "/mycontext", "com.example.someevent")
            .extension("comexampleextension1", "value")
            .extension("comexampleothervalue", 5)
            .data(data)
    }
}

fn refusal(message: &Message) -> String {
    let result: Result<CloudEvent<Value>> = from_message(&CloudEventsCodec::structured(), message);
    let error = result.expect_err("an event that breaks a rule");
    assert_eq!(error.kind(), ErrorKind::Codec);
    assert!(error.is_permanent());
    error.to_string()
}

#[test]
fn examples_of_the_json_format_are_read() {
    let data = json!({ "appinfoA": "abc", "appinfoB": 123, "appinfoC": true });
    let message = structured(&example("application/json", ("data", data.clone())));
    let event: CloudEvent<Value> = from_message(&CloudEventsCodec::structured(), &message).unwrap();
    assert_eq!(event, expected(data));

    let xml = "<much wow=\"xml\"/>";
    let message = structured(&example("text/xml", ("data", json!(xml))));
    let event = from_message(&CloudEventsCodec::structured_with(XML), &message).unwrap();
    assert_eq!(event, expected(xml.as_bytes().to_vec()));

    for base64 in ["AQL/", "AQL/AQ==", "AQL/AQ"] {
        let message = structured(&example(THRIFT.0, ("data_base64", json!(base64))));
        let codec = CloudEventsCodec::structured_with(THRIFT);
        let event: CloudEvent<Vec<u8>> = from_message(&codec, &message).unwrap();
        assert!(event.data.unwrap().starts_with(&[1, 2, 255]));
    }
}

#[test]
fn data_without_a_content_type_is_json() {
    let mut body = example("", ("data", json!([1])));
    body.as_object_mut().unwrap().remove("datacontenttype");
    let event: CloudEvent<Value> =
        from_message(&CloudEventsCodec::structured(), &structured(&body)).unwrap();
    assert_eq!(event, expected(json!([1])));
}

/// The example of the bindings: all attributes are headers, and the data is the body.
#[test]
fn examples_of_the_bindings_are_read_in_every_style() {
    for (prefix, source) in [
        ("ce-", "/mycontext/%E2%82%AC%20%22x%22"),
        ("ce_", "/mycontext/€ \"x\""),
        ("cloudEvents_", "/mycontext/€ \"x\""),
        ("cloudEvents:", "/mycontext/€ \"x\""),
    ] {
        let message = Message::new("{\"a\":1}")
            .content_type("application/json; charset=utf-8")
            .header(format!("{prefix}specversion"), "1.0")
            .header(format!("{prefix}type"), "com.example.someevent")
            .header(format!("{prefix}time"), "2018-04-05T03:56:24+02:00")
            .header(format!("{prefix}id"), "1234-1234-1234")
            .header(format!("{prefix}source"), source)
            .header("tenant", "acme");
        let event: CloudEvent<Value> =
            from_message(&CloudEventsCodec::structured(), &message).unwrap();
        assert_eq!(&*event.source, "/mycontext/€ \"x\"", "{prefix}");
        assert_eq!(event.time.as_deref(), Some("2018-04-05T03:56:24+02:00"));
        assert_eq!(event.data, Some(json!({ "a": 1 })));
        assert!(event.extensions.is_empty());
    }
}

#[test]
fn events_go_and_come_in_both_modes_with_and_without_data() {
    let event = CloudEvent::new("7", "/orders/größe", "com.example.paid")
        .subject("50 % \"off\"")
        .time(Timestamp::from_micros(1_700_000_000_000_000))
        .data_schema("https://example.com/order.json")
        .extension("traceparent", "00-1-2-00");
    let with_data = event.clone().data(json!({ "total": 0.1 }));
    for event in [event, with_data] {
        for codec in [
            CloudEventsCodec::structured(),
            CloudEventsCodec::binary(JsonCodec::new()),
            CloudEventsCodec::structured().headers(HeaderStyle::Underscore),
            CloudEventsCodec::structured().headers(HeaderStyle::Amqp),
        ] {
            let message = to_message(&codec, &event).unwrap();
            assert!(message.headers().check().is_ok());
            let read: CloudEvent<Value> = from_message(&codec, &message).unwrap();
            assert_eq!(read, event);
        }
    }
}

#[test]
fn data_that_is_no_json_goes_in_base64() {
    let event = CloudEvent::new("7", "/orders", "paid").data(vec![1, 2, 255]);
    let codec = CloudEventsCodec::structured_with(THRIFT);
    let message = to_message(&codec, &event).unwrap();
    let body: Value = serde_json::from_slice(&message.body).unwrap();
    assert_eq!(body["data_base64"], "AQL/");
    assert_eq!(body["datacontenttype"], THRIFT.0);
    assert_eq!(
        from_message::<CloudEvent<Vec<u8>>>(&codec, &message).unwrap(),
        event
    );
}

#[test]
fn values_keep_their_types_in_structured_mode_and_are_texts_in_binary_mode() {
    let event = CloudEvent::new("7", "/orders", "paid")
        .extension("count", -3)
        .extension("sampled", true)
        .data(1);
    let codec = CloudEventsCodec::structured();
    let message = to_message(&codec, &event).unwrap();
    assert_eq!(
        from_message::<CloudEvent<u8>>(&codec, &message).unwrap(),
        event
    );
    let codec = CloudEventsCodec::binary(JsonCodec::new());
    let message = to_message(&codec, &event).unwrap();
    let read: CloudEvent<u8> = from_message(&codec, &message).unwrap();
    assert_eq!(read.extensions["count"], ExtensionValue::from("-3"));
    assert_eq!(read.extensions["sampled"], ExtensionValue::from("true"));
}

#[test]
fn events_that_break_a_rule_are_refused_by_the_name_of_the_attribute() {
    let whole = || example("application/json", ("data", json!(1)));
    for (name, value, expected) in [
        ("id", Value::Null, "attribute id of CloudEvent is missing"),
        (
            "source",
            json!(""),
            "attribute source of CloudEvent is empty",
        ),
        (
            "type",
            json!(7),
            "attribute type of CloudEvent is not a string",
        ),
        (
            "specversion",
            json!("0.3"),
            "attribute specversion of CloudEvent is not 1.0",
        ),
        (
            "time",
            json!("today"),
            "attribute time of CloudEvent is not RFC 3339",
        ),
        (
            "subject",
            json!("a\nb"),
            "attribute subject of CloudEvent has a control character",
        ),
        (
            "Upper",
            json!("x"),
            "attribute Upper of CloudEvent is not named",
        ),
        (
            "datacontenttype",
            json!("text/plain"),
            "content type is text/plain, expected",
        ),
        ("big", json!(1_u64 << 40), "JSON body does not fit"),
        ("nested", json!({}), "JSON body does not fit"),
        ("data_base64", json!("AQ=="), "JSON body does not fit"),
    ] {
        let mut body = whole();
        body[name] = value;
        let text = refusal(&structured(&body));
        assert!(text.starts_with(expected), "{text}");
    }
    let mut body = example("application/json", ("data_base64", json!("?")));
    assert!(refusal(&structured(&body)).contains("not base64"));
    body["data_base64"] = json!("eA==");
    assert!(refusal(&structured(&body)).contains("body is not JSON"));
    let xml = structured(&example("text/xml", ("data", json!({ "secret": 1 }))));
    let codec = CloudEventsCodec::structured_with(XML);
    let error = from_message::<CloudEvent<Vec<u8>>>(&codec, &xml).unwrap_err();
    assert!(error.to_string().contains("nor a string"), "{error}");
}

#[test]
fn headers_that_break_a_rule_are_refused() {
    let plain = Message::new("1").content_type("application/json");
    assert_eq!(
        refusal(&plain),
        "attribute specversion of CloudEvent is missing"
    );
    let event = plain
        .header("ce-specversion", "1.0")
        .header("ce-id", "7")
        .header("ce-source", "/");
    assert_eq!(refusal(&event), "attribute type of CloudEvent is missing");
    let event = event.header("ce-type", "%FF");
    assert_eq!(refusal(&event), "attribute type of CloudEvent is not text");
    let event = event.header("ce-type", "%0A");
    assert!(refusal(&event).ends_with("type of CloudEvent has a control character"));
    let foreign = Message::new("1").content_type("text/plain");
    assert!(refusal(&foreign).starts_with("content type is text/plain"));
}

#[test]
fn events_that_break_a_rule_are_not_written() {
    let event = || CloudEvent::new("7", "/orders", "paid").data(1);
    for (event, expected) in [
        (
            CloudEvent {
                id: "".into(),
                ..event()
            },
            "id of CloudEvent is empty",
        ),
        (
            event().subject("a\u{7}"),
            "subject of CloudEvent has a control character",
        ),
        (
            event().extension("data", "x"),
            "data of CloudEvent is no extension",
        ),
        (
            event().extension("trace-id", "x"),
            "trace-id of CloudEvent is not named",
        ),
        (
            CloudEvent {
                time: Some("now".into()),
                ..event()
            },
            "time of CloudEvent is not RFC",
        ),
    ] {
        for codec in [
            CloudEventsCodec::structured(),
            CloudEventsCodec::binary(JsonCodec::new()),
        ] {
            let error = to_message(&codec, &event).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Codec);
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}

#[test]
fn body_alone_is_no_event_in_binary_mode() {
    let codec = CloudEventsCodec::binary(JsonCodec::new());
    let event = CloudEvent::new("7", "/orders", "paid").data(1);
    assert_eq!(
        to_bytes(&codec, &event).unwrap_err().kind(),
        ErrorKind::Codec
    );
    assert!(Decoder::<CloudEvent<u8>>::decode(&codec, b"1").is_err());
}

#[test]
fn bounds_hold_and_a_failed_encoding_leaves_the_body_as_it_was() {
    let max = 100.try_into().unwrap();
    let codec = CloudEventsCodec::structured().bounds(Bounds::new().body_bytes_max(max));
    let event = CloudEvent::new("7", "/orders", "paid").data("x".repeat(50));
    let mut body = BytesMut::from(&b"start"[..]);
    let error = codec.encode_into(&event, &mut body).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MessageTooLarge);
    assert_eq!(body, &b"start"[..]);
    let message = event.into_message().unwrap();
    let error = from_message::<CloudEvent<String>>(&codec, &message).unwrap_err();
    assert!(
        error.to_string().contains("at most 100 are decoded"),
        "{error}"
    );
}

#[test]
fn times_and_texts_are_as_the_specification_says() {
    let event = |name: &str, value: Value| {
        let mut body = example("application/json", ("data", json!(1)));
        body[name] = value;
        structured(&body)
    };
    for time in [
        "2018-04-05T17:31:00.Z",
        "2018-13-05T17:31:00Z",
        "2018-04-32T17:31:00Z",
        "2018-04-05T24:31:00Z",
        "2018-04-05T17:60:00Z",
        "2018-04-05T17:31:61Z",
        "2018-04-05T17:31:00+24:00",
    ] {
        let text = refusal(&event("time", json!(time)));
        assert!(
            text.ends_with("time of CloudEvent is not RFC 3339"),
            "{text}"
        );
    }
    for text in ["\u{fdd0}", "\u{fffe}", "\u{10ffff}"] {
        let text = refusal(&event("subject", json!(text)));
        assert!(text.ends_with("has a noncharacter of Unicode"), "{text}");
    }
}

/// An older version of the binding has quotes around values with spaces.
#[test]
fn quoted_header_is_read_without_its_quotes() {
    let message = |style: &str| {
        Message::new("1")
            .header(format!("{style}specversion"), "1.0")
            .header(format!("{style}id"), "7")
            .header(format!("{style}source"), "/")
            .header(format!("{style}type"), r#""a \"b\" \\ %41""#)
    };
    let read = |message| -> CloudEvent<u8> {
        from_message(&CloudEventsCodec::structured(), &message).unwrap()
    };
    assert_eq!(&*read(message("ce-")).kind, r#"a "b" \ A"#);
    let plain = read(message("ce_"));
    assert_eq!(&*plain.kind, r#""a \"b\" \\ %41""#, "Kafka has no quotes");
}

#[test]
fn header_of_what_is_no_attribute_is_refused_and_the_content_type_is_none_of_the_extensions() {
    let event = CloudEvent::new("7", "/orders", "paid").data(1);
    let codec = CloudEventsCodec::binary(JsonCodec::new());
    let message = || to_message(&codec, &event).unwrap();
    let with_data = message().header("ce-data", "x");
    assert_eq!(
        refusal(&with_data),
        "attribute data of CloudEvent is no extension"
    );
    let typed = message().header("ce-datacontenttype", "application/json");
    let read: CloudEvent<i32> = from_message(&codec, &typed).unwrap();
    assert_eq!(read, event);
    let mut foreign = message().header("ce-datacontenttype", "text/plain");
    foreign.details_mut().content_type = None;
    assert!(refusal(&foreign).starts_with("content type is text/plain"));
    let named = CloudEvent::new("7", "/orders", "paid")
        .extension("database64", "x")
        .data(1);
    let message = to_message(&codec, &named).unwrap();
    assert_eq!(
        from_message::<CloudEvent<i32>>(&codec, &message).unwrap(),
        named
    );
}

#[test]
fn other_formats_of_events_are_refused_by_their_content_type() {
    for content_type in [
        "application/cloudevents-batch+json",
        "application/cloudevents+xml",
        "application/cloudevents",
    ] {
        let message = Message::new("[]").content_type(content_type);
        assert_eq!(
            refusal(&message),
            format!("content type is {content_type}, expected application/cloudevents+json")
        );
        let codec = CloudEventsCodec::binary(JsonCodec::new());
        assert!(!codec.accepts(content_type));
    }
}

#[test]
fn any_subtype_json_is_json() {
    let message = structured(&example("text/json", ("data", json!([1]))));
    let event: CloudEvent<Value> = from_message(&CloudEventsCodec::structured(), &message).unwrap();
    assert_eq!(event, expected(json!([1])));
}

/// A body without a byte is all that some values have.
#[test]
fn data_without_a_byte_is_data() {
    let codec = CloudEventsCodec::binary(THRIFT);
    let event = CloudEvent::new("7", "/orders", "paid").data(Vec::new());
    let message = to_message(&codec, &event).unwrap();
    assert_eq!(
        from_message::<CloudEvent<Vec<u8>>>(&codec, &message).unwrap(),
        event
    );
    let none: CloudEvent<Vec<u8>> = CloudEvent::new("7", "/orders", "paid");
    let message = to_message(&codec, &none).unwrap();
    assert_eq!(
        from_message::<CloudEvent<Vec<u8>>>(&codec, &message).unwrap(),
        none
    );
    let json = CloudEventsCodec::binary(JsonCodec::new());
    let message = message.content_type("application/json");
    let read: CloudEvent<Value> = from_message(&json, &message).unwrap();
    assert_eq!(read.data, None, "no JSON is without a byte");
}
