//! Cases about dead letters: a queue that can be read, and the way back.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use relayhouse_core::{
    DeadLetter, Delivery, Envelope, ErrorKind, Fingerprint, Settlement,
    port::{QueueConfig, Receiver, Redrive},
};

use crate::{
    conformance::{
        Case, Fixture, Need, Verdict, Violation,
        fixture::{LEASE, receive, receive_all, settle},
        violation::{ensure, equal},
    },
    harness::Harness,
};

const SOURCE: &str = include_str!("dead_letter.rs");

const DEAD: &[Need] = &[Need::Ability("dead_letter")];
const COUNTED: &[Need] = &[
    Need::Ability("attempts_limit"),
    Need::Ability("dead_letter"),
    Need::Ability("release"),
];
const REDRIVES: &[Need] = &[Need::Ability("redrive"), Need::Ability("dead_letter")];
const ATTEMPTS: u32 = 3;

pub(super) const CASES: &[Case] = &[
    case!(dead_letter_can_be_read_and_settled, DEAD),
    case!(dead_letter_carries_its_envelope, DEAD),
    case!(
        dead_letter_keeps_id_body_and_headers,
        &[Need::Ability("dead_letter"), Need::Ability("headers")]
    ),
    case!(dead_lettered_message_is_not_delivered_again, DEAD),
    case!(
        dead_letter_that_is_not_supported_is_refused,
        &[Need::Lack("dead_letter")]
    ),
    case!(
        released_dead_letter_stays_a_dead_letter,
        &[Need::Ability("dead_letter"), Need::Ability("release")]
    ),
    case!(exhausted_message_is_dead_lettered_with_its_reason, COUNTED),
    case!(message_is_delivered_as_often_as_allowed, COUNTED),
    case!(poison_message_does_not_stop_the_others, COUNTED),
    case!(
        expiries_exhaust_a_message_too,
        &[
            Need::Ability("attempts_limit"),
            Need::Ability("dead_letter"),
            Need::DeliveryLease
        ]
    ),
    case!(
        redrive_sends_back_with_id_and_headers,
        &[Need::Ability("redrive"), Need::Ability("headers")]
    ),
    case!(
        redrive_starts_the_attempts_afresh,
        &[Need::Ability("redrive"), Need::ExactAttempts]
    ),
    case!(
        redrive_keeps_order,
        &[Need::Ability("redrive"), Need::Ability("queue_order")]
    ),
    case!(redrive_stops_at_its_maximum, REDRIVES),
    case!(
        redrive_that_is_not_supported_is_refused,
        &[Need::Lack("redrive")]
    ),
];

fn limited() -> QueueConfig {
    QueueConfig {
        attempts_max: NonZeroU32::new(ATTEMPTS),
        ..QueueConfig::default()
    }
}

async fn dead_letters(fixture: &Fixture<'_>) -> Result<Arc<dyn Receiver>, Violation> {
    Ok(fixture.open_at(&fixture.source.dead_letters()).await?)
}

fn envelope(delivery: &Delivery) -> Result<&Envelope, Violation> {
    let none = || Violation::new("a dead letter without an envelope");
    delivery.envelope.as_deref().ok_or_else(none)
}

/// Sends one message, dead-letters it, and receives it as a dead letter.
async fn one_dead(
    fixture: &Fixture<'_>,
) -> Result<(Delivery, Delivery, Arc<dyn Receiver>), Violation> {
    fixture
        .send(fixture.message("poison").header("tenant", "acme"))
        .await?;
    let live = fixture.receive().await?;
    let settlement = Settlement::dead_letter("poisoned", "order 17 has no customer");
    fixture.settle(&live, settlement).await?;
    let receiver = dead_letters(fixture).await?;
    let dead = receive(&*receiver).await?;
    Ok((live, dead, receiver))
}

/// A dead letter can be received from the dead-letter queue and acked there.
pub async fn dead_letter_can_be_read_and_settled(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let (_, dead, receiver) = one_dead(&fixture).await?;
    settle(&*receiver, &dead, Settlement::Ack).await?;
    harness.pass(LEASE * 2).await;
    fixture.nothing_from(&*receiver).await
}

