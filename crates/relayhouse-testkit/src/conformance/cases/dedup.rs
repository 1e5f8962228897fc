//! Cases about dedup ids: one message for each id within a window.

use std::time::Duration;

use relayhouse_core::{DedupScope, Message, port::QueueConfig};

use crate::{
    conformance::{
        Case, Fixture, Need, Verdict, Violation,
        violation::{ensure, equal},
    },
    harness::Harness,
};

const SOURCE: &str = include_str!("dedup.rs");

const DEDUP: &[Need] = &[Need::Ability("dedup")];

pub(super) const CASES: &[Case] = &[
    case!(known_dedup_id_is_dropped, DEDUP),
    case!(
        answer_tells_of_a_known_dedup_id,
        &[Need::Ability("dedup_answer")]
    ),
    case!(known_dedup_id_in_one_batch_is_dropped, DEDUP),
    case!(dedup_outlives_the_ack, DEDUP),
    case!(
        dedup_ends_with_its_window,
        &[Need::Ability("dedup"), Need::LimitIfAny("dedup_window")]
    ),
    case!(other_dedup_ids_are_delivered, DEDUP),
    case!(
        dedup_id_that_is_not_supported_changes_nothing,
        &[Need::Lack("dedup")]
    ),
];

fn window(fixture: &Fixture<'_>) -> Duration {
    fixture.capabilities().dedup_window.unwrap_or(WINDOW)
}

const WINDOW: Duration = Duration::from_secs(60);

async fn deduplicating(harness: &dyn Harness) -> Result<Fixture<'_>, Violation> {
    let provider = harness.provider().await?;
    let window = harness.capabilities(&*provider).dedup_window;
    let window = window.unwrap_or(WINDOW);
    let config = QueueConfig {
        dedup_window: Some(window),
        ..QueueConfig::default()
    };
    Ok(Fixture::with(harness, config).await?)
}

fn with_id(fixture: &Fixture<'_>, body: &'static str) -> Message {
    keyed(fixture, body).dedup_id("payment-7")
}

/// Makes a message that a dedup id is looked for among: of one key, where that matters.
fn keyed(fixture: &Fixture<'_>, body: &'static str) -> Message {
    let message = fixture.message(body);
    match fixture.capabilities().dedup_scope {
        DedupScope::Queue => message,
        DedupScope::Key => message.ordering_key("customer-7"),
    }
}

/// The answer to a send whose dedup id is known says that the message was dropped.
pub async fn answer_tells_of_a_known_dedup_id(harness: &dyn Harness) -> Verdict {
    let fixture = deduplicating(harness).await?;
    let first = fixture.send(with_id(&fixture, "first")).await?;
    let second = fixture.send(with_id(&fixture, "second")).await?;
    ensure(!first.deduplicated, "the first was dropped")?;
    ensure(
        second.deduplicated,
        "the answer does not tell that it was dropped",
    )
}

/// A message whose dedup id is known is dropped.
pub async fn known_dedup_id_is_dropped(harness: &dyn Harness) -> Verdict {
    let fixture = deduplicating(harness).await?;
    let first = fixture.send(with_id(&fixture, "first")).await?;
    ensure(!first.deduplicated, "the first was dropped")?;
    fixture.send(with_id(&fixture, "second")).await?;
    equal("body", &fixture.receive().await?.message.body[..], b"first")?;
    fixture.nothing().await
}

/// Of two messages with the same dedup id in one batch, the first is delivered.
pub async fn known_dedup_id_in_one_batch_is_dropped(harness: &dyn Harness) -> Verdict {
    let fixture = deduplicating(harness).await?;
    let batch = vec![
        with_id(&fixture, "first"),
        fixture.message("other").dedup_id("payment-8"),
        with_id(&fixture, "second"),
    ];
    fixture.send_all(batch).await?;
    let deliveries = fixture.receive_all(2).await?;
    ensure(
        deliveries.iter().all(|it| it.message.body != "second"),
        "the second was delivered",
    )?;
    fixture.nothing().await
}

/// A dedup id stays known after its message was acked.
pub async fn dedup_outlives_the_ack(harness: &dyn Harness) -> Verdict {
    let fixture = deduplicating(harness).await?;
    fixture.send(with_id(&fixture, "first")).await?;
    let delivery = fixture.receive().await?;
    fixture.ack(&delivery).await?;
    fixture.send(with_id(&fixture, "second")).await?;
    fixture.nothing().await
}

/// A dedup id is forgotten when its window ends.
pub async fn dedup_ends_with_its_window(harness: &dyn Harness) -> Verdict {
    let fixture = deduplicating(harness).await?;
    fixture.send(with_id(&fixture, "first")).await?;
    let delivery = fixture.receive().await?;
    fixture.ack(&delivery).await?;
    harness.pass(window(&fixture) + harness.tolerance()).await;
    fixture.send(with_id(&fixture, "second")).await?;
    equal(
        "body",
        &fixture.receive().await?.message.body[..],
        b"second",
    )
}

/// Messages with other dedup ids, or without one, are delivered.
pub async fn other_dedup_ids_are_delivered(harness: &dyn Harness) -> Verdict {
    let fixture = deduplicating(harness).await?;
    fixture.send(with_id(&fixture, "same")).await?;
    fixture
        .send(fixture.message("same").dedup_id("payment-8"))
        .await?;
    fixture.send(fixture.message("same")).await?;
    fixture.send(fixture.message("same")).await?;
    let deliveries = fixture.receive_all(4).await?;
    Ok(fixture.ack_all(deliveries).await?)
}

/// A target that declares no dedup delivers every message, or refuses a dedup id.
pub async fn dedup_id_that_is_not_supported_changes_nothing(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    if let Err(error) = fixture.send(with_id(&fixture, "first")).await {
        return super::unsupported::<()>("a dedup id", Err(error));
    }
    fixture.send(with_id(&fixture, "second")).await?;
    let deliveries = fixture.receive_all(2).await?;
    Ok(fixture.ack_all(deliveries).await?)
}
