//! Management, as the official Python library asks for it.

use super::*;
use crate::model::{Call, Contents, CorrelationFilter, Filter, Rule, Value};

#[test]
fn queue_is_made_read_changed_and_deleted() {
    let mut world = World::new();
    assert_eq!(world.put("q2", "<QueueDescription/>").status, 201);
    let description = "<QueueDescription><LockDuration>PT30S</LockDuration>\
        <RequiresSession>false</RequiresSession><MaxDeliveryCount>5</MaxDeliveryCount>\
        <ForwardTo>sb://127.0.0.1:5300/q2</ForwardTo><UserMetadata>a&lt;b</UserMetadata>\
        </QueueDescription>";
    let created = world.put("q1", description);
    assert_eq!(created.status, 201);
    assert_eq!(world.put("q1", description).status, 409, "it is there");
    let read = world.get("q1");
    assert_eq!((created.status, read.status), (201, 200));
    assert_eq!(created.body, read.body);
    assert_eq!(one(&read, "LockDuration"), "PT30S");
    assert_eq!(one(&read, "MaxDeliveryCount"), "5");
    assert_eq!(one(&read, "ForwardTo"), "http://localhost:5300/q2");
    assert_eq!(one(&read, "UserMetadata"), "a<b");
    assert_eq!(
        one(&read, "DefaultMessageTimeToLive"),
        "P10675199DT2H48M5.4775807S"
    );
    assert_eq!(one(&read, "CreatedAt"), "2026-01-01T00:00:00.000Z");
    assert_eq!(one(&read, "title"), "q1");
    let update = "<QueueDescription><LockDuration>PT45S</LockDuration></QueueDescription>";
    let target = format!("/q1?{VERSION}");
    let updated = world.call_with("PUT", &target, &entry(update), &[("if-match", "*")]);
    assert_eq!(updated.status, 200);
    assert_eq!(one(&updated, "LockDuration"), "PT45S");
    assert_eq!(one(&updated, "MaxDeliveryCount"), "5", "it was left out");
    assert!(texts(&updated, "ForwardTo").is_empty());
    assert_eq!(world.call("DELETE", &target, "").status, 200);
    let missing = world.get("q1");
    assert_eq!(missing.status, 404);
    assert_eq!(one(&missing, "Code"), "404");
    assert!(one(&missing, "Detail").contains("'q1' could not be found"));
}

#[test]
fn topic_subscription_and_rules_are_made_and_read() {
    let mut world = World::new();
    assert_eq!(world.put("t1", "<TopicDescription />").status, 201);
    let session = "<SubscriptionDescription><RequiresSession>true</RequiresSession>\
        </SubscriptionDescription>";
    assert_eq!(world.put("t1/subscriptions/s1", session).status, 201);
    let read = world.get("t1/subscriptions/s1");
    assert_eq!(
        (one(&read, "RequiresSession"), one(&read, "title")),
        ("true".into(), "s1".into())
    );
    let rule = "<RuleDescription><Filter xsi:type=\"SqlFilter\"><SqlExpression>a=@p</SqlExpression>\
        <CompatibilityLevel>20</CompatibilityLevel><Parameters><KeyValueOfstringanyType>\
        <Key>@p</Key><Value xsi:type=\"d6p1:int\" xmlns:d6p1=\"http://www.w3.org/2001/XMLSchema\">\
        5</Value></KeyValueOfstringanyType></Parameters></Filter>\
        <Action xsi:type=\"SqlRuleAction\"><SqlExpression>SET a=1</SqlExpression></Action>\
        <Name>r1</Name></RuleDescription>";
    let path = "t1/subscriptions/s1/rules/r1";
    let created = world.put(path, rule);
    assert_eq!(created.status, 201, "{}", text(&created));
    let read = world.get(path);
    assert_eq!(read.body, created.body);
    assert_eq!(texts(&read, "SqlExpression"), ["a=@p", "SET a=1"]);
    assert_eq!(
        (one(&read, "Key"), one(&read, "Value")),
        ("@p".into(), "5".into())
    );
    assert!(text(&read).contains("i:type=\"d6p1:int\""));
    let listed = world.get("t1/subscriptions/s1/rules");
    assert_eq!(texts(&listed, "Name"), ["$Default", "r1"]);
    assert_eq!(world.call("DELETE", &format!("/{path}"), "").status, 200);
    assert_eq!(world.get(path).status, 404);
    let topic = world.get("t1");
    assert_eq!(one(&topic, "SubscriptionCount"), "1");
    assert_eq!(one(&topic, "SqlFilterCount"), "1");
    assert_eq!(one(&topic, "CorrelationFilterCount"), "0");
}

