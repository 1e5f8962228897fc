//! Cases about administration: looking, counting, emptying, creating and deleting.

use std::{num::NonZeroU32, time::Duration};

use relayhouse_core::{Entity, ErrorKind, Retry, Settlement, port::QueueConfig};

use crate::{
    conformance::{
        Case, Fixture, Need, Outlet, Verdict,
        fixture::LEASE,
        violation::{ensure, equal, fails_with_any},
    },
    harness::Harness,
};

const SOURCE: &str = include_str!("admin.rs");

const PEEKS: &[Need] = &[Need::Ability("peek")];
const COUNTS: &[Need] = &[Need::Ability("stats")];

pub(super) const CASES: &[Case] = &[
    case!(peek_shows_without_taking, PEEKS),
    case!(peek_starts_where_it_is_told, PEEKS),
    case!(peeked_delivery_cannot_be_settled, PEEKS),
    case!(peek_that_is_not_supported_is_refused, &[Need::Lack("peek")]),
    case!(
        stats_count_each_state,
        &[
            Need::Ability("stats"),
            Need::Ability("schedule"),
            Need::Ability("dead_letter")
        ]
    ),
    case!(stats_of_an_empty_queue_are_zero, COUNTS),
    case!(
        stats_tell_the_age_of_the_oldest,
        &[Need::Ability("stats"), Need::Ages]
    ),
    case!(
        stats_that_are_not_supported_are_refused,
        &[Need::Lack("stats")]
    ),
    case!(purge_empties_the_queue, &[Need::Ability("purge")]),
    case!(
        purge_leaves_leased_messages,
        &[Need::Ability("purge"), Need::DeliveryLease]
    ),
    case!(
        purge_that_is_not_supported_is_refused,
        &[Need::Lack("purge")]
    ),
    case!(creating_twice_changes_nothing, &[Need::Ability("create")]),
    case!(deleted_queue_has_no_messages, &[Need::Ability("create")]),
    case!(created_queue_is_listed, &[Need::Ability("create")]),
    case!(
        create_that_is_not_supported_is_refused,
        &[Need::Lack("create")]
    ),
    case!(settings_tell_the_real_lease, &[]),
];

const TEN: NonZeroU32 = NonZeroU32::new(10).unwrap();

/// Peeking shows messages, oldest first, and changes nothing about them.
pub async fn peek_shows_without_taking(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send_all(fixture.messages(3)).await?;
    let admin = fixture.admin()?;
    for _ in 0..2 {
        let shown = admin.peek(&fixture.source, 0, TEN).await?;
        equal("shown", shown.len(), 3)?;
        let sequences: Vec<_> = shown.iter().map(|it| it.sequence).collect();
        ensure(
            sequences.is_sorted(),
            format!("not oldest first: {sequences:?}"),
        )?;
    }
    let deliveries = fixture.receive_all(3).await?;
    ensure(
        deliveries.iter().all(|it| it.attempt <= 1),
        "peeking counted as a delivery",
    )?;
    Ok(fixture.ack_all(deliveries).await?)
}

/// Peeking starts at the sequence number it is given, and stops at its maximum.
pub async fn peek_starts_where_it_is_told(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send_all(fixture.messages(5)).await?;
    let admin = fixture.admin()?;
    let all = admin.peek(&fixture.source, 0, TEN).await?;
    let from = all.get(2).and_then(|it| it.sequence).unwrap_or_default();
    let two = NonZeroU32::new(2).unwrap_or(NonZeroU32::MIN);
    let shown = admin.peek(&fixture.source, from, two).await?;
    let bodies: Vec<_> = shown.iter().map(|it| it.message.body.clone()).collect();
    equal("shown", bodies, vec!["2".into(), "3".into()])
}

/// What was peeked at cannot be settled.
pub async fn peeked_delivery_cannot_be_settled(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    for delivery in fixture.admin()?.peek(&fixture.source, 0, TEN).await? {
        let kinds = [ErrorKind::LeaseLost];
        fails_with_any("an ack of it", fixture.ack(&delivery).await, &kinds)?;
    }
    let delivery = fixture.receive().await?;
    Ok(fixture.ack(&delivery).await?)
}

/// A target that declares no peek refuses one.
pub async fn peek_that_is_not_supported_is_refused(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let Some(admin) = fixture.provider.admin() else {
        return Ok(());
    };
    super::unsupported("a peek", admin.peek(&fixture.source, 0, TEN).await)
}

/// Messages that are ready, leased, delayed and dead are counted apart.
pub async fn stats_count_each_state(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send_all(fixture.messages(6)).await?;
    if harness.tells_bytes() {
        let bytes = fixture.stats().await?.bytes.unwrap_or_default();
        ensure(5 < bytes, format!("bytes: {bytes}"))?;
    }
    let delivery = fixture.receive().await?;
    fixture
        .settle(&delivery, Settlement::dead_letter("poisoned", ""))
        .await?;
    let leased = fixture.receive_all(2).await?;
    fixture
        .send(fixture.message("later").delay(LEASE * 10))
        .await?;
    let stats = fixture.stats().await?;
    let counts = (stats.ready, stats.leased);
    ensure(
        counts == (3, Some(2)) || counts == (5, None),
        format!("of 3 ready and 2 leased messages, {counts:?} are told"),
    )?;
    equal("delayed", stats.delayed, 1)?;
    equal("dead", stats.dead, 1)?;
    fixture.ack_all(leased).await?;
    equal("left after the ack", fixture.stats().await?.live(), 4)
}

