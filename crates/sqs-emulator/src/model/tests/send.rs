//! Send.

use super::*;
use crate::api::{
    Binary,
    messages::{AttributeValue, Attributes},
};

fn text(value: &str) -> AttributeValue {
    AttributeValue {
        data_type: "String".to_owned(),
        string_value: Some(value.to_owned()),
        ..AttributeValue::default()
    }
}

fn with_attribute(url: &str, name: &str, value: AttributeValue) -> Send {
    Send {
        message_attributes: Attributes::from([(name.to_owned(), value)]),
        ..send(url, "a")
    }
}

#[test]
fn digests_are_those_of_aws() {
    let mut world = World::new();
    let url = world.queue("q");
    let mut sending = with_attribute(&url, "kind", text("order"));
    "hello".clone_into(&mut sending.message_body);
    let count = AttributeValue {
        data_type: "Number".to_owned(),
        ..text("42")
    };
    let blob = AttributeValue {
        data_type: "Binary".to_owned(),
        binary_value: Some(Binary(vec![0, 255])),
        ..AttributeValue::default()
    };
    sending.message_attributes.insert("count".to_owned(), count);
    sending.message_attributes.insert("blob".to_owned(), blob);
    let trace = text("Root=1-5e1b4151-5ac6c58f5b4d1d8b2f0c7a3e");
    let system = Attributes::from([("AWSTraceHeader".to_owned(), trace)]);
    sending.message_system_attributes = system;
    let sent = world.send(sending).unwrap();
    // Reckoned by another implementation of the documented algorithm.
    assert_eq!(sent.md5_of_body, "5d41402abc4b2a76b9719d911017c592");
    assert_eq!(
        sent.md5_of_attributes.as_deref(),
        Some("083d32966a06d2a673535078efc67c26")
    );
    assert_eq!(
        sent.md5_of_system_attributes.as_deref(),
        Some("e9cdf726ecf572f80b8372288af24caf")
    );
    let message = world.receive(&url, 1).remove(0);
    assert_eq!(message.md5_of_body, sent.md5_of_body);
    assert_eq!(message.md5_of_message_attributes, sent.md5_of_attributes);
    assert_eq!(message.message_attributes.len(), 3);
    assert!(message.attributes["AWSTraceHeader"].starts_with("Root="));
}

#[test]
fn body_holds_only_what_xml_does() {
    let mut world = World::new();
    let url = world.queue("q");
    for body in ["a\tb\r\n", "\u{20ac}", "\u{10000}", "\u{fffd}"] {
        assert_eq!(code(world.send(send(&url, body))), None);
    }
    for body in ["\0", "\u{b}", "\u{1f}", "\u{fffe}", "\u{ffff}"] {
        let refused = code(world.send(send(&url, body)));
        assert_eq!(refused, Some(Code::InvalidMessageContents));
    }
    let refused = code(world.send(send(&url, "")));
    assert_eq!(refused, Some(Code::MissingParameter));
}

#[test]
fn size_counts_body_and_attributes() {
    let mut world = World::new();
    let url = world
        .create("q", &[("MaximumMessageSize", "1024")])
        .unwrap();
    assert_eq!(code(world.send(send(&url, &"a".repeat(1024)))), None);
    let refused = code(world.send(send(&url, &"a".repeat(1025))));
    assert_eq!(refused, Some(Code::InvalidParameterValue));
    // Name, type and value: 1 + 6 + 2 bytes.
    let mut sending = with_attribute(&url, "n", text("vv"));
    sending.message_body = "a".repeat(1024 - 9);
    assert_eq!(code(world.send(sending.clone())), None);
    sending.message_body.push('a');
    let refused = code(world.send(sending.clone()));
    assert_eq!(refused, Some(Code::InvalidParameterValue));
    // What SQS calls system attributes does not count.
    sending.message_system_attributes =
        Attributes::from([("AWSTraceHeader".to_owned(), text("x"))]);
    sending.message_attributes.clear();
    sending.message_body = "a".repeat(1024);
    assert_eq!(code(world.send(sending)), None);
}

#[test]
fn message_of_one_mebibyte_is_the_largest() {
    let mut world = World::new();
    let url = world.queue("q");
    assert_eq!(code(world.send(send(&url, &"a".repeat(1_048_576)))), None);
    let refused = code(world.send(send(&url, &"a".repeat(1_048_577))));
    assert_eq!(refused, Some(Code::InvalidParameterValue));
}

#[test]
fn attribute_names_have_rules() {
    let mut world = World::new();
    let url = world.queue("q");
    let long = "a".repeat(256);
    for name in ["a", "a.b", "a-b_c.9", long.as_str(), "awsome"] {
        let result = world.send(with_attribute(&url, name, text("v")));
        assert_eq!(code(result), None, "{name}");
    }
    let long = "a".repeat(257);
    for name in ["", ".a", "a.", "a..b", "a b", "AWS.x", "amazon.x", &long] {
        let result = world.send(with_attribute(&url, name, text("v")));
        assert_eq!(code(result), Some(Code::InvalidParameterValue), "{name}");
    }
}