#[test]
fn filters_of_all_kinds_are_written_as_they_were_read() {
    let mut world = World::new();
    world.put("t", "<TopicDescription />");
    world.put("t/subscriptions/s", "<SubscriptionDescription />");
    let typed = |kind: &str, key: &str, value: &str| {
        format!(
            "<KeyValueOfstringanyType><Key>{key}</Key><Value xsi:type=\"d6p1:{kind}\" \
             xmlns:d6p1=\"http://www.w3.org/2001/XMLSchema\">{value}</Value>\
             </KeyValueOfstringanyType>"
        )
    };
    let values = [
        ("string", "k", "v"),
        ("long", "n", "1099511627776"),
        ("boolean", "b", "true"),
        ("double", "d", "1.5"),
        ("dateTime", "t", "2026-11-27T01:00:26"),
        ("duration", "p", "-PT1M30.5S"),
    ];
    let properties = values
        .map(|(kind, key, value)| typed(kind, key, value))
        .concat();
    let filters = [
        format!(
            "<Filter xsi:type=\"CorrelationFilter\"><CorrelationId>x</CorrelationId>\
             <Properties>{properties}</Properties></Filter>"
        ),
        "<Filter xsi:type=\"TrueFilter\"><SqlExpression>1=1</SqlExpression></Filter>".into(),
        "<Filter xsi:type=\"FalseFilter\"><SqlExpression>1&gt;1</SqlExpression></Filter>".into(),
    ];
    for (number, filter) in filters.iter().enumerate() {
        let path = format!("t/subscriptions/s/rules/r{number}");
        let created = world.put(
            &path,
            &format!("<RuleDescription>{filter}</RuleDescription>"),
        );
        assert_eq!(created.status, 201, "{}", text(&created));
        let path = Path::of_subscription("t", "s");
        let first = world
            .model
            .rule(world.now, &path, &format!("r{number}"))
            .unwrap();
        let target = format!("/t/subscriptions/s/rules/again{number}");
        let again = world.call("PUT", &target, text(&created));
        assert_eq!(
            again.status,
            201,
            "what is written is read: {}",
            text(&again)
        );
        let second = world
            .model
            .rule(world.now, &path, &format!("again{number}"))
            .unwrap();
        assert_eq!(first.filter, second.filter);
    }
    let path = Path::of_subscription("t", "s");
    let rule = world.model.rule(world.now, &path, "r0").unwrap();
    assert_eq!(rule.filter, Filter::Correlation(Box::new(expected())));
}

/// The correlation filter among those above.
fn expected() -> CorrelationFilter {
    CorrelationFilter {
        correlation_id: Some("x".into()),
        properties: [
            ("k".into(), Value::from("v")),
            ("n".into(), Value::Long(1_099_511_627_776)),
            ("b".into(), Value::Boolean(true)),
            ("d".into(), Value::Double(1.5)),
            ("t".into(), Value::Timestamp(1_795_741_226_000)),
            ("p".into(), Value::Duration(-905_000_000)),
        ]
        .into(),
        ..CorrelationFilter::default()
    }
}

#[test]
fn values_that_came_by_amqp_are_told_by_what_is_nearest() {
    let mut world = World::new();
    world.put("t", "<TopicDescription />");
    world.put("t/subscriptions/s", "<SubscriptionDescription />");
    let values = [
        (Value::Ubyte(7), "int", "7"),
        (Value::Uint(7), "long", "7"),
        (
            Value::Ulong(u64::MAX),
            "unsignedLong",
            "18446744073709551615",
        ),
        (Value::Float(0.5), "double", "0.5"),
        (Value::Char('x'), "string", "x"),
        (Value::Null, "string", ""),
    ];
    for (number, (value, kind, expected)) in values.into_iter().enumerate() {
        let filter = CorrelationFilter {
            properties: [("k".into(), value)].into(),
            ..CorrelationFilter::default()
        };
        let name = format!("r{number}");
        let filter = Filter::Correlation(Box::new(filter));
        let rule = Rule::new(name.as_str(), filter, world.now);
        let path = Path::of_subscription("t", "s");
        world.model.add_rule(world.now, &path, rule).unwrap();
        let read = world.get(&format!("t/subscriptions/s/rules/{name}"));
        assert_eq!(one(&read, "Value"), expected);
        assert!(
            text(&read).contains(&format!("d6p1:{kind}")),
            "{}",
            text(&read)
        );
    }
}

