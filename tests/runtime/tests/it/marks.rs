//! Keys that are done with the message, as one with its ack and what it sends.

use std::{
    fmt::{self, Debug},
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use async_trait::async_trait;
use relayhouse_core::{
    Capabilities, Error, ErrorKind, Mark, Message, Operation, Outcome, Outgoing, QueueName, Result,
    Sending, Settlement, Settling, Source,
    port::{
        Admin, Claim, Claiming, DedupStore, Marking, Provider, Receiver, ReceiverOptions, Sender,
        Sessions, Site, Transactional,
    },
};
use relayhouse_runtime::{Consumer, FailurePolicy, Output};

use crate::fixture::{Fixture, Log};

/// How often a transaction is tried.
const TRIES_MAX: usize = 6;

/// Is the memory broker, with transactions that are refused so often.
#[derive(Clone, Debug)]
struct Refusing {
    memory: Arc<dyn Provider>,
    refusals: Arc<AtomicUsize>,
    store: Arc<Store>,
}

/// A store at the site of the messages, of which only the calls are looked at.
struct Store {
    log: Log<&'static str>,
    site: Site,
}

impl Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

#[async_trait]
impl DedupStore for Store {
    fn site(&self) -> Option<&Site> {
        Some(&self.site)
    }

    async fn claim(&self, batch: &mut [Claiming], _: Duration) -> Result<()> {
        for item in batch {
            item.outcome = Outcome::Done(Claim::New);
        }
        Ok(())
    }

    async fn complete(&self, batch: &mut [Marking], _: Duration) -> Result<()> {
        self.log.push("complete");
        for item in batch {
            item.outcome = Outcome::Done(());
        }
        Ok(())
    }

    async fn abandon(&self, batch: &mut [Marking]) -> Result<()> {
        self.log.push("abandon");
        for item in batch {
            item.outcome = Outcome::Done(());
        }
        Ok(())
    }
}

#[async_trait]
impl Transactional for Refusing {
    async fn settle_and_send(
        &self,
        source: &Source,
        settle: &mut [Settling],
        queue: &QueueName,
        send: &mut [Sending],
    ) -> Result<()> {
        let refuse = |left: usize| left.checked_sub(1);
        let refused = self.refusals.fetch_update(SeqCst, SeqCst, refuse);
        if refused.is_ok() {
            self.store.log.push("refused");
            return Err(Error::new(ErrorKind::Throttled, "slow down"));
        }
        self.store.log.push("as one");
        for item in settle.iter_mut() {
            item.settlement = Settlement::Ack;
        }
        let memory = self.memory.transactional().unwrap();
        memory.settle_and_send(source, settle, queue, send).await
    }

    fn site(&self, _: &Source) -> Option<Site> {
        Some(self.store.site.clone())
    }

    async fn dedup_store(&self, _: &Source) -> Result<Arc<dyn DedupStore>> {
        Ok(Arc::clone(&self.store) as _)
    }
}

#[async_trait]
impl Provider for Refusing {
    fn scheme(&self) -> &'static str {
        self.memory.scheme()
    }

    fn capabilities(&self) -> &Capabilities {
        self.memory.capabilities()
    }

    async fn sender(&self, queue: &QueueName) -> Result<Arc<dyn Sender>> {
        self.memory.sender(queue).await
    }

    async fn receiver(
        &self,
        source: &Source,
        options: ReceiverOptions,
    ) -> Result<Arc<dyn Receiver>> {
        self.memory.receiver(source, options).await
    }

    async fn sessions(&self, source: &Source, _: ReceiverOptions) -> Result<Arc<dyn Sessions>> {
        let error = Error::new(ErrorKind::Unsupported, "no sessions");
        Err(error.at(Operation::Session, source))
    }

    fn admin(&self) -> Option<Arc<dyn Admin>> {
        self.memory.admin()
    }

    fn transactional(&self) -> Option<Arc<dyn Transactional>> {
        Some(Arc::new(self.clone()))
    }

    async fn close(&self) -> Result<()> {
        self.memory.close().await
    }
}

/// Forwards an order, with a mark, by transactions of which `refusals` are refused; returns what
/// was done.
async fn forward_through(refusals: usize) -> Vec<&'static str> {
    let fixture = Fixture::new();
    fixture.send(["order"]).await;
    let log = Log::default();
    let store = Arc::new(Store {
        log: log.clone(),
        site: Site::new("memory"),
    });
    let provider: Arc<dyn Provider> = Arc::new(Refusing {
        memory: Arc::clone(&fixture.memory),
        refusals: Arc::new(AtomicUsize::new(refusals)),
        store: Arc::clone(&store),
    });
    let payments = QueueName::new("payments").unwrap();
    let output = Output::of(Arc::clone(&provider), payments, &fixture.context).unwrap();
    let mark = Mark {
        store,
        key: "7".into(),
        owner: 1,
        keep: Duration::from_secs(60),
    };
    let handler = move |order: Message| {
        let outgoing = Outgoing::new().mark(mark.clone());
        async move { outgoing.send("payments", order) }
    };
    let once = FailurePolicy {
        attempts_max: Some(NonZeroU32::MIN),
        ..FailurePolicy::default()
    };
    let consumer = Consumer::of(provider, fixture.source(), fixture.context.clone())
        .output(output)
        .failure(once)
        .handler(handler);
    let time = fixture.pass(Duration::from_secs(20));
    consumer.run_until(time).await.unwrap();
    log.entries()
}

#[tokio::test(start_paused = true)]
async fn claim_is_kept_until_the_transaction_is_given_up() {
    assert_eq!(forward_through(1).await, ["refused", "as one"]);
    let mut given_up = vec!["refused"; TRIES_MAX];
    given_up.push("abandon");
    assert_eq!(forward_through(TRIES_MAX).await, given_up);
}
