//! Cases about leases: exclusive while they last, over when they end, fenced ever after.

use std::time::Duration;

use relayhouse_core::{ErrorKind, Extending, Instant, Previous, Settlement};

use crate::{
    conformance::{
        Case, Fixture, Need, Verdict,
        fixture::{LEASE, PATIENCE, chunk, settle},
        violation::{Violation, ensure, equal, fails},
    },
    harness::Harness,
};

const SOURCE: &str = include_str!("lease.rs");

const LEASED: &[Need] = &[Need::DeliveryLease];
const EXCLUSIVE: &[Need] = &[Need::DeliveryLease, Need::Ability("lease_exclusive")];
const COUNTED: &[Need] = &[Need::DeliveryLease, Need::ExactAttempts];

pub(super) const CASES: &[Case] = &[
    case!(lease_is_exclusive, EXCLUSIVE),
    case!(lease_lasts_as_long_as_configured, LEASED),
    case!(expired_lease_redelivers, LEASED),
    case!(expiry_counts_as_an_attempt, COUNTED),
    case!(redelivery_has_a_new_receipt_and_a_greater_token, LEASED),
    case!(waiting_receive_is_woken_by_an_expiry, EXCLUSIVE),
    case!(old_receipt_cannot_ack, EXCLUSIVE),
    case!(old_receipt_cannot_release, EXCLUSIVE),
    case!(old_receipt_cannot_dead_letter, EXCLUSIVE),
    case!(old_receipt_cannot_extend, EXCLUSIVE),
    case!(expired_receipt_cannot_settle_before_redelivery, EXCLUSIVE),
    case!(only_one_of_two_deliveries_completes, EXCLUSIVE),
    case!(extension_prevents_expiry, LEASED),
    case!(extension_ends_from_now, LEASED),
    case!(extension_can_shorten_nothing_else, EXCLUSIVE),
    case!(extension_after_settle_is_refused, LEASED),
    case!(
        extension_stops_at_the_cap,
        &[Need::DeliveryLease, Need::Limit("lease_total_max")]
    ),
    case!(extension_of_a_batch_answers_each_item, LEASED),
    case!(
        full_batch_is_extended_in_one_call,
        &[Need::DeliveryLease, Need::LimitIfAny("extend_batch_max")]
    ),
    case!(
        extension_over_the_longest_lease_gives_no_more,
        &[Need::DeliveryLease, Need::Limit("lease_max")]
    ),
    case!(empty_extension_does_nothing, LEASED),
    case!(long_handler_keeps_its_lease, EXCLUSIVE),
    case!(lost_tells_nothing_without_cause, &[]),
    case!(
        wall_clock_ahead_changes_no_lease,
        &[Need::DeliveryLease, Need::WallClock]
    ),
    case!(
        wall_clock_behind_changes_no_lease,
        &[Need::DeliveryLease, Need::WallClock]
    ),
];

/// A leased message is not delivered to anybody else.
pub async fn lease_is_exclusive(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let other = fixture.open().await?;
    fixture.send(fixture.message("x")).await?;
    let delivery = fixture.receive().await?;
    fixture.nothing().await?;
    fixture.nothing_from(&*other).await?;
    harness.pass(LEASE / 2).await;
    fixture.nothing_from(&*other).await?;
    Ok(fixture.ack(&delivery).await?)
}

/// The lease lasts as long as the queue says, counted from the hand-out.
pub async fn lease_lasts_as_long_as_configured(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    let delivery = fixture.receive().await?;
    let left = delivery.lease.until().since(fixture.now());
    let slack = harness.tolerance();
    ensure(
        left <= LEASE + slack && LEASE <= left + slack,
        format!("a lease of {LEASE:?} has {left:?} left"),
    )
}

/// A message whose lease ended without a settlement is delivered again.
pub async fn expired_lease_redelivers(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    let first = fixture.receive().await?;
    fixture.expire(&first).await;
    let second = fixture.receive().await?;
    equal("id", &second.id, &first.id)?;
    Ok(fixture.ack(&second).await?)
}

