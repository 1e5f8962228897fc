//! Cases about transactions: settling and sending as one.

use std::sync::Arc;

use relayhouse_core::{
    ErrorKind, Sending, Settlement, Settling,
    port::{QueueConfig, Transactional},
};

use crate::{
    conformance::{
        Case, Fixture, Need, Verdict, Violation,
        fixture::{LEASE, open, receive},
        violation::{ensure, equal},
    },
    harness::Harness,
};

const SOURCE: &str = include_str!("transaction.rs");

const TRANSACTIONS: &[Need] = &[Need::Ability("transactions")];

pub(super) const CASES: &[Case] = &[
    case!(transaction_settles_and_sends, TRANSACTIONS),
    case!(transaction_with_a_bad_message_does_nothing, TRANSACTIONS),
    case!(transaction_with_a_lost_lease_does_nothing, TRANSACTIONS),
    case!(empty_transaction_does_nothing, TRANSACTIONS),
    case!(
        transactions_that_are_not_supported_are_not_offered,
        &[Need::Lack("transactions")]
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
    let receiver = open(&*fixture.provider, &relayhouse_core::Source::queue(other)).await?;
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
    let lost = settle[0].outcome.error().map(relayhouse_core::Error::kind);
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

/// A target that declares no transactions has no port for them.
pub async fn transactions_that_are_not_supported_are_not_offered(harness: &dyn Harness) -> Verdict {
    let provider = harness.provider().await?;
    ensure(
        provider.transactional().is_none(),
        "there is a port for transactions",
    )
}