/// A dead letter tells reason, description, fingerprint, source, attempts and times.
pub async fn dead_letter_carries_its_envelope(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let before = harness.clock().wall();
    let (live, dead, _) = one_dead(&fixture).await?;
    let envelope = envelope(&dead)?;
    let expected = DeadLetter::new("poisoned", "order 17 has no customer");
    equal("dead letter", &envelope.dead_letter, &expected)?;
    ensure(
        expected.fingerprint != Fingerprint::default(),
        "no fingerprint",
    )?;
    equal("source", &envelope.source, &fixture.source)?;
    equal("attempts", envelope.attempts, live.attempt)?;
    equal("enqueued at", envelope.enqueued_at, live.enqueued_at)?;
    let slack = harness.tolerance();
    ensure(
        before <= envelope.dead_lettered_at + slack,
        format!(
            "dead-lettered at {}, before {before}",
            envelope.dead_lettered_at
        ),
    )
}

/// A dead letter has the id, the body and the headers of its message.
pub async fn dead_letter_keeps_id_body_and_headers(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let (live, dead, _) = one_dead(&fixture).await?;
    equal("id", &dead.id, &live.id)?;
    equal("body", &dead.message.body, &live.message.body)?;
    equal(
        "header",
        dead.message.headers().text("tenant"),
        Some("acme"),
    )
}

/// A dead-lettered message is not delivered on its own queue any more.
pub async fn dead_lettered_message_is_not_delivered_again(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    one_dead(&fixture).await?;
    fixture.drained().await
}

/// A target that declares no dead letters refuses one, and keeps the message.
pub async fn dead_letter_that_is_not_supported_is_refused(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    let delivery = fixture.receive().await?;
    let settlement = Settlement::dead_letter("poisoned", "");
    super::unsupported("a dead letter", fixture.settle(&delivery, settlement).await)?;
    Ok(fixture.ack(&delivery).await?)
}

/// A dead letter that is released comes back on the dead-letter queue, with its envelope.
pub async fn released_dead_letter_stays_a_dead_letter(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let (_, dead, receiver) = one_dead(&fixture).await?;
    settle(&*receiver, &dead, super::RELEASE).await?;
    let again = receive(&*receiver).await?;
    equal("id", &again.id, &dead.id)?;
    equal("envelope", envelope(&again)?, envelope(&dead)?)?;
    fixture.nothing().await
}

/// Delivers and releases until nothing comes, and returns how often the message came.
async fn exhaust(fixture: &Fixture<'_>) -> Result<u32, Violation> {
    let mut deliveries = 0;
    for _ in 0..ATTEMPTS {
        let delivery = fixture.receive().await?;
        deliveries += 1;
        fixture.settle(&delivery, super::RELEASE).await?;
    }
    Ok(deliveries)
}

/// A message whose deliveries are used up is dead-lettered by the target, at the next look at its
/// queue at the latest, which says so.
pub async fn exhausted_message_is_dead_lettered_with_its_reason(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::with(harness, limited()).await?;
    fixture.send(fixture.message("poison")).await?;
    exhaust(&fixture).await?;
    fixture.nothing().await?;
    let dead = receive(&*dead_letters(&fixture).await?).await?;
    let envelope = envelope(&dead)?;
    equal(
        "reason",
        &envelope.dead_letter.reason,
        &DeadLetter::ATTEMPTS_EXHAUSTED,
    )?;
    equal("attempts", envelope.attempts, ATTEMPTS)
}

/// A message is delivered exactly as often as the queue allows, and not once more.
pub async fn message_is_delivered_as_often_as_allowed(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::with(harness, limited()).await?;
    fixture.send(fixture.message("poison")).await?;
    equal("deliveries", exhaust(&fixture).await?, ATTEMPTS)?;
    fixture.drained().await
}