/// An expiry counts as a delivery, and the next delivery tells of it.
pub async fn expiry_counts_as_an_attempt(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    for attempt in 1..=3 {
        let delivery = fixture.receive().await?;
        equal("attempt", delivery.attempt, attempt)?;
        let expected = if attempt == 1 {
            Previous::None
        } else {
            Previous::Expired
        };
        ensure(
            [expected, Previous::Unknown].contains(&delivery.previous),
            format!(
                "after an expiry, the one before was {:?}",
                delivery.previous
            ),
        )?;
        fixture.expire(&delivery).await;
    }
    Ok(())
}

/// Every delivery has its own receipt, and a fencing token greater than the one before.
pub async fn redelivery_has_a_new_receipt_and_a_greater_token(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    let mut last = fixture.receive().await?;
    for _ in 0..3 {
        fixture.expire(&last).await;
        let next = fixture.receive().await?;
        ensure(next.receipt != last.receipt, "a receipt came twice")?;
        ensure(
            last.lease.token() < next.lease.token(),
            "the fencing token does not grow",
        )?;
        last = next;
    }
    Ok(())
}

/// A receive that waits is woken when a lease ends, long before its wait is over.
pub async fn waiting_receive_is_woken_by_an_expiry(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::with(harness, super::lease_of(PATIENCE / 5)).await?;
    fixture.send(fixture.message("x")).await?;
    let first = fixture.receive().await?;
    let second = fixture.receive().await?;
    equal("id", &second.id, &first.id)?;
    let late = fixture.now().since(first.lease.until());
    ensure(
        late <= harness.tolerance() * 2,
        format!("woken {late:?} late"),
    )
}

/// Lets a delivery expire, delivers its message again, and settles with the old receipt.
async fn old_receipt_is_inert(harness: &dyn Harness, settlement: Settlement) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    let old = fixture.receive().await?;
    fixture.expire(&old).await;
    let new = fixture.receive().await?;
    let result = fixture.settle(&old, settlement).await;
    fails("a settle with an old receipt", result, ErrorKind::LeaseLost)?;
    fixture.nothing().await?;
    fixture.extend(&new, LEASE).await?;
    fixture.ack(&new).await?;
    fixture.drained().await
}

/// An ack with the receipt of an earlier delivery gives `LeaseLost`, and changes nothing.
pub async fn old_receipt_cannot_ack(harness: &dyn Harness) -> Verdict {
    old_receipt_is_inert(harness, Settlement::Ack).await
}

/// A release with the receipt of an earlier delivery gives `LeaseLost`, and changes nothing.
pub async fn old_receipt_cannot_release(harness: &dyn Harness) -> Verdict {
    old_receipt_is_inert(harness, super::RELEASE).await
}

/// A dead-lettering with the receipt of an earlier delivery gives `LeaseLost`, and changes
/// nothing.
pub async fn old_receipt_cannot_dead_letter(harness: &dyn Harness) -> Verdict {
    old_receipt_is_inert(
        harness,
        Settlement::dead_letter("old", "from an old receipt"),
    )
    .await
}

/// An extension with the receipt of an earlier delivery gives `LeaseLost`, and changes nothing.
pub async fn old_receipt_cannot_extend(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    let old = fixture.receive().await?;
    fixture.expire(&old).await;
    let new = fixture.receive().await?;
    let result = fixture.extend(&old, LEASE * 10).await;
    fails(
        "an extension with an old receipt",
        result,
        ErrorKind::LeaseLost,
    )?;
    fixture.expire(&new).await;
    let third = fixture.receive().await?;
    Ok(fixture.ack(&third).await?)
}

/// A settle after the end of the lease gives `LeaseLost`, even before the message is delivered
/// again, and the message is.
pub async fn expired_receipt_cannot_settle_before_redelivery(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    let old = fixture.receive().await?;
    fixture.expire(&old).await;
    fails("a late ack", fixture.ack(&old).await, ErrorKind::LeaseLost)?;
    let result = fixture.extend(&old, LEASE).await;
    fails("a late extension", result, ErrorKind::LeaseLost)?;
    let new = fixture.receive().await?;
    Ok(fixture.ack(&new).await?)
}

