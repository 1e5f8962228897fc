//! Cases about time on a message: held back, cancelled, out of date.

use std::time::Duration;

use relayhouse_core::{DeadLetter, ErrorKind, port::QueueConfig};

use crate::{
    conformance::{
        Case, Fixture, Need, Verdict, Violation,
        fixture::receive,
        violation::{ensure, equal, fails},
    },
    harness::Harness,
};

const SOURCE: &str = include_str!("schedule.rs");

const SCHEDULES: &[Need] = &[Need::Ability("schedule")];
const CANCELS: &[Need] = &[Need::Ability("schedule"), Need::Ability("schedule_cancel")];
const TTL: &[Need] = &[Need::Ability("ttl")];
const DELAY: Duration = Duration::from_secs(5);

pub(super) const CASES: &[Case] = &[
    case!(scheduled_message_is_held_back_until_due, SCHEDULES),
    case!(message_scheduled_at_a_time_comes_then, SCHEDULES),
    case!(message_scheduled_in_the_past_comes_at_once, SCHEDULES),
    case!(waiting_receive_is_woken_by_a_due_message, SCHEDULES),
    case!(
        scheduled_message_does_not_hold_others_up,
        &[Need::Ability("schedule"), Need::Competing]
    ),
    case!(
        schedule_that_is_not_supported_is_refused,
        &[Need::Lack("schedule")]
    ),
    case!(
        schedule_over_the_limit_is_refused,
        &[Need::Limit("schedule_max")]
    ),
    case!(cancelled_message_never_comes, CANCELS),
    case!(cancel_of_a_due_message_is_refused, CANCELS),
    case!(second_cancel_is_refused, CANCELS),
    case!(
        cancel_that_is_not_supported_is_refused,
        &[Need::Lack("schedule_cancel")]
    ),
    case!(expired_message_is_dropped, TTL),
    case!(message_within_its_ttl_is_delivered, TTL),
    case!(ttl_of_the_queue_holds_for_messages_without, TTL),
    case!(
        expired_message_is_dead_lettered_if_asked,
        &[Need::Ability("ttl"), Need::Ability("dead_letter")]
    ),
    case!(
        ttl_does_not_end_a_lease,
        &[Need::Ability("ttl"), Need::DeliveryLease]
    ),
    case!(ttl_that_is_not_supported_is_refused, &[Need::Lack("ttl")]),
];

/// Checks that a message is held back for about `DELAY` from now on.
async fn comes_when_due(fixture: &Fixture<'_>) -> Verdict {
    let harness = fixture.harness;
    fixture.nothing().await?;
    harness.pass(DELAY - harness.tolerance() * 4).await;
    fixture.nothing().await?;
    harness.pass(harness.tolerance() * 8).await;
    let delivery = fixture.receive().await?;
    equal("attempt", delivery.attempt, 1)?;
    Ok(fixture.ack(&delivery).await?)
}

/// A message with a delay is not delivered before, and is delivered then.
pub async fn scheduled_message_is_held_back_until_due(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("later").delay(DELAY)).await?;
    comes_when_due(&fixture).await
}

/// A message for a wall-clock time is not delivered before, and is delivered then.
pub async fn message_scheduled_at_a_time_comes_then(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let due = harness.clock().wall() + DELAY;
    fixture
        .send(fixture.message("later").not_before(due))
        .await?;
    comes_when_due(&fixture).await
}

/// A message for a time that is past is delivered at once.
pub async fn message_scheduled_in_the_past_comes_at_once(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    harness.pass(DELAY).await;
    let past = harness.clock().wall();
    harness.pass(DELAY).await;
    fixture
        .send(fixture.message("late").not_before(past))
        .await?;
    let start = fixture.now();
    fixture.receive().await?;
    let took = fixture.now().since(start);
    ensure(
        took <= harness.tolerance(),
        format!("it came after {took:?}"),
    )
}

/// A receive that waits is woken when a message is due.
pub async fn waiting_receive_is_woken_by_a_due_message(harness: &dyn Harness) -> Verdict {
    let delay = Duration::from_secs(1);
    let fixture = Fixture::new(harness).await?;
    let start = fixture.now();
    fixture.send(fixture.message("later").delay(delay)).await?;
    fixture.receive().await?;
    let took = fixture.now().since(start);
    let slack = harness.tolerance() * 2;
    ensure(
        delay <= took + slack && took <= delay + slack,
        format!("due after {delay:?}, came after {took:?}"),
    )
}

/// A message that is held back does not hold up those that are not.
pub async fn scheduled_message_does_not_hold_others_up(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("later").delay(DELAY)).await?;
    fixture.send(fixture.message("now")).await?;
    equal("body", &fixture.receive().await?.message.body[..], b"now")
}

/// A target that declares no schedule refuses a message with a delay.
pub async fn schedule_that_is_not_supported_is_refused(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let result = fixture.send(fixture.message("later").delay(DELAY)).await;
    super::unsupported("a delay", result)?;
    fixture.nothing().await
}