#[test]
fn attribute_values_have_a_type_and_are_not_empty() {
    let mut world = World::new();
    let url = world.queue("q");
    let typed = |kind: &str, value: &str| AttributeValue {
        data_type: kind.to_owned(),
        ..text(value)
    };
    for (kind, value) in [
        ("String", "v"),
        ("String.custom", "v"),
        ("Number.int", "-12.5e3"),
        ("Number", "0"),
        ("Number", "1e126"),
    ] {
        let result = world.send(with_attribute(&url, "n", typed(kind, value)));
        assert_eq!(code(result), None, "{kind} {value}");
    }
    for (kind, value) in [
        ("", "v"),
        ("Text", "v"),
        ("String", ""),
        ("Binary", "v"),
        ("Number", "twelve"),
        ("Number", "inf"),
        ("Number", "1e127"),
        ("Number", "123456789012345678901234567890123456789"),
    ] {
        let result = world.send(with_attribute(&url, "n", typed(kind, value)));
        assert_eq!(
            code(result),
            Some(Code::InvalidParameterValue),
            "{kind} {value}"
        );
    }
    let list = AttributeValue {
        string_list_values: vec!["v".to_owned()],
        ..text("v")
    };
    let result = world.send(with_attribute(&url, "n", list));
    assert_eq!(code(result), Some(Code::UnsupportedOperation));
}

#[test]
fn message_has_at_most_ten_attributes() {
    let mut world = World::new();
    let url = world.queue("q");
    let many = |count: usize| Send {
        message_attributes: (0..count).map(|it| (format!("n{it}"), text("v"))).collect(),
        ..send(&url, "a")
    };
    assert_eq!(code(world.send(many(10))), None);
    let refused = code(world.send(many(11)));
    assert_eq!(refused, Some(Code::InvalidParameterValue));
}

#[test]
fn system_attribute_is_the_trace_header_alone() {
    let mut world = World::new();
    let url = world.queue("q");
    let mut sending = send(&url, "a");
    sending.message_system_attributes = Attributes::from([("Other".to_owned(), text("v"))]);
    let refused = code(world.send(sending.clone()));
    assert_eq!(refused, Some(Code::InvalidParameterValue));
    let number = AttributeValue {
        data_type: "Number".to_owned(),
        ..text("1")
    };
    sending.message_system_attributes = Attributes::from([("AWSTraceHeader".to_owned(), number)]);
    let refused = code(world.send(sending));
    assert_eq!(refused, Some(Code::InvalidParameterValue));
}

#[test]
fn delay_of_a_message_goes_before_that_of_its_queue() {
    let mut world = World::new();
    let url = world.create("q", &[("DelaySeconds", "10")]).unwrap();
    world.send(send(&url, "queue")).unwrap();
    let delayed = |seconds| Send {
        delay_seconds: Some(seconds),
        ..send(&url, "message")
    };
    world.send(delayed(0)).unwrap();
    assert_eq!(bodies(&world.receive(&url, 10)), ["message"]);
    world.send(delayed(900)).unwrap();
    assert_eq!(world.counts(&url), ["0", "1", "2"]);
    world.pass(10);
    assert_eq!(bodies(&world.receive(&url, 10)), ["queue"]);
    world.pass(890);
    let count = world.receive(&url, 10).len();
    assert_eq!(
        count, 3,
        "its delay is over, and so is the flight of the others"
    );
    for seconds in [-1, 901] {
        let refused = code(world.send(delayed(seconds)));
        assert_eq!(refused, Some(Code::InvalidParameterValue));
    }
}

#[test]
fn new_delay_of_a_standard_queue_is_for_new_messages() {
    let mut world = World::new();
    let url = world.create("q", &[("DelaySeconds", "10")]).unwrap();
    world.send(send(&url, "old")).unwrap();
    world.set(&url, "DelaySeconds", "0").unwrap();
    assert_eq!(world.counts(&url), ["0", "0", "1"]);
}

#[test]
fn group_of_a_standard_queue_names_a_tenant() {
    let mut world = World::new();
    let url = world.queue("q");
    for body in ["a", "b"] {
        let sending = Send {
            message_group_id: Some("tenant".to_owned()),
            ..send(&url, body)
        };
        assert_eq!(world.send(sending).unwrap().sequence_number, None);
    }
    // It locks nothing.
    assert_eq!(world.receive(&url, 1).len(), 1);
    let message = world.receive(&url, 1).remove(0);
    assert_eq!(message.attributes["MessageGroupId"], "tenant");
    assert!(!message.attributes.contains_key("SequenceNumber"));
}

#[test]
fn duplicates_are_copies_with_one_id() {
    let mut world = World::new();
    let url = world.queue("q");
    world.model.chaos().duplicates = 1.0;
    world.send(send(&url, "a")).unwrap();
    let copies = world.receive(&url, 10);
    assert_eq!(bodies(&copies), ["a", "a"]);
    assert_eq!(copies[0].message_id, copies[1].message_id);
    assert_ne!(copies[0].receipt_handle, copies[1].receipt_handle);
}
