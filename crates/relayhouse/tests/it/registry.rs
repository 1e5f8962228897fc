//! What a URL means, and what it says when it means nothing.

use std::{sync::Arc, time::Duration};

use relayhouse::{Error, ErrorKind, Message, Opened, Registry, memory::Memory, time};

async fn refusal(url: &str) -> String {
    let error = relayhouse::open(url)
        .await
        .expect_err("a URL that is wrong");
    assert_eq!(error.kind(), ErrorKind::ConfigInvalid);
    error.to_string()
}

#[tokio::test]
async fn wrong_urls_are_refused_with_what_is_known() {
    let text = refusal("carrier-pigeon://loft/orders").await;
    let mut known = "local, memory".to_owned();
    if cfg!(feature = "servicebus") {
        known += ", servicebus";
    }
    if cfg!(feature = "sqs-client") {
        known += ", sqs";
    }
    assert_eq!(
        text,
        format!("scheme carrier-pigeon of the queue URL is not known, known are: {known}")
    );
    assert!(refusal("orders").await.contains("scheme://name"));
    assert!(refusal("memory://a//b").await.contains("queue name"));
    let text = refusal("memory://orders?leese=1s").await;
    assert!(
        text.contains("option leese is not known") && text.contains("lease"),
        "{text}"
    );
}

#[tokio::test]
async fn empty_registry_says_that_it_knows_nothing() {
    let registry = Registry::empty(time::context().unwrap());
    let error = registry.open("memory://orders").await.unwrap_err();
    let expected = "scheme memory of the queue URL is not known, no scheme is";
    assert_eq!(error.to_string(), expected);
    assert_eq!(format!("{registry:?}"), "Registry([])");
}

#[tokio::test]
async fn one_registry_opens_one_queue_and_two_open_two() {
    let (one, two) = (Registry::new().unwrap(), Registry::new().unwrap());
    one.open("memory://orders")
        .await
        .unwrap()
        .producer()
        .send("hello")
        .await
        .unwrap();
    let has_message = async |registry: &Registry| {
        let queue = registry.open("memory://orders").await.unwrap();
        let wait = queue.consumer().receive_wait(Duration::ZERO);
        let pull = wait.pull().await.unwrap();
        let delivery = pull.next().await.unwrap();
        pull.close().await.unwrap();
        delivery.is_some()
    };
    assert!(!has_message(&two).await);
    assert!(has_message(&one.clone()).await);
}

#[tokio::test]
async fn queue_in_a_file_has_a_dedup_store() {
    let place = tempfile::tempdir().unwrap();
    let url = format!("local:{}/orders", place.path().display());
    let queue = relayhouse::open(&url).await.unwrap();
    let store = queue.dedup_store().await.unwrap();
    let transactional = queue.provider().transactional().unwrap();
    assert_eq!(store.site(), transactional.site(queue.source()).as_ref());
    let memory = relayhouse::open("memory://orders").await.unwrap();
    let error = memory.dedup_store().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn schemes_can_be_added() {
    let registry =
        Registry::empty(time::context().unwrap()).with("warehouse", async |address, context| {
            let source = address.source()?;
            let provider = Arc::new(Memory::builder(context).build()?);
            Ok::<_, Error>(Opened { provider, source })
        });
    assert_eq!(registry.schemes().collect::<Vec<_>>(), ["warehouse"]);
    let queue = registry.open("warehouse://shelf").await.unwrap();
    queue.producer().send(Message::new("box")).await.unwrap();
    assert_eq!(queue.source().to_string(), "shelf");
}

#[tokio::test]
async fn what_cannot_be_sent_to_says_so() {
    for (url, expected) in [
        (
            "memory://orders/$deadletterqueue",
            "cannot send to orders/$deadletterqueue: nothing can be sent to a dead-letter queue, \
             only to orders",
        ),
        (
            "memory://orders/subscriptions/audit",
            "cannot send to orders/subscriptions/audit: nothing can be sent to a subscription, \
             only to its topic orders",
        ),
    ] {
        let queue = relayhouse::open(url).await.unwrap();
        let error = queue.producer().send("hello").await.unwrap_err();
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
}
