//! Cases about releasing: at once, with a delay, and what it counts.

use std::time::Duration;

use relayhouse_core::{ErrorKind, Previous, Settlement};

use crate::{
    conformance::{
        Case, Fixture, Need, Verdict,
        fixture::LEASE,
        violation::{ensure, equal, fails_with_any},
    },
    harness::Harness,
};

const SOURCE: &str = include_str!("release.rs");

const RELEASES: &[Need] = &[Need::Ability("release")];
const DELAYS: &[Need] = &[Need::Ability("release_delay")];

pub(super) const CASES: &[Case] = &[
    case!(released_message_returns, RELEASES),
    case!(released_message_is_there_at_once, RELEASES),
    case!(
        release_that_is_not_supported_is_refused,
        &[Need::Lack("release")]
    ),
    case!(
        release_counts_as_an_attempt,
        &[Need::Ability("release"), Need::ExactAttempts]
    ),
    case!(
        attempts_are_exact_over_mixed_endings,
        &[
            Need::Ability("release_delay"),
            Need::DeliveryLease,
            Need::ExactAttempts
        ]
    ),
    case!(delay_of_a_release_is_honoured, DELAYS),
    case!(waiting_receive_is_woken_by_the_end_of_a_delay, DELAYS),
    case!(delayed_release_outlives_the_lease, DELAYS),
    case!(
        delay_that_is_not_supported_is_refused,
        &[Need::Ability("release"), Need::Lack("release_delay")]
    ),
    case!(
        delay_over_the_limit_is_refused_and_keeps_the_message,
        &[Need::Limit("release_delay_max")]
    ),
    case!(
        released_message_does_not_hold_others_up,
        &[Need::Ability("release_delay"), Need::Competing]
    ),
];

const fn release_after(delay: Duration) -> Settlement {
    Settlement::Release { delay }
}

/// A message released with no delay is delivered again, with a higher attempt.
pub async fn released_message_returns(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    let first = fixture.receive().await?;
    fixture.settle(&first, super::RELEASE).await?;
    let second = fixture.receive().await?;
    equal("id", &second.id, &first.id)?;
    ensure(
        second.receipt != first.receipt,
        "the receipt is the old one",
    )?;
    Ok(fixture.ack(&second).await?)
}

/// A message released with no delay can be received at once, before its lease would have ended.
pub async fn released_message_is_there_at_once(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    let first = fixture.receive().await?;
    fixture.settle(&first, super::RELEASE).await?;
    let released = fixture.now();
    let second = fixture.receive().await?;
    let took = fixture.now().since(released);
    ensure(
        took <= harness.tolerance(),
        format!("it came after {took:?}"),
    )?;
    Ok(fixture.ack(&second).await?)
}

/// A target that declares no release refuses one, and keeps the message.
pub async fn release_that_is_not_supported_is_refused(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    let delivery = fixture.receive().await?;
    super::unsupported("a release", fixture.settle(&delivery, super::RELEASE).await)?;
    Ok(fixture.ack(&delivery).await?)
}

/// A release counts as a delivery, and the next delivery tells of it.
pub async fn release_counts_as_an_attempt(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    for attempt in 1..=4 {
        let delivery = fixture.receive().await?;
        equal("attempt", delivery.attempt, attempt)?;
        let expected = if attempt == 1 {
            Previous::None
        } else {
            Previous::Released
        };
        ensure(
            [expected, Previous::Unknown].contains(&delivery.previous),
            format!(
                "after a release, the one before was {:?}",
                delivery.previous
            ),
        )?;
        fixture.settle(&delivery, super::RELEASE).await?;
    }
    Ok(())
}

/// Releases, delayed releases and expiries each count one, in any order.
pub async fn attempts_are_exact_over_mixed_endings(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    for attempt in 1..=9 {
        let delivery = fixture.receive().await?;
        equal("attempt", delivery.attempt, attempt)?;
        match attempt % 3 {
            0 => fixture.expire(&delivery).await,
            1 => fixture.settle(&delivery, super::RELEASE).await?,
            _ => {
                let delay = Duration::from_secs(3);
                fixture.settle(&delivery, release_after(delay)).await?;
                harness.pass(delay).await;
            }
        }
    }
    Ok(())
}

/// A message released with a delay is away for as long, and then comes back.
pub async fn delay_of_a_release_is_honoured(harness: &dyn Harness) -> Verdict {
    let delay = Duration::from_secs(5);
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    let first = fixture.receive().await?;
    fixture.settle(&first, release_after(delay)).await?;
    fixture.nothing().await?;
    harness.pass(delay - harness.tolerance() * 4).await;
    fixture.nothing().await?;
    harness.pass(harness.tolerance() * 8).await;
    let second = fixture.receive().await?;
    equal("id", &second.id, &first.id)?;
    Ok(fixture.ack(&second).await?)
}

/// A receive that waits is woken when a delay ends.
pub async fn waiting_receive_is_woken_by_the_end_of_a_delay(harness: &dyn Harness) -> Verdict {
    let delay = Duration::from_secs(1);
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    let first = fixture.receive().await?;
    fixture.settle(&first, release_after(delay)).await?;
    let released = fixture.now();
    fixture.receive().await?;
    let took = fixture.now().since(released);
    let slack = harness.tolerance() * 2;
    ensure(
        delay <= took + slack && took <= delay + slack,
        format!("released for {delay:?}, it came after {took:?}"),
    )
}

/// A delay longer than the lease is kept whole.
pub async fn delayed_release_outlives_the_lease(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    let first = fixture.receive().await?;
    fixture.settle(&first, release_after(LEASE * 3)).await?;
    harness.pass(LEASE * 2).await;
    fixture.nothing().await?;
    harness.pass(LEASE + harness.tolerance()).await;
    let second = fixture.receive().await?;
    Ok(fixture.ack(&second).await?)
}

/// A target that declares no delayed release refuses one, and keeps the message leased.
pub async fn delay_that_is_not_supported_is_refused(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    let delivery = fixture.receive().await?;
    let settlement = release_after(Duration::from_secs(3));
    super::unsupported(
        "a delayed release",
        fixture.settle(&delivery, settlement).await,
    )?;
    Ok(fixture.ack(&delivery).await?)
}

/// A delay over the target's limit is refused, and the message stays with its holder.
pub async fn delay_over_the_limit_is_refused_and_keeps_the_message(
    harness: &dyn Harness,
) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let max = fixture.capabilities().release_delay_max.unwrap_or_default();
    fixture.send(fixture.message("x")).await?;
    let delivery = fixture.receive().await?;
    let settlement = release_after(max + Duration::from_secs(1));
    let result = fixture.settle(&delivery, settlement).await;
    let kinds = [ErrorKind::MessageInvalid, ErrorKind::Unsupported];
    fails_with_any("a delay over the limit", result, &kinds)?;
    Ok(fixture.ack(&delivery).await?)
}

/// A message that stays away does not hold up those that are ready.
pub async fn released_message_does_not_hold_others_up(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("away")).await?;
    let away = fixture.receive().await?;
    fixture.settle(&away, release_after(LEASE)).await?;
    let ready = fixture.message("ready").ordering_key("another");
    fixture.send(ready).await?;
    let next = fixture.receive().await?;
    equal("body", &next.message.body[..], b"ready")?;
    Ok(fixture.ack(&next).await?)
}
