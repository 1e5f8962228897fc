//! The file of Microsoft's emulator, and what is wrong with others.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::{
    super::{
        Filter, Model, Path, Time, Value,
        duration::{finite_duration, parse_duration, parse_ticks, write_duration, write_ticks},
    },
    *,
};

/// A file with all keys that the published samples have.
fn sample() -> Json {
    let correlation = json!({
        "ContentType": "application/text", "CorrelationId": "id1", "Label": "subject1",
        "MessageId": "msgid1", "ReplyTo": "someQueue", "ReplyToSessionId": "sessionId",
        "SessionId": "session1", "To": "xyz", "Properties": {"prop1": "value1", "size": 3},
    });
    let rules = json!([
        {"Name": "one", "Properties": {
            "FilterType": "Correlation", "CorrelationFilter": correlation,
        }},
        {"Name": "two", "Properties": {
            "FilterType": "Sql",
            "SqlFilter": {"SqlExpression": "sys.MessageId = '123456' AND userProp1 = 'value1'"},
            "Action": {"SqlExpression": "SET sys.To = 'Entity'"},
        }},
    ]);
    let subscriptions = json!([
        {"Name": "subscription.1", "Rules": rules, "Properties": {
            "DeadLetteringOnMessageExpiration": false, "DefaultMessageTimeToLive": "PT1H",
            "LockDuration": "PT1M", "MaxDeliveryCount": 3, "ForwardDeadLetteredMessagesTo": "",
            "ForwardTo": "queue.1", "RequiresSession": false,
        }},
        {"Name": "subscription.2"},
    ]);
    json!({"UserConfig": {
        "Namespaces": [{
            "Name": "sbemulatorns",
            "Queues": [
                {"Name": "queue.0", "Properties": {"ForwardTo": "queue.1"}},
                {"Name": "queue.1", "Properties": {
                    "DeadLetteringOnMessageExpiration": true, "DefaultMessageTimeToLive": "PT1H",
                    "DuplicateDetectionHistoryTimeWindow": "PT20S",
                    "ForwardDeadLetteredMessagesTo": "", "ForwardTo": "", "LockDuration": "PT30S",
                    "MaxDeliveryCount": 3, "RequiresDuplicateDetection": false,
                    "RequiresSession": false,
                }},
            ],
            "Topics": [{"Name": "topic.1", "Subscriptions": subscriptions, "Properties": {
                "DefaultMessageTimeToLive": "PT1H",
                "DuplicateDetectionHistoryTimeWindow": "PT20S",
                "RequiresDuplicateDetection": true,
            }}],
        }],
        "Logging": {"Type": "File"},
    }})
}

fn parse(json: &Json) -> std::result::Result<Config, ConfigError> {
    Config::parse(&json.to_string())
}

#[test]
fn file_becomes_entities_in_any_order() {
    let config = parse(&sample()).unwrap();
    assert_eq!(&*config.namespace, "sbemulatorns");
    let mut model = Model::new(1);
    let now = Time::from_millis(1_000);
    model.configure(now, &config).unwrap();
    let queue = model.queue_settings(&Path::new("queue.1")).unwrap();
    assert_eq!(queue.outlet.lock_duration, Duration::from_secs(30));
    assert_eq!(queue.outlet.delivery_count_max, 3);
    assert!(queue.outlet.dead_letters_expired);
    assert_eq!(queue.outlet.forward_to, None);
    assert_eq!(queue.common.time_to_live, Some(Duration::from_secs(3_600)));
    assert_eq!(queue.intake.duplicate_window, Duration::from_secs(20));
    let first = model.queue_settings(&Path::new("queue.0")).unwrap();
    assert_eq!(first.outlet.forward_to, Some(Path::new("queue.1")));
    let topic = model.topic_settings(&Path::new("topic.1")).unwrap();
    assert!(topic.intake.detects_duplicates);
    let path = Path::of_subscription("topic.1", "subscription.1");
    let rules = model.rules(now, &path, 0, 9).unwrap();
    let Filter::Correlation(filter) = &rules[0].filter else {
        panic!("{:?}", rules[0]);
    };
    assert_eq!(filter.subject.as_deref(), Some("subject1"));
    assert_eq!(filter.properties["size"], Value::Long(3));
    let action = rules[1].action.as_ref().unwrap().text();
    assert_eq!(action, "SET sys.To = 'Entity'");
    assert_eq!(rules[1].created, now);
    let path = Path::of_subscription("topic.1", "subscription.2");
    let rules = model.rules(now, &path, 0, 9).unwrap();
    assert_eq!(rules[0].filter, Filter::True);
}

