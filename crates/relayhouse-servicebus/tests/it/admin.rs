//! Administration, against recorded answers of the management API.

use std::{
    num::{NonZeroU32, NonZeroU64},
    sync::Arc,
    time::Duration,
};

use relayhouse_core::{
    Clock, Entity, ErrorKind, Instant, MachineTime, Result, Sleep, Source, Timestamp,
    port::{Admin, Provider, QueueConfig, Redrive},
};
use relayhouse_servicebus::{EntityProperties, EntityStatus, ServiceBus};

use tokio::sync::Notify;

use crate::{
    broker::{Broker, Script},
    http::{Answer, Server, say},
};

const VERSION: &str = "api-version=2021-05";

/// What the service says of a queue, with a rule of access that only it knows.
const QUEUE: &str = r#"<entry xmlns="http://www.w3.org/2005/Atom"><id>https://contoso/orders</id>
<title type="text">orders</title><content type="application/xml">
<QueueDescription xmlns="http://schemas.microsoft.com/netservices/2010/10/servicebus/connect"
 xmlns:i="http://www.w3.org/2001/XMLSchema-instance"><LockDuration>PT30S</LockDuration>
<MaxSizeInMegabytes>1024</MaxSizeInMegabytes>
<RequiresDuplicateDetection>false</RequiresDuplicateDetection>
<RequiresSession>false</RequiresSession>
<DefaultMessageTimeToLive>P10675199DT2H48M5.4775807S</DefaultMessageTimeToLive>
<DeadLetteringOnMessageExpiration>false</DeadLetteringOnMessageExpiration>
<DuplicateDetectionHistoryTimeWindow>PT10M</DuplicateDetectionHistoryTimeWindow>
<MaxDeliveryCount>10</MaxDeliveryCount><EnableBatchedOperations>true</EnableBatchedOperations>
<SizeInBytes>77</SizeInBytes><MessageCount>10</MessageCount>
<AuthorizationRules><AuthorizationRule i:type="SharedAccessAuthorizationRule"><KeyName>k</KeyName>
</AuthorizationRule></AuthorizationRules><Status>Active</Status>
<UserMetadata>ours</UserMetadata>
<CountDetails xmlns:d2p1="http://schemas.microsoft.com/netservices/2011/06/servicebus">
<d2p1:ActiveMessageCount>4</d2p1:ActiveMessageCount>
<d2p1:DeadLetterMessageCount>3</d2p1:DeadLetterMessageCount>
<d2p1:ScheduledMessageCount>2</d2p1:ScheduledMessageCount>
<d2p1:TransferMessageCount>0</d2p1:TransferMessageCount>
<d2p1:TransferDeadLetterMessageCount>1</d2p1:TransferDeadLetterMessageCount></CountDetails>
<MaxMessageSizeInKilobytes>256</MaxMessageSizeInKilobytes></QueueDescription></content></entry>"#;

const FEED: &str = r#"<feed xmlns="http://www.w3.org/2005/Atom"><title>x</title></feed>"#;

fn servicebus(server: &Server) -> ServiceBus {
    built(server, relayhouse_time::context().unwrap())
}

fn built(server: &Server, context: relayhouse_core::Context) -> ServiceBus {
    let string = "Endpoint=sb://contoso.example;SharedAccessKeyName=x;SharedAccessKey=hunter2";
    ServiceBus::builder(context)
        .connection_string(string)
        .admin_endpoint(format!("http://127.0.0.1:{}", server.port))
        .build()
        .unwrap()
}

fn admin(server: &Server) -> Arc<dyn Admin> {
    servicebus(server).admin().unwrap()
}

fn orders() -> Entity {
    Entity::Queue("orders".parse().unwrap())
}

fn audit() -> Entity {
    "events/subscriptions/audit"
        .parse::<Source>()
        .unwrap()
        .entity
}

fn refusal(detail: &str) -> String {
    format!("<Error><Code>0</Code><Detail>{detail}</Detail></Error>")
}

fn config() -> QueueConfig {
    QueueConfig {
        lease: Some(Duration::from_secs(30)),
        attempts_max: NonZeroU32::new(10),
        ..QueueConfig::default()
    }
}

