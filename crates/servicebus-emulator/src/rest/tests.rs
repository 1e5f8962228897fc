//! The HTTP API: what the official Python library sends and reads, and operations on messages.

use proptest::prelude::*;

use super::*;
use crate::model::{
    Call, Contents, CorrelationFilter, Filter, Path, QueueSettings, Rule, SubscriptionSettings,
    Value,
};

const ATOM: &str = "http://www.w3.org/2005/Atom";
const CONNECT: &str = "http://schemas.microsoft.com/netservices/2010/10/servicebus/connect";
const VERSION: &str = "api-version=2024-05";

/// A namespace and its time.
struct World {
    model: Model,
    now: Time,
    site: Site,
}

impl World {
    fn new() -> Self {
        let now = Time::from_millis(1_767_225_600_000);
        Self {
            model: Model::new(1),
            now,
            site: Site {
                namespace: "sbemulatorns".to_owned(),
                endpoint: "http://localhost:5300".to_owned(),
                created: now,
            },
        }
    }

    fn with_queue() -> Self {
        let mut world = Self::new();
        let settings = QueueSettings::default();
        let path = Path::new("q");
        world
            .model
            .create_queue(world.now, &path, settings)
            .unwrap();
        world
    }

    fn call(&mut self, method: &str, target: &str, body: &str) -> Response {
        self.call_with(method, target, body, &[])
    }