#[test]
fn lists_come_in_pages() {
    let mut world = World::new();
    for number in 0..5 {
        world.put(&format!("q{number}"), "<QueueDescription/>");
    }
    let page = |world: &mut World, skip: usize| {
        let target = format!("/$Resources/queues?$skip={skip}&$top=2&{VERSION}");
        world.call("GET", &target, "")
    };
    let first = page(&mut world, 0);
    assert!(text(&first).contains("rel=\"next\""));
    assert!(text(&first).contains("$skip=2&amp;$top=2"));
    let last = page(&mut world, 4);
    assert!(!text(&last).contains("rel=\"next\""));
    assert_eq!(texts(&last, "title"), ["queues", "q4"]);
    let all = world.call("GET", "/%24Resources/queues", "");
    assert_eq!(texts(&all, "title").len(), 6);
    for target in ["/$Resources/queues?$top=0", "/$Resources/queues?$top=x"] {
        assert_eq!(world.call("GET", target, "").status, 400, "{target}");
    }
    assert_eq!(world.call("GET", "/$Resources/relays", "").status, 404);
}

#[test]
fn runtime_counts_are_told() {
    let mut world = World::with_queue();
    for body in ["a", "b"] {
        let batch = vec![Contents::of_body(body.as_bytes())];
        let call = Call::at(world.now);
        world
            .model
            .send(call, &Path::new("q"), None, batch)
            .unwrap();
    }
    let read = world.get("q");
    assert_eq!(one(&read, "MessageCount"), "2");
    assert_eq!(one(&read, "ActiveMessageCount"), "2");
    assert_eq!(one(&read, "DeadLetterMessageCount"), "0");
    assert_eq!(one(&read, "SizeInBytes"), "66");
    assert_eq!(one(&world.get("$namespaceinfo"), "Name"), "sbemulatorns");
}

#[test]
fn what_cannot_be_is_refused_with_a_reason() {
    let mut world = World::with_queue();
    let cases = [
        (
            "<QueueDescription><LockDuration>soon</LockDuration></QueueDescription>",
            "LockDuration",
        ),
        (
            "<QueueDescription><LockDuration>PT9M</LockDuration></QueueDescription>",
            "300 seconds",
        ),
        (
            "<QueueDescription><Status>Odd</Status></QueueDescription>",
            "Status is \"Odd\"",
        ),
        ("<TaskDescription/>", "TaskDescription is no description"),
        ("<RuleDescription/>", "not the path of a rule"),
        ("", "no content"),
        ("<QueueDescription>", "no XML"),
    ];
    for (content, expected) in cases {
        let refused = world.put("new", content);
        assert_eq!(refused.status, 400, "{content}");
        assert!(
            one(&refused, "Detail").contains(expected),
            "{}",
            text(&refused)
        );
    }
    let large = " ".repeat(DESCRIPTION_BYTES_MAX + 1);
    assert_eq!(world.call("PUT", "/new", &large).status, 413);
    let deep = "<a>".repeat(50_000);
    assert_eq!(world.call("PUT", "/new", &deep).status, 400);
    let entities = "<!DOCTYPE a [<!ENTITY b \"b\">]><a>&b;</a>";
    assert_eq!(world.call("PUT", "/new", entities).status, 400);
    assert_eq!(world.call("PATCH", "/q", "").status, 405);
    assert_eq!(world.call("GET", "/", "").status, 404);
    assert_eq!(world.call("GET", "/%ff", "").status, 400);
    assert_eq!(world.call("GET", &"/a".repeat(600), "").status, 414);
}