/// A message that fails until it is dead-lettered stops none of the others.
pub async fn poison_message_does_not_stop_the_others(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::with(harness, limited()).await?;
    let mut messages = fixture.messages(6);
    messages[2] = fixture.message("poison");
    fixture.send_all(messages).await?;
    let mut acked = 0;
    while acked < 5 {
        let delivery = fixture.receive().await?;
        if delivery.message.body == "poison" {
            fixture.settle(&delivery, super::RELEASE).await?;
        } else {
            fixture.ack(&delivery).await?;
            acked += 1;
        }
    }
    Ok(())
}

/// Expired leases use deliveries up as releases do.
pub async fn expiries_exhaust_a_message_too(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::with(harness, limited()).await?;
    fixture.send(fixture.message("poison")).await?;
    for _ in 0..ATTEMPTS {
        let delivery = fixture.receive().await?;
        fixture.expire(&delivery).await;
    }
    fixture.nothing().await?;
    let dead = receive(&*dead_letters(&fixture).await?).await?;
    equal(
        "reason",
        &envelope(&dead)?.dead_letter.reason,
        &DeadLetter::ATTEMPTS_EXHAUSTED,
    )
}

/// A dead letter sent back has the id, the body and the headers it was first sent with.
pub async fn redrive_sends_back_with_id_and_headers(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let (live, dead, receiver) = one_dead(&fixture).await?;
    settle(&*receiver, &dead, super::RELEASE).await?;
    let redriven = fixture
        .admin()?
        .redrive(&fixture.source, &Redrive::default())
        .await?;
    equal("redriven", redriven, 1)?;
    let again = fixture.receive().await?;
    equal("id", &again.id, &live.id)?;
    equal("message", &again.message, &live.message)?;
    ensure(again.envelope.is_none(), "it still has its envelope")?;
    fixture.nothing_from(&*receiver).await
}

/// A dead letter sent back is delivered with attempt 1.
pub async fn redrive_starts_the_attempts_afresh(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::with(harness, limited()).await?;
    fixture.send(fixture.message("poison")).await?;
    exhaust(&fixture).await?;
    let redriven = fixture
        .admin()?
        .redrive(&fixture.source, &Redrive::default())
        .await?;
    equal("redriven", redriven, 1)?;
    equal("attempt", fixture.receive().await?.attempt, 1)
}

async fn dead_letter_all(fixture: &Fixture<'_>, count: usize) -> Verdict {
    fixture.send_all(fixture.messages(count)).await?;
    let deliveries = fixture.receive_all(count).await?;
    let settlement = Settlement::dead_letter("poisoned", "all of them");
    let results = fixture.settle_all(deliveries, &settlement).await;
    Ok(results.into_iter().collect::<Result<(), _>>()?)
}

/// Dead letters go back in the order in which they came.
pub async fn redrive_keeps_order(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    dead_letter_all(&fixture, 5).await?;
    fixture
        .admin()?
        .redrive(&fixture.source, &Redrive::default())
        .await?;
    for (index, delivery) in fixture.receive_all(5).await?.iter().enumerate() {
        equal(
            "body",
            &delivery.message.body[..],
            index.to_string().as_bytes(),
        )?;
    }
    Ok(())
}

/// A redrive sends back no more dead letters than it was asked to.
pub async fn redrive_stops_at_its_maximum(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    dead_letter_all(&fixture, 3).await?;
    let two = Redrive {
        max: NonZeroU32::new(2),
    };
    equal(
        "redriven",
        fixture.admin()?.redrive(&fixture.source, &two).await?,
        2,
    )?;
    fixture.receive_all(2).await?;
    fixture.nothing().await?;
    harness.pass(Duration::from_secs(1)).await;
    receive_all(&*dead_letters(&fixture).await?, 1).await?;
    Ok(())
}

/// A target that declares no redrive refuses one.
pub async fn redrive_that_is_not_supported_is_refused(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let Some(admin) = fixture.provider.admin() else {
        return Ok(());
    };
    let result = admin.redrive(&fixture.source, &Redrive::default()).await;
    let kinds = [ErrorKind::Unsupported];
    crate::conformance::violation::fails_with_any("a redrive", result, &kinds).map(drop)
}
