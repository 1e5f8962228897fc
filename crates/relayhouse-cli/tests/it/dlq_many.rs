//! `dlq list` of very many dead letters: they are counted, and not held.

use std::{
    future::ready,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;
use relayhouse::{
    Address, Delivery, Entity, Message, Opened, QueueName, Registry, Result, Sending, Settlement,
    Settling, Source,
    local::Local,
    port::{
        Admin, Page, Provider, QueueConfig, ReceiveRequest, ReceiverOptions, Redrive, Settings,
        Stats,
    },
    time,
};
use serde_json::Value;

use crate::wrapped::Wrapped;

const COUNT: usize = 100_000;
const BATCH: usize = 5_000;

/// Counts the bodies that somebody holds.
#[derive(Debug, Default)]
struct Held {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// Is a body that is counted while somebody holds it.
struct Counted {
    body: Bytes,
    held: Arc<Held>,
}

impl Counted {
    fn new(body: Bytes, held: &Arc<Held>) -> Self {
        let now = held.now.fetch_add(1, Ordering::SeqCst) + 1;
        held.most.fetch_max(now, Ordering::SeqCst);
        let held = Arc::clone(held);
        Self { body, held }
    }
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.held.now.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Is an administration whose peeks show bodies that are counted.
#[derive(Debug)]
struct WatchedAdmin {
    inner: Arc<dyn Admin>,
    held: Arc<Held>,
}

#[async_trait]
impl Admin for WatchedAdmin {
    async fn list(&self, after: Option<&str>) -> Result<Page> {
        self.inner.list(after).await
    }

    async fn create(&self, entity: &Entity, config: &QueueConfig) -> Result<()> {
        self.inner.create(entity, config).await
    }

    async fn delete(&self, entity: &Entity) -> Result<()> {
        self.inner.delete(entity).await
    }

    async fn purge(&self, source: &Source) -> Result<u64> {
        self.inner.purge(source).await
    }

    async fn stats(&self, source: &Source) -> Result<Stats> {
        self.inner.stats(source).await
    }

    async fn peek(&self, source: &Source, from: u64, max: NonZeroU32) -> Result<Vec<Delivery>> {
        let mut page = self.inner.peek(source, from, max).await?;
        for delivery in &mut page {
            let body = std::mem::take(&mut delivery.message.body);
            delivery.message.body = Bytes::from_owner(Counted::new(body, &self.held));
        }
        Ok(page)
    }

    async fn redrive(&self, source: &Source, redrive: &Redrive) -> Result<u64> {
        self.inner.redrive(source, redrive).await
    }

    async fn cancel(&self, queue: &QueueName, sequence: u64) -> Result<()> {
        self.inner.cancel(queue, sequence).await
    }

    async fn settings(&self, source: &Source) -> Result<Settings> {
        self.inner.settings(source).await
    }
}

/// Makes a provider whose peeks show bodies that are counted.
fn counting(inner: Arc<dyn Provider>, held: &Arc<Held>) -> Wrapped {
    let held = Arc::clone(held);
    Wrapped::new(inner, "local").admin(move |inner| {
        let held = Arc::clone(&held);
        Some(Arc::new(WatchedAdmin { inner, held }))
    })
}

/// Puts [`COUNT`] dead letters on the queue at `url`, a third for another reason.
async fn fill(registry: &Registry, url: &str) {
    let queue = registry.open(url).await.unwrap();
    let Entity::Queue(name) = &queue.source().entity else {
        panic!("{url} is a queue");
    };
    let sender = queue.provider().sender(name).await.unwrap();
    let options = ReceiverOptions::default();
    let receiver = queue.provider().receiver(queue.source(), options).await;
    let receiver = receiver.unwrap();
    let batch = NonZeroU32::new(u32::try_from(BATCH).unwrap()).unwrap();
    for _ in 0..COUNT / BATCH {
        let message = || Sending::new(Message::new("{\"id\":7}").id(7_u128));
        let mut sending: Vec<_> = std::iter::repeat_with(message).take(BATCH).collect();
        sender.send(&mut sending).await.unwrap();
        let mut taken = Vec::new();
        receiver
            .receive(ReceiveRequest::up_to(batch), &mut taken)
            .await
            .unwrap();
        let dead = taken.into_iter().enumerate().map(|(index, delivery)| {
            let what = if index % 3 == 0 {
                "not paid"
            } else {
                "not found"
            };
            let letter = Settlement::dead_letter("rejected", format!("order {index} {what}"));
            Settling::new(delivery, letter)
        });
        receiver
            .settle(&mut dead.collect::<Vec<_>>())
            .await
            .unwrap();
    }
    receiver.close().await.unwrap();
    sender.close().await.unwrap();
    queue.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn very_many_dead_letters_are_counted_and_not_held() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("local:{}/orders", directory.path().display());
    let registry = Registry::new().unwrap();
    fill(&registry, &url).await;

    let held = Arc::<Held>::default();
    let watched = Arc::clone(&held);
    let context = time::context().unwrap();
    let registry = Registry::empty(context).with("local", move |address: Address, context| {
        let opened = Local::open(&address, context).map(|local| Opened {
            source: Local::source(&address).unwrap(),
            provider: Arc::new(counting(Arc::new(local), &watched)),
        });
        ready(opened)
    });
    let page = crate::house::Page::default();
    let args = ["relayhouse", "-q", "dlq", "list", &url, "--output", "json"];
    let code = relayhouse_cli::run(args, &registry, page.clone()).await;
    assert_eq!(code, 0);
    let groups: Vec<Value> = serde_json::from_str(&page.text()).unwrap();
    let counts: Vec<_> = groups
        .iter()
        .filter_map(|it| it["count"].as_u64())
        .collect();
    assert_eq!(counts, [66_660, 33_340]);
    assert!(held.most.load(Ordering::SeqCst) <= 100, "{held:?}");
    assert_eq!(held.now.load(Ordering::SeqCst), 0);
}
