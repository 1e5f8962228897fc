//! Cases about transactions: settling, sending and completing keys as one.

use std::{sync::Arc, time::Duration};

use relayhouse_core::{
    Error, ErrorKind, Mark, Outgoing, Sending, Settlement, Settling, Source,
    port::{Claim, Claiming, DedupStore, QueueConfig, Transactional},
};

use crate::{
    conformance::{
        Case, Fixture, Need, Verdict, Violation,
        fixture::{LEASE, receive},
        violation::{ensure, equal},
    },
    harness::Harness,
};

const SOURCE: &str = include_str!("transaction.rs");

/// How long keys are held, and how long they are kept.
const HOLD: Duration = Duration::from_secs(3600);

const TRANSACTIONS: &[Need] = &[Need::Ability("transactions")];
const KEYS: &[Need] = &[Need::Ability("dedup_store")];

pub(super) const CASES: &[Case] = &[
    case!(transaction_settles_and_sends, TRANSACTIONS),
    case!(transaction_with_a_bad_message_does_nothing, TRANSACTIONS),
    case!(transaction_with_a_lost_lease_does_nothing, TRANSACTIONS),
    case!(empty_transaction_does_nothing, TRANSACTIONS),
    case!(ack_and_its_marks_are_one, KEYS),
    case!(transaction_completes_its_keys_or_does_nothing, KEYS),
    case!(
        transactions_that_are_not_supported_are_not_offered,
        &[Need::Lack("transactions")]
    ),
    case!(
        dedup_store_that_is_not_supported_is_refused,
        &[Need::Lack("dedup_store")]
    ),
];

fn port(fixture: &Fixture<'_>) -> Result<Arc<dyn Transactional>, Violation> {
    let none = || Violation::new("transactions are declared, and there is no port for them");
    fixture.provider.transactional().ok_or_else(none)
}

/// What is settled and what is sent in one transaction both take effect.
pub async fn transaction_settles_and_sends(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let config = QueueConfig {
        lease: Some(LEASE),
        ..QueueConfig::default()
    };
    let other = harness.queue(&*fixture.provider, &config).await?;
    fixture.send(fixture.message("in")).await?;
    let delivery = fixture.receive().await?;
    let mut settle = [Settling::new(delivery, Settlement::Ack)];
    let mut send = [Sending::new(fixture.message("out"))];
    port(&fixture)?
        .settle_and_send(&fixture.source, &mut settle, &other, &mut send)
        .await?;
    ensure(settle[0].outcome.is_done(), "the settlement has no answer")?;
    ensure(send[0].outcome.is_done(), "the message has no answer")?;
    let receiver = fixture.open_at(&Source::queue(other)).await?;
    equal("body", &receive(&*receiver).await?.message.body[..], b"out")?;
    fixture.drained().await
}

/// Runs a transaction that must fail as a whole, on one delivery and one message to the queue
/// itself.
async fn fails_whole(
    fixture: &Fixture<'_>,
    settle: &mut [Settling],
    send: &mut [Sending],
) -> Verdict {
    let call = port(fixture)?
        .settle_and_send(&fixture.source, settle, &fixture.queue, send)
        .await;
    let settled = settle.iter().any(|item| item.outcome.is_done());
    let sent = send.iter().any(|item| item.outcome.is_done());
    ensure(!settled && !sent, "a part of the transaction took effect")?;
    let is_failed = call.is_err() || settle.iter().all(|item| item.outcome.error().is_some());
    ensure(is_failed, "the transaction did not say that it failed")
}

/// If a message cannot be sent, nothing is sent and nothing is settled.
pub async fn transaction_with_a_bad_message_does_nothing(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("in")).await?;
    let delivery = fixture.receive().await?;
    let mut settle = [Settling::new(delivery.clone(), Settlement::Ack)];
    let bad = fixture.message("bad").header("a b", "v");
    let mut send = [fixture.message("good"), bad].map(Sending::new);
    fails_whole(&fixture, &mut settle, &mut send).await?;
    fixture.nothing().await?;
    fixture.ack(&delivery).await?;
    fixture.drained().await
}

/// If a lease is lost, nothing is sent and nothing is settled.
pub async fn transaction_with_a_lost_lease_does_nothing(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send_all(fixture.messages(2)).await?;
    let deliveries = fixture.receive_all(2).await?;
    fixture.ack(&deliveries[0]).await?;
    let held = deliveries[1].clone();
    let settling = |delivery| Settling::new(delivery, Settlement::Ack);
    let mut settle: Vec<_> = deliveries.into_iter().map(settling).collect();
    let mut send = [Sending::new(fixture.message("out"))];
    fails_whole(&fixture, &mut settle, &mut send).await?;
    let lost = settle[0].outcome.error().map(Error::kind);
    ensure(
        lost.is_none_or(|kind| kind == ErrorKind::LeaseLost),
        format!("the lost lease failed with {lost:?}"),
    )?;
    fixture.nothing().await?;
    fixture.ack(&held).await?;
    fixture.drained().await
}

