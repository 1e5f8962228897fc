//! Operations on messages.

use super::*;
use crate::model::SubscriptionSettings;

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