    fn call_with(
        &mut self,
        method: &str,
        target: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Response {
        let headers = headers.iter();
        let request = Request {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: Bytes::copy_from_slice(body.as_bytes()),
        };
        answer(&mut self.model, self.now, &self.site, &request)
    }

    fn put(&mut self, path: &str, content: &str) -> Response {
        self.call("PUT", &format!("/{path}?{VERSION}"), &entry(content))
    }

    fn get(&mut self, path: &str) -> Response {
        self.call("GET", &format!("/{path}?enrich=false&{VERSION}"), "")
    }
}

/// Wraps a description as the Python library does.
fn entry(content: &str) -> String {
    format!(
        "<?xml version='1.0' encoding='utf-8'?>\n<ns0:entry xmlns:ns0=\"{ATOM}\" \
         xmlns=\"{CONNECT}\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\">\
         <ns0:content type=\"application/xml\">{content}</ns0:content></ns0:entry>"
    )
}

fn text(response: &Response) -> &str {
    std::str::from_utf8(&response.body).unwrap()
}

/// Returns the texts of all elements of a name.
fn texts(response: &Response, name: &str) -> Vec<String> {
    let document = roxmltree::Document::parse(text(response)).unwrap();
    let nodes = document.descendants();
    nodes
        .filter(|node| node.tag_name().name() == name)
        .map(|node| node.text().unwrap_or_default().to_owned())
        .collect()
}

fn one(response: &Response, name: &str) -> String {
    let texts = texts(response, name);
    assert_eq!(texts.len(), 1, "{name} in {}", text(response));
    texts[0].clone()
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    let mut headers = response.headers.iter();
    let (_, value) = headers.find(|(other, _)| other == name)?;
    Some(value)
}

fn broker(response: &Response) -> serde_json::Value {
    serde_json::from_str(header(response, "brokerproperties").unwrap()).unwrap()
}

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
    let expected = CorrelationFilter {
        correlation_id: Some("x".into()),
        properties: [
            ("k".into(), Value::from("v")),
            ("n".into(), Value::Long(1_099_511_627_776)),
            ("b".into(), Value::Boolean(true)),
            ("d".into(), Value::Double(1.5)),
            ("t".into(), Value::Timestamp(1_795_741_226_000)),
        ]
        .into(),
        ..CorrelationFilter::default()
    };
    assert_eq!(rule.filter, Filter::Correlation(Box::new(expected)));
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

#[test]
fn message_is_sent_peeked_and_completed() {
    let mut world = World::with_queue();
    let properties = r#"{"Label":"l","MessageId":"m","TimeToLive":90.5,"DeliveryCount":7}"#;
    let headers = [
        ("brokerproperties", properties),
        ("content-type", "text/plain"),
        ("priority", "\"high\""),
        ("size", "12"),
        ("user-agent", "test"),
    ];
    let sent = world.call_with("POST", "/q/messages?timeout=60", "hello", &headers);
    assert_eq!(sent.status, 201);
    let peeked = world.call("POST", "/q/messages/head?timeout=0", "");
    assert_eq!((peeked.status, text(&peeked)), (201, "hello"));
    let properties = broker(&peeked);
    assert_eq!(properties["Label"], "l");
    assert_eq!(properties["DeliveryCount"], 1);
    assert_eq!(properties["TimeToLive"], 90.5);
    assert_eq!(
        properties["LockedUntilUtc"],
        "Thu, 01 Jan 2026 00:01:00 GMT"
    );
    assert_eq!(header(&peeked, "priority"), Some("\"high\""));
    assert_eq!(header(&peeked, "size"), Some("12"));
    assert_eq!(header(&peeked, "content-type"), Some("text/plain"));
    assert_eq!(header(&peeked, "user-agent"), None);
    let location = header(&peeked, "location").unwrap();
    let target = location
        .strip_prefix("http://localhost:5300")
        .unwrap()
        .to_owned();
    assert_eq!(world.call("POST", &target, "").status, 200, "it is renewed");
    assert_eq!(world.call("PUT", &target, "").status, 200, "it is unlocked");
    assert_eq!(
        world.call("DELETE", &target, "").status,
        404,
        "the lock is over"
    );
    let again = world.call("POST", "/q/messages/head", "");
    assert_eq!(broker(&again)["DeliveryCount"], 2);
    let location = header(&again, "location").unwrap();
    let target = location
        .strip_prefix("http://localhost:5300")
        .unwrap()
        .to_owned();
    assert_eq!(world.call("DELETE", &target, "").status, 200);
    assert_eq!(
        world.call("DELETE", "/q/messages/1/nonsense", "").status,
        400
    );
}

#[test]
fn receive_that_finds_nothing_says_how_long_it_may_wait() {
    let mut world = World::with_queue();
    let nothing = world.call("DELETE", "/q/messages/head?timeout=5", "");
    assert_eq!(nothing.status, 204);
    let wait = nothing.wait.unwrap();
    assert_eq!(wait.within, Duration::from_secs(5));
    assert_eq!(wait.address, Address::parse("q").unwrap());
    let nothing = world.call("DELETE", "/q/messages/head?timeout=0", "");
    assert_eq!((nothing.status, nothing.wait), (204, None));
    world.call("POST", "/q/messages", "a");
    let received = world.call("DELETE", "/q/messages/head", "");
    assert_eq!((received.status, text(&received)), (200, "a"));
    assert_eq!(header(&received, "location"), None);
}

#[test]
fn batch_is_sent_in_one_request_and_subscriptions_are_read() {
    let mut world = World::new();
    world.put("t", "<TopicDescription />");
    let path = Path::of_subscription("t", "s");
    let settings = SubscriptionSettings::default();
    world
        .model
        .create_subscription(world.now, &path, settings, None)
        .unwrap();
    let body = r#"[{"Body":"a","BrokerProperties":{"Label":"x"},"UserProperties":{"n":1}},
        {"Body":"b","UserProperties":{"text":"ä\n"}}]"#;
    let headers = [("content-type", "application/vnd.microsoft.servicebus.json")];
    let sent = world.call_with("POST", "/t/messages", body, &headers);
    assert_eq!(sent.status, 201, "{}", text(&sent));
    let first = world.call("DELETE", "/t/subscriptions/s/messages/head", "");
    assert_eq!((text(&first), header(&first, "n")), ("a", Some("1")));
    let second = world.call("DELETE", "/t/subscriptions/s/messages/head", "");
    assert_eq!(header(&second, "text"), Some("\"\\u00e4\\n\""));
    for body in [
        "[]",
        "{}",
        r#"[{"Body":"a","Odd":1}]"#,
        r#"[{"Body":"a","UserProperties":{"n":[]}}]"#,
    ] {
        let refused = world.call_with("POST", "/t/messages", body, &headers);
        assert_eq!(refused.status, 400, "{body}");
    }
    let headers = [("brokerproperties", r#"{"TimeToLive":-1}"#)];
    assert_eq!(
        world.call_with("POST", "/t/messages", "", &headers).status,
        400
    );
    let headers = [("brokerproperties", r#"{"ScheduledEnqueueTimeUtc":"soon"}"#)];
    assert_eq!(
        world.call_with("POST", "/t/messages", "", &headers).status,
        400
    );
    let time = r#"{"ScheduledEnqueueTimeUtc":"Thu, 01 Jan 2026 00:01:00 GMT"}"#;
    let sent = world.call_with("POST", "/t/messages", "", &[("brokerproperties", time)]);
    assert_eq!(sent.status, 201);
    assert_eq!(one(&world.get("t"), "ScheduledMessageCount"), "1");
}

#[test]
fn times_are_written_and_read() {
    let time = Time::from_millis(1_795_741_226_123);
    assert_eq!(date::write_iso(time), "2026-11-27T01:00:26.123Z");
    assert_eq!(date::write_http(time), "Fri, 27 Nov 2026 01:00:26 GMT");
    let leap = Time::from_millis(951_782_400_000);
    assert_eq!(date::write_iso(leap), "2000-02-29T00:00:00.000Z");
    assert_eq!(date::read("2000-02-29T00:00:00+00:00"), Some(leap));
    for text in [
        "",
        "2026-11-27",
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "1969-01-01T00:00:00Z",
        "Fri, 27 Nov 2026 01:00:26 CET",
        "Fri, 27 Foo 2026 01:00:26 GMT",
    ] {
        assert_eq!(date::read(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn time_that_is_written_is_read_as_the_same(millis in 0..253_402_300_800_000_u64) {
        let time = Time::from_millis(millis);
        prop_assert_eq!(date::read(&date::write_iso(time)), Some(time));
        let second = Time::from_millis(millis / 1_000 * 1_000);
        prop_assert_eq!(date::read(&date::write_http(second)), Some(second));
    }

    #[test]
    fn any_request_gets_an_answer(
        method in prop::sample::select(vec!["GET", "PUT", "POST", "DELETE"]),
        target in prop_oneof!["/[a-z$%/?=&0-9]{0,30}", "(/q|/messages|/head|/subscriptions|/rules|/s){0,6}"],
        body in "\\PC{0,50}",
    ) {
        let mut world = World::with_queue();
        let response = world.call(method, &target, &body);
        prop_assert!((200..500).contains(&response.status));
    }
}