/// A transaction of nothing is done.
pub async fn empty_transaction_does_nothing(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let port = port(&fixture)?;
    Ok(port
        .settle_and_send(&fixture.source, &mut [], &fixture.queue, &mut [])
        .await?)
}

/// Opens the dedup store at the site of the queue.
async fn keys(fixture: &Fixture<'_>) -> Result<Arc<dyn DedupStore>, Violation> {
    let port = port(fixture)?;
    let store = port.dedup_store(&fixture.source).await?;
    let site = port.site(&fixture.source);
    ensure(site.is_some(), "the messages have no site")?;
    equal("site of the store", store.site(), site.as_ref())?;
    Ok(store)
}

async fn claim(store: &dyn DedupStore, owner: u64) -> Result<Claim, Violation> {
    let mut batch = [Claiming::new("key", owner)];
    let call = store.claim(&mut batch, HOLD).await;
    let [item] = batch;
    Ok(item.outcome.settle(&call)?)
}

/// Acks, and completes the key that `owner` has claimed.
fn marked(store: &Arc<dyn DedupStore>, owner: u64) -> Settlement {
    let mark = Mark {
        store: Arc::clone(store),
        key: "key".into(),
        owner,
        keep: HOLD,
    };
    Outgoing::new().mark(mark).into()
}

/// An ack and the keys that are done with it take effect as one, or not at all.
pub async fn ack_and_its_marks_are_one(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let store = keys(&fixture).await?;
    fixture.send_all(fixture.messages(3)).await?;
    let [late, taken, done] = &fixture.receive_all(3).await?[..] else {
        return Err(Violation::new("three messages were asked for"));
    };
    equal("claim", claim(&*store, 1).await?, Claim::New)?;
    fixture.ack(late).await?;
    for (delivery, owner) in [(late, 1), (taken, 2)] {
        let refused = fixture.settle(delivery, marked(&store, owner)).await;
        let refused = refused.map_err(|error| error.kind());
        equal("refused", refused, Err(ErrorKind::LeaseLost))?;
        equal("key", claim(&*store, 1).await?, Claim::Own)?;
    }
    fixture.ack(taken).await?;
    fixture.settle(done, marked(&store, 1)).await?;
    equal("key", claim(&*store, 2).await?, Claim::Done)?;
    fixture.drained().await
}

/// A transaction completes the keys that are done with its acks, or does nothing.
pub async fn transaction_completes_its_keys_or_does_nothing(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let store = keys(&fixture).await?;
    let config = QueueConfig::default();
    let other = harness.queue(&*fixture.provider, &config).await?;
    fixture.send(fixture.message("in")).await?;
    let delivery = fixture.receive().await?;
    equal("claim", claim(&*store, 1).await?, Claim::New)?;
    let out = || Sending::new(fixture.message("out"));
    let mut taken = [Settling::new(delivery.clone(), marked(&store, 2))];
    fails_whole(&fixture, &mut taken, &mut [out()]).await?;
    equal("key", claim(&*store, 1).await?, Claim::Own)?;
    let mut settle = [Settling::new(delivery, marked(&store, 1))];
    let mut send = [out()];
    port(&fixture)?
        .settle_and_send(&fixture.source, &mut settle, &other, &mut send)
        .await?;
    let is_done = settle[0].outcome.is_done() && send[0].outcome.is_done();
    ensure(is_done, "the transaction has no answer")?;
    equal("key", claim(&*store, 2).await?, Claim::Done)?;
    let receiver = fixture.open_at(&Source::queue(other)).await?;
    equal("body", &receive(&*receiver).await?.message.body[..], b"out")?;
    fixture.drained().await
}

/// A target that declares no transactions has no port for them.
pub async fn transactions_that_are_not_supported_are_not_offered(harness: &dyn Harness) -> Verdict {
    let provider = harness.provider().await?;
    ensure(
        provider.transactional().is_none(),
        "there is a port for transactions",
    )
}

/// A target that declares no dedup store names no site for its messages, and opens none.
pub async fn dedup_store_that_is_not_supported_is_refused(harness: &dyn Harness) -> Verdict {
    let provider = harness.provider().await?;
    let Some(port) = provider.transactional() else {
        return Ok(());
    };
    let config = QueueConfig::default();
    let source = Source::queue(harness.queue(&*provider, &config).await?);
    ensure(port.site(&source).is_none(), "there is a site")?;
    let opened = port.dedup_store(&source).await.map(drop);
    let refused = opened.map_err(|error| error.kind());
    equal("refused", refused, Err(ErrorKind::Unsupported))
}
