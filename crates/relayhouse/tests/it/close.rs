//! What closing a queue closes, where others use its provider.

use relayhouse::{ErrorKind, Message, Queue, Registry, Sending, port::Sender};
use tempfile::TempDir;

/// Returns the URLs of two queues of one directory.
fn of_one(directory: &TempDir) -> [String; 2] {
    let path = directory.path().display();
    ["orders", "bills"].map(|name| format!("local:{path}/{name}"))
}

async fn port(queue: &Queue) -> std::sync::Arc<dyn Sender> {
    let name = queue.source().entity.to_string().parse().unwrap();
    queue.provider().sender(&name).await.unwrap()
}

async fn is_open(sender: &dyn Sender) -> bool {
    let mut batch = [Sending::new(Message::new("a bill"))];
    let sent = sender.send(&mut batch).await;
    match sent.err().or_else(|| batch[0].outcome.error().cloned()) {
        None => true,
        Some(error) if error.kind() == ErrorKind::Closed => false,
        Some(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn queue_of_the_same_directory_stays_open() {
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::new().unwrap();
    let [orders, bills] = of_one(&directory);
    let orders = registry.open(&orders).await.unwrap();
    let again = registry.open(&bills).await.unwrap();
    let bills = registry.open(&bills).await.unwrap();
    let port = port(&bills).await;

    orders.producer().send("an order").await.unwrap();
    for _ in 0..2 {
        orders.close().await.unwrap();
    }
    let error = orders.consumer().pull().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Closed);
    bills.producer().send("a bill").await.unwrap();
    drop(again);
    assert!(is_open(&*port).await);

    bills.close().await.unwrap();
    assert!(!is_open(&*port).await);
}

#[tokio::test]
async fn directory_can_be_opened_again_when_its_last_queue_was_closed() {
    let directory = tempfile::tempdir().unwrap();
    let registry = Registry::new().unwrap();
    let [orders, _] = of_one(&directory);
    for number in 1..=2 {
        let queue = registry.open(&orders).await.unwrap();
        queue.producer().send("an order").await.unwrap();
        let stats = queue.admin().unwrap().stats(queue.source()).await.unwrap();
        assert_eq!(stats.ready, number);
        queue.close().await.unwrap();
    }
}

#[tokio::test]
async fn messages_in_memory_live_as_long_as_their_registry() {
    let registry = Registry::new().unwrap();
    let bills = registry.open("memory://bills").await.unwrap();
    let port = port(&bills).await;
    for number in 1..=2 {
        let orders = registry.open("memory://orders").await.unwrap();
        orders.producer().send("an order").await.unwrap();
        let stats = orders.admin().unwrap().stats(orders.source()).await;
        assert_eq!(stats.unwrap().ready, number);
        orders.close().await.unwrap();
        assert!(is_open(&*port).await);
    }
    drop(registry);
    assert!(is_open(&*port).await);
    bills.close().await.unwrap();
    assert!(!is_open(&*port).await);
}