/// A delay over the limit is refused, and one of exactly the limit is taken.
pub async fn schedule_over_the_limit_is_refused(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let max = fixture
        .sender
        .capabilities()
        .schedule_max
        .unwrap_or_default();
    let over = fixture.message("x").delay(max + Duration::from_secs(1));
    fails(
        "a delay over the limit",
        fixture.send(over).await,
        ErrorKind::MessageInvalid,
    )?;
    fixture.send(fixture.message("x").delay(max)).await?;
    fixture.nothing().await
}

/// Sends a message with a delay, and returns its number.
async fn scheduled(fixture: &Fixture<'_>) -> Result<u64, Violation> {
    let sent = fixture.send(fixture.message("later").delay(DELAY)).await?;
    let none = || Violation::new("a scheduled message without a sequence number");
    sent.sequence.ok_or_else(none)
}

/// A message that is cancelled while it is held back is never delivered.
pub async fn cancelled_message_never_comes(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let sequence = scheduled(&fixture).await?;
    fixture.send(fixture.message("kept").delay(DELAY)).await?;
    fixture.admin()?.cancel(&fixture.queue, sequence).await?;
    harness.pass(DELAY * 2).await;
    equal("body", &fixture.receive().await?.message.body[..], b"kept")?;
    fixture.nothing().await
}

/// A message that is not held back any more cannot be cancelled, and is delivered.
pub async fn cancel_of_a_due_message_is_refused(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let sequence = scheduled(&fixture).await?;
    harness.pass(DELAY + harness.tolerance()).await;
    let delivery = fixture.receive().await?;
    let result = fixture.admin()?.cancel(&fixture.queue, sequence).await;
    fails("a late cancel", result, ErrorKind::MessageNotFound)?;
    Ok(fixture.ack(&delivery).await?)
}

/// A message that was cancelled cannot be cancelled again.
pub async fn second_cancel_is_refused(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let sequence = scheduled(&fixture).await?;
    let admin = fixture.admin()?;
    admin.cancel(&fixture.queue, sequence).await?;
    let result = admin.cancel(&fixture.queue, sequence).await;
    fails("a second cancel", result, ErrorKind::MessageNotFound).map(drop)
}

/// A target that declares no cancel refuses one.
pub async fn cancel_that_is_not_supported_is_refused(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let Some(admin) = fixture.provider.admin() else {
        return Ok(());
    };
    super::unsupported("a cancel", admin.cancel(&fixture.queue, 1).await)
}

/// A message that was not delivered within its time to live never is.
pub async fn expired_message_is_dropped(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("short").ttl(DELAY)).await?;
    fixture
        .send(fixture.message("long").ttl(DELAY * 10))
        .await?;
    harness.pass(DELAY + harness.tolerance()).await;
    equal("body", &fixture.receive().await?.message.body[..], b"long")?;
    fixture.nothing().await
}

/// A message is delivered as long as its time to live is not over.
pub async fn message_within_its_ttl_is_delivered(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x").ttl(DELAY)).await?;
    harness.pass(DELAY - harness.tolerance() * 4).await;
    let delivery = fixture.receive().await?;
    Ok(fixture.ack(&delivery).await?)
}

/// The queue's time to live holds for messages that set none.
pub async fn ttl_of_the_queue_holds_for_messages_without(harness: &dyn Harness) -> Verdict {
    let config = QueueConfig {
        ttl: Some(DELAY),
        ..QueueConfig::default()
    };
    let fixture = Fixture::with(harness, config).await?;
    fixture.send(fixture.message("x")).await?;
    harness.pass(DELAY + harness.tolerance()).await;
    fixture.nothing().await
}

/// Where the queue says so, a message that was not delivered in time is dead-lettered.
pub async fn expired_message_is_dead_lettered_if_asked(harness: &dyn Harness) -> Verdict {
    let config = QueueConfig {
        dead_letter_expired: true,
        ..QueueConfig::default()
    };
    let fixture = Fixture::with(harness, config).await?;
    fixture.send(fixture.message("short").ttl(DELAY)).await?;
    harness.pass(DELAY + harness.tolerance()).await;
    fixture.nothing().await?;
    let dead = receive(&*fixture.open_at(&fixture.source.dead_letters()).await?).await?;
    let reason = dead
        .envelope
        .map(|envelope| envelope.dead_letter.reason.clone());
    equal("reason", reason, Some(DeadLetter::EXPIRED))
}

/// A message that is leased when its time to live ends can still be acked.
pub async fn ttl_does_not_end_a_lease(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x").ttl(DELAY)).await?;
    let delivery = fixture.receive().await?;
    harness.pass(DELAY + harness.tolerance()).await;
    fixture.ack(&delivery).await?;
    fixture.drained().await
}

/// A target that declares no time to live refuses a message with one.
pub async fn ttl_that_is_not_supported_is_refused(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let result = fixture.send(fixture.message("x").ttl(DELAY)).await;
    super::unsupported("a time to live", result)?;
    fixture.nothing().await
}