/// Of two receivers that were handed the same message, exactly one completes it.
pub async fn only_one_of_two_deliveries_completes(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let other = fixture.open().await?;
    fixture.send(fixture.message("x")).await?;
    let old = fixture.receive().await?;
    fixture.expire(&old).await;
    let new = crate::conformance::fixture::receive(&*other).await?;
    let late = fixture.ack(&old).await;
    fails("the first ack", late, ErrorKind::LeaseLost)?;
    settle(&*other, &new, Settlement::Ack).await?;
    fixture.drained().await
}

/// A lease that is extended in time does not end.
pub async fn extension_prevents_expiry(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    let delivery = fixture.receive().await?;
    for _ in 0..3 {
        harness.pass(LEASE * 3 / 4).await;
        fixture.extend(&delivery, LEASE).await?;
        fixture.nothing().await?;
    }
    fixture.ack(&delivery).await?;
    fixture.drained().await
}

/// An extension ends the given time from now, and its answer tells when.
pub async fn extension_ends_from_now(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    let delivery = fixture.receive().await?;
    harness.pass(LEASE / 2).await;
    let now = fixture.now();
    let until = fixture.extend(&delivery, LEASE).await?;
    let slack = harness.tolerance();
    ensure(
        until <= now + LEASE + slack && now + LEASE <= until + slack,
        format!("extended by {LEASE:?} at {now:?}, ends at {until:?}"),
    )?;
    harness.pass(LEASE - slack * 4).await;
    fixture.nothing().await?;
    harness.pass(slack * 8).await;
    Ok(fixture.ack(&fixture.receive().await?).await?)
}

/// When one of two leases is extended: so late that [`PATIENCE`] for what the other's end brings
/// back is over well before the extended lease ends.
const LATE: Duration = Duration::from_secs(LEASE.as_secs() * 7 / 10);

/// An extension changes its own lease, and no other.
pub async fn extension_can_shorten_nothing_else(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send_all(fixture.messages(2)).await?;
    let deliveries = fixture.receive_all(2).await?;
    harness.pass(LATE).await;
    fixture.extend(&deliveries[0], LEASE).await?;
    fixture.expire(&deliveries[1]).await;
    let again = fixture.receive().await?;
    equal("id", &again.id, &deliveries[1].id)?;
    fixture.nothing().await?;
    Ok(fixture.ack(&deliveries[0]).await?)
}

/// An extension after the settle gives `LeaseLost`, and brings nothing back.
pub async fn extension_after_settle_is_refused(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    let delivery = fixture.receive().await?;
    fixture.ack(&delivery).await?;
    let result = fixture.extend(&delivery, LEASE).await;
    fails("an extension after the ack", result, ErrorKind::LeaseLost)?;
    fixture.drained().await
}

/// A lease cannot be extended beyond the cap that the target declares.
pub async fn extension_stops_at_the_cap(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    let start = fixture.now();
    let delivery = fixture.receive().await?;
    let cap = fixture
        .capabilities()
        .lease_total_max
        .unwrap_or(Duration::MAX);
    let latest = start + cap + harness.tolerance();
    let step = fixture.capabilities().lease_max.unwrap_or(cap).min(cap);
    let mut until = delivery.lease.until();
    while fixture.now() < latest {
        match fixture.extend(&delivery, step).await {
            Ok(end) => until = end,
            Err(_) => break,
        }
        ensure(
            until <= latest,
            format!("the lease ends at {until:?}, after {latest:?}"),
        )?;
        let left = until.since(fixture.now());
        harness.pass((left / 2).max(Duration::from_secs(1))).await;
    }
    fixture.expire(&delivery).await;
    harness
        .pass(until.since(fixture.now()) + harness.tolerance())
        .await;
    let again = fixture.receive().await?;
    equal("id", &again.id, &delivery.id)
}

/// An extension of a batch answers once for each lease, in order.
pub async fn extension_of_a_batch_answers_each_item(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send_all(fixture.messages(3)).await?;
    let deliveries = fixture.receive_all(3).await?;
    fixture.ack(&deliveries[1]).await?;
    let receipts = deliveries.iter().map(|it| it.receipt.clone());
    let mut batch: Vec<_> = receipts.map(Extending::new).collect();
    let call = fixture.receiver.extend(&mut batch, LEASE).await;
    let results: Vec<_> = batch
        .into_iter()
        .map(|it| it.outcome.settle(&call))
        .collect();
    for (index, result) in results.into_iter().enumerate() {
        if index == 1 {
            fails("the settled one", result, ErrorKind::LeaseLost)?;
        } else {
            ensure(result? != Instant::NEVER, "a lease without an end")?;
        }
    }
    Ok(())
}