#[tokio::test]
async fn a_queue_is_created_as_it_is_asked_for() {
    let server = Server::start([say(201, QUEUE)]).await;
    let config = QueueConfig {
        requires_sessions: true,
        dedup_window: Some(Duration::from_secs(60)),
        ttl: Some(Duration::from_millis(1500)),
        dead_letter_expired: true,
        bytes_max: NonZeroU64::new(2 * 1024 * 1024 * 1024),
        ..config()
    };
    admin(&server).create(&orders(), &config).await.unwrap();
    let request = &server.requests()[0];
    assert_eq!(request.line, format!("PUT /orders?{VERSION}"));
    assert_eq!(request.header("if-match"), None);
    let kind = request.header("content-type").unwrap();
    assert!(
        kind.starts_with("application/atom+xml;type=entry"),
        "{kind}"
    );
    let token = request.header("authorization").unwrap();
    let resource = "SharedAccessSignature sr=sb%3A%2F%2Fcontoso.example%2Forders&sig=";
    assert!(token.starts_with(resource), "{token}");
    // The service reads them in this order, and no other.
    let expected = "<LockDuration>PT30S</LockDuration><MaxSizeInMegabytes>2048\
        </MaxSizeInMegabytes><RequiresDuplicateDetection>true</RequiresDuplicateDetection>\
        <RequiresSession>true</RequiresSession><DefaultMessageTimeToLive>PT1.5S\
        </DefaultMessageTimeToLive><DeadLetteringOnMessageExpiration>true\
        </DeadLetteringOnMessageExpiration><DuplicateDetectionHistoryTimeWindow>PT60S\
        </DuplicateDetectionHistoryTimeWindow><MaxDeliveryCount>10</MaxDeliveryCount>\
        </QueueDescription>";
    assert!(request.body.contains(expected), "{}", request.body);
}

#[tokio::test]
async fn a_queue_that_is_there_may_be_created_again_as_it_is() {
    let server = Server::start([say(409, ""), say(200, QUEUE), say(409, ""), say(200, QUEUE)]);
    let server = server.await;
    let admin = admin(&server);
    admin.create(&orders(), &config()).await.unwrap();
    let config = QueueConfig {
        lease: Some(Duration::from_secs(31)),
        ..config()
    };
    let error = admin.create(&orders(), &config).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QueueConflict);
    assert!(error.message().contains("LockDuration"), "{error}");
    assert_eq!(error.queue_name(), Some("orders"));
}

