//! Cases about settling: once, by whoever has the lease, with an answer for each item.

use relayhouse_core::{ErrorKind, Sending, Settlement, Settling, Source};

use crate::{
    conformance::{
        Case, Fixture, Need, Verdict,
        fixture::{LEASE, receive, settle},
        violation::{ensure, equal, fails},
    },
    harness::Harness,
};

const SOURCE: &str = include_str!("settle.rs");

const LEASED: &[Need] = &[Need::DeliveryLease, Need::Ability("lease_exclusive")];

pub(super) const CASES: &[Case] = &[
    case!(acked_message_is_gone, &[Need::Ability("ack")]),
    case!(
        ack_is_refused_where_it_is_not_declared,
        &[Need::Lack("ack")]
    ),
    case!(second_ack_is_refused, LEASED),
    case!(release_after_ack_changes_nothing, LEASED),
    case!(ack_after_release_changes_nothing, LEASED),
    case!(settle_answers_each_item, LEASED),
    case!(one_delivery_twice_in_a_batch_is_settled_once, LEASED),
    case!(
        full_batch_is_settled_in_one_call,
        &[Need::LimitIfAny("settle_batch_max")]
    ),
    case!(
        mixed_settlements_of_one_batch_each_take_effect,
        &[Need::Ability("release"), Need::Ability("dead_letter")]
    ),
    case!(empty_settle_does_nothing, &[]),
    case!(settle_keeps_the_delivery_in_its_item, &[]),
    case!(receipt_of_another_queue_is_refused, LEASED),
];

/// A message that was acked is never delivered again.
pub async fn acked_message_is_gone(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    let delivery = fixture.receive().await?;
    fixture.ack(&delivery).await?;
    fixture.drained().await
}

/// A target that declares no ack refuses one.
pub async fn ack_is_refused_where_it_is_not_declared(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    let delivery = fixture.receive().await?;
    super::unsupported("an ack", fixture.ack(&delivery).await)
}

/// A second ack of the same delivery gives `LeaseLost`.
pub async fn second_ack_is_refused(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    let delivery = fixture.receive().await?;
    fixture.ack(&delivery).await?;
    fails(
        "a second ack",
        fixture.ack(&delivery).await,
        ErrorKind::LeaseLost,
    )?;
    fixture.drained().await
}

/// A release after the ack gives `LeaseLost`, and does not bring the message back.
pub async fn release_after_ack_changes_nothing(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    let delivery = fixture.receive().await?;
    fixture.ack(&delivery).await?;
    let result = fixture.settle(&delivery, super::RELEASE).await;
    fails("a release after the ack", result, ErrorKind::LeaseLost)?;
    fixture.drained().await
}

/// An ack after the release gives `LeaseLost`, and the message is delivered again.
pub async fn ack_after_release_changes_nothing(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    let first = fixture.receive().await?;
    fixture.settle(&first, super::RELEASE).await?;
    let result = fixture.ack(&first).await;
    fails("an ack after the release", result, ErrorKind::LeaseLost)?;
    let second = fixture.receive().await?;
    Ok(fixture.ack(&second).await?)
}

/// A batch of settlements has one answer for each item, in order; a lost lease fails its item
/// alone.
pub async fn settle_answers_each_item(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send_all(fixture.messages(5)).await?;
    let deliveries = fixture.receive_all(5).await?;
    fixture.ack(&deliveries[3]).await?;
    let results = fixture.settle_all(deliveries, &Settlement::Ack).await;
    for (index, result) in results.into_iter().enumerate() {
        if index == 3 {
            fails("the settled one", result, ErrorKind::LeaseLost)?;
        } else {
            result?;
        }
    }
    fixture.drained().await
}

/// A delivery that stands twice in a batch is settled once, and its second item is refused.
pub async fn one_delivery_twice_in_a_batch_is_settled_once(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    let delivery = fixture.receive().await?;
    let twice = vec![delivery.clone(), delivery];
    let results = fixture.settle_all(twice, &Settlement::Ack).await;
    let done = results.iter().filter(|result| result.is_ok()).count();
    equal("items done", done, 1)?;
    fixture.drained().await
}

/// As many deliveries as the target declares are settled in one call, but for those that it asks
/// to try again.
pub async fn full_batch_is_settled_in_one_call(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let max = fixture.capabilities().settle_batch_max;
    let count = crate::conformance::fixture::chunk(max).min(1_000);
    fixture.send_all(fixture.messages(count)).await?;
    let deliveries = fixture.receive_all(count).await?;
    let settling = |delivery| Settling::new(delivery, Settlement::Ack);
    let mut batch: Vec<_> = deliveries.into_iter().map(settling).collect();
    fixture.receiver.settle(&mut batch).await?;
    let refused = batch
        .into_iter()
        .filter_map(|item| item.outcome.settle(&Ok(())).err());
    for error in refused {
        ensure(
            super::is_passing(&error),
            format!("an item was not settled: {error}"),
        )?;
    }
    Ok(())
}

/// Acks, releases and dead letters of one batch each take effect on their own message.
pub async fn mixed_settlements_of_one_batch_each_take_effect(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send_all(fixture.messages(3)).await?;
    let deliveries = fixture.receive_all(3).await?;
    let settlements = [
        Settlement::Ack,
        super::RELEASE,
        Settlement::dead_letter("mixed", "one of three"),
    ];
    let released = deliveries[1].id.clone();
    let pairs = deliveries.into_iter().zip(settlements);
    let mut batch: Vec<_> = pairs
        .map(|(delivery, settlement)| Settling::new(delivery, settlement))
        .collect();
    let call = fixture.receiver.settle(&mut batch).await;
    for item in batch {
        item.outcome.settle(&call)?;
    }
    let again = fixture.receive().await?;
    equal("released", &again.id, &released)?;
    fixture.ack(&again).await?;
    fixture.drained().await
}

/// An empty batch is settled without effect.
pub async fn empty_settle_does_nothing(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    Ok(fixture.receiver.settle(&mut []).await?)
}

/// A settle takes no delivery out of its item.
pub async fn settle_keeps_the_delivery_in_its_item(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("kept")).await?;
    let delivery = fixture.receive().await?;
    let mut batch = [Settling::new(delivery.clone(), Settlement::Ack)];
    fixture.receiver.settle(&mut batch).await?;
    let [item] = batch;
    equal("receipt", &item.delivery.receipt, &delivery.receipt)?;
    equal("message", &item.delivery.message, &delivery.message)
}

/// A receipt of one queue settles nothing on another.
pub async fn receipt_of_another_queue_is_refused(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let config = super::lease_of(LEASE);
    let other = harness.queue(&*fixture.provider, &config).await?;
    let sender = fixture.provider.sender(&other).await?;
    let mut batch = [Sending::new(fixture.message("theirs"))];
    sender.send(&mut batch).await?;
    fixture.send(fixture.message("mine")).await?;
    let receiver = fixture.open_at(&Source::queue(other)).await?;
    let mine = fixture.receive().await?;
    let theirs = receive(&*receiver).await?;
    let result = settle(&*receiver, &mine, Settlement::Ack).await;
    fails("an ack on another queue", result, ErrorKind::LeaseLost)?;
    settle(&*receiver, &theirs, Settlement::Ack).await?;
    fixture.ack(&mine).await?;
    fixture.drained().await
}