/// As many leases as the target declares are extended in one call, but for those that it asks to
/// try again.
pub async fn full_batch_is_extended_in_one_call(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let count = chunk(fixture.capabilities().extend_batch_max).min(1_000);
    fixture.send_all(fixture.messages(count)).await?;
    let deliveries = fixture.receive_all(count).await?;
    let receipts = deliveries.into_iter().map(|it| it.receipt);
    let mut batch: Vec<_> = receipts.map(Extending::new).collect();
    fixture.receiver.extend(&mut batch, LEASE * 2).await?;
    for item in batch {
        if let Err(error) = item.outcome.settle(&Ok(())) {
            ensure(super::is_passing(&error), format!("not extended: {error}"))?;
        }
    }
    Ok(())
}

/// An extension beyond the longest lease is refused, or gives the longest lease.
pub async fn extension_over_the_longest_lease_gives_no_more(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let max = fixture.capabilities().lease_max.unwrap_or_default();
    fixture.send(fixture.message("x")).await?;
    let delivery = fixture.receive().await?;
    let latest = fixture.now() + max + harness.tolerance();
    if let Ok(until) = fixture.extend(&delivery, max + LEASE).await {
        ensure(
            until <= latest,
            format!("extended to {until:?}, after {latest:?}"),
        )?;
    }
    fixture.ack(&delivery).await?;
    fixture.drained().await
}

/// An empty batch of extensions has no effect.
pub async fn empty_extension_does_nothing(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    Ok(fixture.receiver.extend(&mut [], LEASE).await?)
}

/// A handler that runs for more than ten minutes keeps its message, if its lease is extended.
pub async fn long_handler_keeps_its_lease(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    let delivery = fixture.receive().await?;
    let end = fixture.now() + Duration::from_secs(10 * 60);
    while fixture.now() < end {
        fixture.extend(&delivery, LEASE).await?;
        harness.pass(LEASE / 2).await;
        fixture.nothing().await?;
    }
    fixture.ack(&delivery).await?;
    fixture.drained().await
}

/// A receiver tells of lost leases only where a lease was lost before its time.
pub async fn lost_tells_nothing_without_cause(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    let delivery = fixture.receive().await?;
    let mut receipts = Vec::new();
    let told = super::cut(fixture.receiver.lost(&mut receipts), 3).await;
    ensure(told.is_none() && receipts.is_empty(), "a lease was lost")?;
    Ok(fixture.ack(&delivery).await?)
}

async fn wall_clock_changes_no_lease(
    harness: &dyn Harness,
    jump: fn(&dyn crate::WallClock),
) -> Verdict {
    let wall = harness
        .wall_clock()
        .ok_or_else(|| Violation::new("no wall clock"))?;
    let fixture = Fixture::new(harness).await?;
    fixture.send_all(fixture.messages(2)).await?;
    let deliveries = fixture.receive_all(2).await?;
    jump(wall);
    fixture.nothing().await?;
    harness.pass(LATE).await;
    fixture.extend(&deliveries[0], LEASE).await?;
    fixture.nothing().await?;
    fixture.expire(&deliveries[1]).await;
    let again = fixture.receive().await?;
    equal("id", &again.id, &deliveries[1].id)?;
    fixture.ack_all(vec![again, deliveries[0].clone()]).await?;
    fixture.drained().await
}

const HOUR: Duration = Duration::from_secs(3600);

/// A wall clock that jumps an hour ahead ends no lease, and redelivers nothing.
pub async fn wall_clock_ahead_changes_no_lease(harness: &dyn Harness) -> Verdict {
    wall_clock_changes_no_lease(harness, |wall| wall.set_ahead(HOUR)).await
}

/// A wall clock that jumps an hour back keeps no lease alive.
pub async fn wall_clock_behind_changes_no_lease(harness: &dyn Harness) -> Verdict {
    wall_clock_changes_no_lease(harness, |wall| wall.set_behind(HOUR)).await
}