/// Where something is wrong, what stands there, and what the error says.
fn broken() -> Vec<(&'static str, Json, &'static str)> {
    let queue = "/UserConfig/Namespaces/0/Queues/1/Properties";
    vec![
        (
            queue,
            json!({"LockDurations": "PT1M"}),
            "unknown field `LockDurations`",
        ),
        (
            queue,
            json!({"LockDuration": "1 minute"}),
            "queue.1, LockDuration: \"1 minute\"",
        ),
        (
            queue,
            json!({"LockDuration": "PT6M"}),
            "between 1 seconds and 300 seconds",
        ),
        (queue, json!({"MaxDeliveryCount": 0}), "between 1 and 2000"),
        (
            queue,
            json!({"MaxDeliveryCount": -1}),
            "invalid value: integer `-1`",
        ),
        (
            queue,
            json!({"ForwardTo": "nowhere"}),
            "'nowhere' could not be found",
        ),
        (queue, json!({"Status": "Off"}), "queue.1, Status: \"Off\""),
    ]
}

/// The same for rules, and for what is around entities.
fn broken_rules() -> Vec<(&'static str, Json, &'static str)> {
    let rule = "/UserConfig/Namespaces/0/Topics/0/Subscriptions/0/Rules/1/Properties";
    vec![
        (
            rule,
            json!({"FilterType": "Magic"}),
            "unknown variant `Magic`",
        ),
        (
            rule,
            json!({"FilterType": "Sql"}),
            "rule 'two': SqlFilter is missing",
        ),
        (
            rule,
            json!({"FilterType": "Correlation"}),
            "CorrelationFilter is missing",
        ),
        (
            rule,
            json!({"FilterType": "Sql", "SqlFilter": {"SqlExpression": "a ="}}),
            "rule 'two': the filter \"a =\": a value is expected at offset 3",
        ),
        (
            rule,
            json!({"FilterType": "Correlation", "CorrelationFilter": {}}),
            "asks for nothing",
        ),
        (
            rule,
            json!({"FilterType": "Correlation", "CorrelationFilter": {"Properties": {"a": []}}}),
            "property \"a\": the value is neither",
        ),
        (
            "/UserConfig/Logging",
            json!({"Type": "Printer"}),
            "\"Printer\" is neither",
        ),
        (
            "/UserConfig/Namespaces",
            json!([]),
            "0 are given, and one is possible",
        ),
    ]
}

#[test]
fn what_is_wrong_is_named() {
    for (place, value, expected) in [broken(), broken_rules()].concat() {
        let mut json = sample();
        *json.pointer_mut(place).unwrap() = value;
        let error = parse(&json).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let error = Config::parse("{").unwrap_err().to_string();
    assert!(error.contains("line 1 column 1"), "{error}");
}

#[test]
fn entity_that_is_there_twice_is_refused() {
    let mut json = sample();
    let queues = json.pointer_mut("/UserConfig/Namespaces/0/Queues").unwrap();
    queues
        .as_array_mut()
        .unwrap()
        .push(json!({"Name": "QUEUE.1"}));
    let error = parse(&json).unwrap_err().to_string();
    assert!(error.contains("QUEUE.1: The messaging entity"), "{error}");
}

#[test]
fn durations_are_read() {
    let cases = [
        ("PT20S", Some(20_000)),
        ("PT1M30S", Some(90_000)),
        ("PT1H", Some(3_600_000)),
        ("P1DT2H", Some(93_600_000)),
        ("P7D", Some(604_800_000)),
        ("PT0.5S", Some(500)),
        ("PT0S", Some(0)),
        ("", None),
        ("P", None),
        ("PT", None),
        ("1M", None),
        ("PT1", None),
        ("P1M", None),
        ("P1Y", None),
        ("PT1S1M", None),
        ("PT-1S", None),
        ("PT1.5M", None),
        ("PT.5S", None),
        ("PT99999999999999999999S", None),
        ("P999999999999999999D", None),
    ];
    for (text, millis) in cases {
        assert_eq!(
            parse_duration(text),
            millis.map(Duration::from_millis),
            "{text}"
        );
    }
    let endless = write_duration(None);
    assert_eq!(parse_duration(&endless).and_then(finite_duration), None);
}

proptest! {
    #[test]
    fn duration_that_is_written_is_read_as_the_same(
        seconds in prop_oneof![0..100_u64, 0..100_000_000_000_u64],
        nanos in prop_oneof![Just(0), 0..1_000_000_000_u32],
    ) {
        let duration = Duration::new(seconds, nanos);
        let text = write_duration(Some(duration));
        prop_assert_eq!(parse_duration(&text), Some(duration), "{}", text);
    }

    #[test]
    fn ticks_that_are_written_are_read_as_the_same(
        ticks in prop_oneof![-100..100_i64, any::<i64>()],
    ) {
        let text = write_ticks(ticks);
        prop_assert_eq!(parse_ticks(&text), Some(ticks), "{}", text);
    }
}