/// Nothing is counted of an empty queue.
pub async fn stats_of_an_empty_queue_are_zero(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    let delivery = fixture.receive().await?;
    fixture.ack(&delivery).await?;
    let stats = fixture.stats().await?;
    let nothing = relayhouse_core::port::Stats {
        // Who cannot tell says nothing, and not that there are none.
        bytes: harness.tells_bytes().then_some(0),
        leased: stats.leased.map(|_| 0),
        is_approximate: stats.is_approximate,
        cost: stats.cost,
        ..Default::default()
    };
    equal("stats", stats, nothing)
}

/// The age of the oldest message that is ready grows with time.
pub async fn stats_tell_the_age_of_the_oldest(harness: &dyn Harness) -> Verdict {
    let age = Duration::from_secs(7);
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("old")).await?;
    harness.pass(age).await;
    fixture.send(fixture.message("new")).await?;
    let told = fixture.stats().await?.oldest_age.unwrap_or_default();
    let slack = harness.tolerance();
    ensure(
        age <= told + slack && told <= age + slack,
        format!("the oldest is {age:?} old, told {told:?}"),
    )
}

/// A target that declares no stats refuses to count.
pub async fn stats_that_are_not_supported_are_refused(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let Some(admin) = fixture.provider.admin() else {
        return Ok(());
    };
    super::unsupported("counting", admin.stats(&fixture.source).await)
}

/// A purge removes what can be received, and tells how many.
pub async fn purge_empties_the_queue(harness: &dyn Harness) -> Verdict {
    let outlet = Outlet::new(harness, QueueConfig::default()).await?;
    for message in outlet.messages(5) {
        outlet.send(message).await?;
    }
    equal("purged", outlet.admin()?.purge(&outlet.source).await?, 5)?;
    let receiver = outlet.open_at(&outlet.source).await?;
    outlet.nothing_from(&*receiver).await?;
    outlet.send(outlet.message("after")).await?;
    let delivery = crate::conformance::fixture::receive(&*receiver).await?;
    equal("body", &delivery.message.body[..], b"after")
}

/// A purge leaves messages alone that somebody has leased.
pub async fn purge_leaves_leased_messages(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send_all(fixture.messages(2)).await?;
    let leased = fixture.receive().await?;
    equal("purged", fixture.admin()?.purge(&fixture.source).await?, 1)?;
    fixture.ack(&leased).await?;
    fixture.drained().await
}

/// A target that declares no purge refuses one.
pub async fn purge_that_is_not_supported_is_refused(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let Some(admin) = fixture.provider.admin() else {
        return Ok(());
    };
    super::unsupported("a purge", admin.purge(&fixture.source).await)
}

/// Creating a queue that is there with the same configuration changes nothing.
pub async fn creating_twice_changes_nothing(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let admin = fixture.admin()?;
    let provider = harness.provider().await?;
    drop(provider);
    let config = harness.fit(QueueConfig {
        lease: Some(LEASE),
        ..QueueConfig::default()
    });
    let queue = harness.queue(&*fixture.provider, &config).await?;
    let entity = Entity::Queue(queue.clone());
    let sender = fixture.provider.sender(&queue).await?;
    let mut batch = [relayhouse_core::Sending::new(fixture.message("kept"))];
    sender.send(&mut batch).await?;
    admin.create(&entity, &config).await?;
    let source = relayhouse_core::Source::queue(queue);
    let receiver = fixture.open_at(&source).await?;
    let delivery = crate::conformance::fixture::receive(&*receiver).await?;
    equal("body", &delivery.message.body[..], b"kept")
}

/// A queue that is deleted and created again, after as long as the target asks for, is empty.
pub async fn deleted_queue_has_no_messages(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("gone")).await?;
    let admin = fixture.admin()?;
    admin.delete(&fixture.source.entity).await?;
    let config = harness.fit(QueueConfig {
        lease: Some(LEASE),
        ..QueueConfig::default()
    });
    if let Err(error) = admin.create(&fixture.source.entity, &config).await {
        let Retry::After(time) = error.retry_hint() else {
            return Err(error.into());
        };
        harness.pass(time).await;
        admin.create(&fixture.source.entity, &config).await?;
    }
    let receiver = fixture.open().await?;
    fixture.nothing_from(&*receiver).await
}

/// A queue that was created is in the list.
pub async fn created_queue_is_listed(harness: &dyn Harness) -> Verdict {
    const PAGES_MAX: usize = 1_000;
    let fixture = Fixture::new(harness).await?;
    let admin = fixture.admin()?;
    let mut next: Option<String> = None;
    for _ in 0..PAGES_MAX {
        let page = admin.list(next.as_deref()).await?;
        if page.entities.contains(&fixture.source.entity) {
            return Ok(());
        }
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    Err(crate::conformance::Violation::new(
        "the queue is not listed",
    ))
}

/// A target that declares no creating refuses it.
pub async fn create_that_is_not_supported_is_refused(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let Some(admin) = fixture.provider.admin() else {
        return Ok(());
    };
    let result = admin
        .create(&fixture.source.entity, &QueueConfig::default())
        .await;
    super::unsupported("creating", result)
}

/// The settings that can be read are those of the queue.
pub async fn settings_tell_the_real_lease(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let settings = fixture.receiver.settings().await?;
    if let Some(lease) = settings.lease {
        equal("lease", lease, LEASE)?;
    }
    Ok(())
}