#[tokio::test]
async fn what_the_service_cannot_do_is_not_asked_for() {
    let server = Server::start([]).await;
    let admin = admin(&server);
    let refused = [
        QueueConfig {
            lease: Some(Duration::from_secs(301)),
            ..QueueConfig::default()
        },
        QueueConfig {
            lease: Some(Duration::ZERO),
            ..QueueConfig::default()
        },
        QueueConfig {
            messages_max: NonZeroU64::new(5),
            ..QueueConfig::default()
        },
        QueueConfig {
            bytes_max: NonZeroU64::new(5),
            ..QueueConfig::default()
        },
    ];
    for config in refused {
        let error = admin.create(&orders(), &config).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{config:?}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_subscription_is_created_with_its_topic() {
    let gone = say(404, refusal("no topic"));
    let server = Server::start([gone, say(409, ""), say(201, "")]).await;
    admin(&server).create(&audit(), &config()).await.unwrap();
    let subscription = format!("PUT /events/subscriptions/audit?{VERSION}");
    let topic = format!("PUT /events?{VERSION}");
    assert_eq!(server.lines(), [subscription.clone(), topic, subscription]);
    assert!(server.requests()[1].body.contains("<TopicDescription "));
}

#[tokio::test]
async fn entities_are_listed_page_by_page() {
    let entry = |title: &str| format!("<entry><title type=\"text\">{title}</title></entry>");
    let feed = |titles: &[&str]| {
        let entries: String = titles.iter().map(|it| entry(it)).collect();
        say(200, FEED.replace("</feed>", &format!("{entries}</feed>")))
    };
    let many: Vec<_> = (0..100).map(|number| format!("q{number:03}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let server = Server::start([
        feed(&many),
        feed(&["sales/orders", "no name of ours"]),
        feed(&["events"]),
        feed(&["audit", "bills"]),
        feed(&[]),
    ]);
    let server = server.await;
    let admin = admin(&server);
    let (mut names, mut after, mut lengths) = (Vec::new(), None, Vec::new());
    loop {
        let page = admin.list(after.as_deref()).await.unwrap();
        lengths.push(page.entities.len());
        names.extend(page.entities.iter().map(ToString::to_string));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(lengths, [100, 1, 2, 0]);
    let tail = [
        "sales/orders",
        "events/subscriptions/audit",
        "events/subscriptions/bills",
    ];
    assert_eq!(names[100..], tail);
    let line = |path: &str, page: &str| format!("GET /{path}?{page}&{VERSION}");
    assert_eq!(
        server.lines(),
        [
            line("$Resources/queues", "$skip=0&$top=100"),
            line("$Resources/queues", "$skip=100&$top=100"),
            line("$Resources/topics", "$skip=0&$top=1"),
            line("events/subscriptions", "$skip=0&$top=100"),
            line("$Resources/topics", "$skip=1&$top=1"),
        ]
    );
    let error = admin.list(Some("hunter2")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
}

#[tokio::test]
async fn counts_and_settings_are_read() {
    let server = Server::start([QUEUE; 4].map(|text| say(200, text))).await;
    let admin = admin(&server);
    let source: Source = "orders".parse().unwrap();
    let stats = admin.stats(&source).await.unwrap();
    assert_eq!((stats.ready, stats.delayed, stats.dead), (4, 2, 3));
    assert!(
        stats.is_approximate && stats.bytes.is_none(),
        "dead letters have bytes too"
    );
    let dead = admin.stats(&source.dead_letters()).await.unwrap();
    assert_eq!((dead.ready, dead.delayed, dead.dead), (3, 0, 0));
    let settings = admin.settings(&source).await.unwrap();
    assert_eq!(settings.lease, Some(Duration::from_secs(30)));
    assert_eq!(settings.attempts_max, NonZeroU32::new(10));
    assert_eq!(settings.dead_letter, Some(source.dead_letters()));
    assert_eq!(settings.requires_sessions, Some(false));
    assert_eq!(settings.message_bytes_max, NonZeroU64::new(256 * 1024));
    let settings = admin.settings(&source.dead_letters()).await.unwrap();
    assert_eq!((settings.attempts_max, settings.dead_letter), (None, None));
}

#[tokio::test]
async fn an_update_keeps_what_it_does_not_set() {
    let server = Server::start([say(200, QUEUE), say(200, QUEUE)]).await;
    let mut properties = EntityProperties::default();
    properties.lock_duration = Some(Duration::from_secs(45));
    properties.status = Some(EntityStatus::SendDisabled);
    properties.forward_to = Some("bills".to_owned());
    properties.default_ttl = Some(Duration::MAX);
    let management = servicebus(&server).management();
    management.update(&orders(), &properties).await.unwrap();
    let request = &server.requests()[1];
    assert_eq!(request.header("if-match"), Some("*"));
    let token = request
        .header("servicebussupplementaryauthorization")
        .unwrap();
    assert!(token.contains("contoso.example%2Fbills&"), "{token}");
    for part in [
        "<LockDuration>PT45S</LockDuration>",
        "<MaxDeliveryCount>10</MaxDeliveryCount>",
        "<AuthorizationRule i:type=\"SharedAccessAuthorizationRule\"><KeyName>k</KeyName>",
        "</AuthorizationRules><Status>SendDisabled</Status>\
         <ForwardTo>sb://contoso.example/bills</ForwardTo><UserMetadata>ours</UserMetadata>",
        "<DefaultMessageTimeToLive>P10675199DT2H48M5.4775807S</DefaultMessageTimeToLive>",
    ] {
        assert!(request.body.contains(part), "{part} in {}", request.body);
    }
    assert!(!request.body.contains("CountDetails"));
    let topic = management
        .create_topic(&"events".parse().unwrap(), &properties)
        .await;
    let error = topic.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    assert!(error.message().contains("LockDuration"), "{error}");
}

#[tokio::test]
async fn what_is_not_there_is_told_however_the_service_says_it() {
    let topic = QUEUE.replace("QueueDescription", "TopicDescription");
    let server = Server::start([say(404, refusal("gone")), say(200, FEED), say(200, topic)]).await;
    let admin = admin(&server);
    let source: Source = "orders".parse().unwrap();
    let error = admin.delete(&source.entity).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::QueueNotFound);
    assert!(error.message().contains("gone"), "{error}");
    for _ in 0..2 {
        let error = admin.stats(&source).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::QueueNotFound);
        assert_eq!(error.queue_name(), Some("orders"));
    }
}

#[tokio::test]
async fn a_change_without_an_answer_is_not_known_to_be_done() {
    let large = "x".repeat(5 * 1024 * 1024);
    let odd = [
        say(200, "<a"),
        say(200, "<a>".repeat(60_000)),
        say(200, large),
    ];
    let server = Server::start([Answer::Cut, Answer::Cut].into_iter().chain(odd)).await;
    let admin = admin(&server);
    let error = admin.create(&orders(), &config()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
    let source: Source = "orders".parse().unwrap();
    let kinds = [
        ErrorKind::ConnectionFailed,
        ErrorKind::Unexpected,
        ErrorKind::Unexpected,
        ErrorKind::Unexpected,
    ];
    for kind in kinds {
        let error = admin.settings(&source).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
}

/// A clock on which time is over as soon as the server hangs.
#[derive(Debug)]
struct Impatient(Arc<Notify>);

impl Clock for Impatient {
    fn now(&self) -> Instant {
        Instant::from_nanos(0)
    }

    fn wall(&self) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000)
    }

    fn machine(&self) -> Option<MachineTime> {
        None
    }

    fn sleep_until(&self, _deadline: Instant) -> Sleep {
        let hung = Arc::clone(&self.0);
        Box::pin(async move { hung.notified().await })
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_not_waited_for() {
    let server = Server::start([Answer::Hang, Answer::Hang]).await;
    let mut context = relayhouse_time::context().unwrap();
    context.clock = Arc::new(Impatient(Arc::clone(&server.hung)));
    let admin = built(&server, context).admin().unwrap();
    let source: Source = "orders".parse().unwrap();
    let error = admin.settings(&source).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let error = admin.delete(&orders()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutcomeUnknown);
}

#[tokio::test]
async fn a_subscription_is_not_redriven() {
    let text = QUEUE.replace("QueueDescription", "SubscriptionDescription");
    let server = Server::start([say(200, text)]).await;
    let source = "events/subscriptions/audit".parse::<Source>().unwrap();
    let refused: Result<u64> = admin(&server).redrive(&source, &Redrive::default()).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn the_key_is_not_shown() {
    let server = Server::start([say(401, refusal("no"))]).await;
    let servicebus = servicebus(&server);
    let management = servicebus.management();
    let error = management.properties(&orders()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    for text in [
        format!("{management:?}"),
        format!("{servicebus:?}"),
        format!("{error:?}"),
    ] {
        assert!(
            !text.contains("hunter2") && !text.contains("sig="),
            "{text}"
        );
    }
}

/// Starts a broker with two messages, and what administers it.
async fn with_broker() -> (Broker, Server, Arc<dyn Admin>) {
    let broker = Broker::start(Script {
        queue: ["one", "two"].into(),
        ..Script::default()
    });
    let broker = broker.await;
    let server = Server::start([say(200, QUEUE)]).await;
    let servicebus = ServiceBus::builder(relayhouse_time::context().unwrap())
        .connection_string(broker.connection_string())
        .admin_endpoint(format!("http://127.0.0.1:{}", server.port))
        .build()
        .unwrap();
    let admin = servicebus.admin().unwrap();
    (broker, server, admin)
}

#[tokio::test]
async fn a_purge_acks_what_there_is() {
    let (broker, _server, admin) = with_broker().await;
    assert_eq!(admin.purge(&"orders".parse().unwrap()).await.unwrap(), 2);
    let script = broker.script.lock().unwrap();
    assert!(script.queue.is_empty() && script.sent.is_empty());
    assert_eq!(script.settled.len(), 2);
}

#[tokio::test]
async fn a_redrive_sends_dead_letters_again_and_acks_them() {
    let (broker, _server, admin) = with_broker().await;
    let redrive = Redrive {
        max: NonZeroU32::new(2),
    };
    let moved = admin.redrive(&"orders".parse().unwrap(), &redrive).await;
    assert_eq!(moved.unwrap(), 2);
    let script = broker.script.lock().unwrap();
    // Those that came together leave in one transfer.
    assert!((1..=2).contains(&script.sent.len()));
    assert_eq!(script.settled.len(), 2);
    assert!(script.queue.is_empty());
}
