//! Opening: URLs, regions, and what is refused before anything leaves.

use std::time::Duration;

use relayhouse_core::{
    Address, ErrorKind,
    port::{Provider, ReceiverOptions},
};
use relayhouse_sqs::Sqs;

use crate::canned::{Answer, Canned, attributes};

fn open(url: &str) -> relayhouse_core::Result<Sqs> {
    let address: Address = url.parse()?;
    Sqs::open(&address, relayhouse_time::context().unwrap())
}

#[test]
fn kind_of_the_queue_decides_what_it_can_do() {
    let standard = open("sqs://eu-west-1/orders").unwrap();
    assert!(!standard.capabilities().key_order.is_supported());
    let fifo = open("sqs://eu-west-1/orders.fifo").unwrap();
    assert!(fifo.capabilities().key_order.is_supported());
    assert!(!fifo.capabilities().schedule.is_supported());
}

#[test]
fn source_stands_in_the_url() {
    for (url, source) in [
        ("sqs://eu-west-1/orders", "orders"),
        (
            "sqs:https://sqs.eu-west-1.amazonaws.com/123456789012/orders",
            "orders",
        ),
        (
            "sqs:arn:aws:sqs:eu-west-1:123456789012:orders.fifo",
            "orders.fifo",
        ),
        (
            "sqs://eu-west-1/orders/$deadletterqueue",
            "orders/$deadletterqueue",
        ),
    ] {
        let address = url.parse().unwrap();
        assert_eq!(Sqs::source_of(&address).unwrap().to_string(), source);
    }
}

#[test]
fn wrong_urls_are_refused() {
    for (url, text) in [
        ("memory://orders", "sqs was expected"),
        ("sqs://eu-west-1", "sqs://region/queue"),
        ("sqs://eu-west-1/a/b", "must have"),
        ("sqs://eu-west-1/orders?leese=3s", "leese"),
        ("sqs://eu-west-1/orders?region=us-east-1", "option region"),
        ("sqs://eu-west-1/t.t/subscriptions/s", "topic name"),
    ] {
        let error = open(url).unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[test]
fn topics_need_their_feature() {
    for url in [
        "sqs://eu-west-1/events/subscriptions/audit",
        "sqs:arn:aws:sns:eu-west-1:123456789012:events",
        "sqs://eu-west-1/events?topics=true",
    ] {
        let opened = open(url);
        assert_eq!(opened.is_ok(), cfg!(feature = "sns"), "{url}");
        match opened {
            Ok(sqs) => assert!(sqs.capabilities().topics.is_supported()),
            Err(error) => assert!(error.to_string().contains("`sns`"), "{error}"),
        }
    }
    let queues = open("sqs://eu-west-1/orders").unwrap();
    assert!(!queues.capabilities().topics.is_supported());
}

#[test]
fn a_client_of_ones_own_decides_where_it_goes() {
    let canned = Canned::new(|_, _| Answer::Broken);
    for builder in [
        canned.builder().region("us-east-1"),
        canned.builder().endpoint("http://localhost:9324"),
        canned.builder().profile("other"),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    }
}

#[tokio::test]
async fn a_client_of_ones_own_opens_urls_of_its_region() {
    let canned = Canned::new(|_, _| attributes());
    let open = |url: &str| {
        let address: Address = url.parse().unwrap();
        Sqs::open_with(&address, canned.context(), canned.client())
    };
    let sqs = open("sqs://eu-west-1/orders?lease=5min").unwrap();
    assert_eq!(sqs.config().lease, Some(Duration::from_secs(300)));
    sqs.sender(&"orders".parse().unwrap()).await.unwrap();
    assert_eq!(canned.requests("GetQueueUrl").len(), 1);
    for (url, text) in [
        ("sqs://us-east-1/orders", "region us-east-1"),
        (
            "sqs:arn:aws:sqs:us-east-1:123456789012:orders",
            "region us-east-1",
        ),
        ("sqs:///orders?profile=other", "option profile"),
        ("sqs:///orders?leese=5min", "leese"),
    ] {
        let error = open(url).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[tokio::test]
async fn a_queue_of_another_region_is_refused() {
    let canned = Canned::new(|_, _| Answer::Broken);
    let queue = "arn:aws:sqs:us-east-1:123456789012:orders".parse().unwrap();
    let error = canned.sqs().sender(&queue).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    assert!(error.to_string().contains("us-east-1"), "{error}");
}

#[tokio::test]
async fn there_are_no_sessions_and_no_wrong_leases() {
    let canned = Canned::new(|_, _| Answer::Broken);
    let (sqs, source) = (canned.sqs(), "orders".parse().unwrap());
    let error = sqs
        .sessions(&source, ReceiverOptions::default())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    for seconds in [0, 43_201] {
        let lease = Some(Duration::from_secs(seconds));
        let options = ReceiverOptions { lease };
        let error = sqs.receiver(&source, options).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConfigInvalid, "{error}");
    }
}
