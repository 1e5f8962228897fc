//! Administration: what SQS has not, and what is built from receives.

use std::{
    num::{NonZeroU32, NonZeroU64},
    time::Duration,
};

use relayhouse_core::{
    Entity, ErrorKind, Source, Support,
    port::{Provider, QueueConfig},
};
use relayhouse_sqs::Peek;
use serde_json::json;

use crate::canned::{Answer, Canned, URL, attributes, entries, messages};

const TEN: NonZeroU32 = NonZeroU32::new(10).unwrap();

fn canned() -> Canned {
    let mut receives = 0;
    Canned::new(move |operation, body| match operation {
        "GetQueueAttributes" => attributes(),
        "ReceiveMessage" => {
            receives += 1;
            messages(if receives == 1 { &["a", "b"] } else { &[] })
        }
        _ => {
            let done = entries(body)
                .iter()
                .map(|entry| json!({ "Id": entry["Id"] }));
            Answer::Json(json!({ "Successful": done.collect::<Vec<_>>(), "Failed": [] }))
        }
    })
}

fn creating() -> Canned {
    Canned::new(|operation, _| match operation {
        "GetQueueAttributes" => Answer::Json(json!({ "Attributes": {
            "QueueArn": "arn:aws:sqs:eu-west-1:123456789012:orders-dead.fifo",
        }})),
        _ => Answer::Json(json!({ "QueueUrl": URL })),
    })
}

#[tokio::test]
async fn a_queue_is_created_with_a_dead_letter_queue_of_its_kind() {
    let canned = creating();
    let sqs = canned.builder().high_throughput(true).build().unwrap();
    let entity = Entity::Queue("orders.fifo".parse().unwrap());
    let config = QueueConfig {
        lease: Some(Duration::from_secs(300)),
        attempts_max: NonZeroU32::new(5),
        ..QueueConfig::default()
    };
    sqs.admin().unwrap().create(&entity, &config).await.unwrap();
    let requests = canned.requests("CreateQueue");
    let [dead, live] = &requests[..] else {
        panic!("two queues: {requests:?}");
    };
    assert_eq!(dead["QueueName"], "orders-dead.fifo");
    assert_eq!(dead["Attributes"]["MessageRetentionPeriod"], "1209600");
    assert_eq!(live["QueueName"], "orders.fifo");
    assert_eq!(live["Attributes"]["VisibilityTimeout"], "300");
    let policy = live["Attributes"]["RedrivePolicy"].as_str().unwrap();
    assert!(
        policy.contains("orders-dead.fifo") && policy.contains("\"5\""),
        "{policy}"
    );
    for queue in [dead, live] {
        assert_eq!(queue["Attributes"]["FifoQueue"], "true");
        assert_eq!(
            queue["Attributes"]["FifoThroughputLimit"],
            "perMessageGroupId"
        );
    }
}

#[tokio::test]
async fn what_a_queue_cannot_be_is_refused_before_it_is_created() {
    let canned = creating();
    let admin = canned.sqs().admin().unwrap();
    let entity = Entity::Queue("orders".parse().unwrap());
    let plain = QueueConfig::default;
    for config in [
        QueueConfig {
            requires_sessions: true,
            ..plain()
        },
        QueueConfig {
            messages_max: NonZeroU64::new(1),
            ..plain()
        },
        QueueConfig {
            dead_letter_expired: true,
            ..plain()
        },
        QueueConfig {
            dedup_window: Some(Duration::from_secs(300)),
            ..plain()
        },
        QueueConfig {
            attempts_max: NonZeroU32::new(1001),
            ..plain()
        },
        QueueConfig {
            ttl: Some(Duration::from_secs(59)),
            ..plain()
        },
        QueueConfig {
            lease: Some(Duration::from_secs(43_201)),
            ..plain()
        },
    ] {
        assert!(admin.create(&entity, &config).await.is_err(), "{config:?}");
    }
    assert!(canned.requests("CreateQueue").is_empty());
}

#[tokio::test]
async fn a_peek_is_refused_unless_it_may_receive() {
    let (canned, source): (_, Source) = (canned(), "orders".parse().unwrap());
    let sqs = canned.sqs();
    assert_eq!(sqs.capabilities().peek, Support::Unsupported);
    let refused = sqs
        .admin()
        .unwrap()
        .peek(&source, 0, TEN)
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
    assert!(canned.requests("ReceiveMessage").is_empty());
}

#[tokio::test]
async fn a_peek_that_may_receive_releases_what_it_shows() {
    let (canned, source): (_, Source) = (canned(), "orders".parse().unwrap());
    let sqs = canned.builder().peek(Peek::Receive).build().unwrap();
    assert_eq!(sqs.capabilities().peek, Support::Emulated);
    let shown = sqs.admin().unwrap().peek(&source, 0, TEN).await.unwrap();
    let bodies: Vec<_> = shown.iter().map(|it| &it.message.body[..]).collect();
    assert_eq!(bodies, [b"a", b"b"]);
    let released = &canned.requests("ChangeMessageVisibilityBatch")[0];
    for (entry, handle) in entries(released).iter().zip(["handle-a", "handle-b"]) {
        assert_eq!(entry["ReceiptHandle"], handle);
        assert_eq!(entry["VisibilityTimeout"], 0);
    }
}
