//! Cases about order: of a whole queue, and within an ordering key.

use std::{collections::BTreeMap, time::Duration};

use relayhouse_core::{Delivery, Message, Settlement};

use crate::{
    conformance::{
        Case, Fixture, Need, Verdict,
        violation::{ensure, equal},
    },
    harness::Harness,
};

const SOURCE: &str = include_str!("order.rs");

const QUEUE: &[Need] = &[Need::Ability("queue_order")];
const KEYS: &[Need] = &[Need::Ability("key_order"), Need::Competing];

pub(super) const CASES: &[Case] = &[
    case!(queue_keeps_send_order, QUEUE),
    case!(key_keeps_send_order, KEYS),
    case!(leased_key_is_closed_to_other_receives, KEYS),
    case!(
        released_message_comes_before_its_successors,
        &[
            Need::Ability("key_order"),
            Need::Competing,
            Need::Ability("release")
        ]
    ),
    case!(
        expired_message_comes_before_its_successors,
        &[Need::Ability("key_order"), Need::DeliveryLease]
    ),
    case!(
        delayed_message_holds_its_key_and_no_other,
        &[
            Need::Ability("key_order"),
            Need::Competing,
            Need::Ability("release_delay")
        ]
    ),
    case!(
        dead_lettered_message_frees_its_key,
        &[
            Need::Ability("key_order"),
            Need::Competing,
            Need::Ability("dead_letter")
        ]
    ),
    case!(stuck_key_does_not_hold_others_up, KEYS),
    case!(many_keys_keep_their_orders, KEYS),
];

fn keyed(fixture: &Fixture<'_>, key: &'static str, number: usize) -> Message {
    fixture.message(format!("{key}{number}")).ordering_key(key)
}

fn body(delivery: &Delivery) -> &[u8] {
    &delivery.message.body
}

/// A queue with one receiver delivers in the order of the sends.
pub async fn queue_keeps_send_order(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send_each(fixture.messages(20)).await?;
    for number in 0..20 {
        let delivery = fixture.receive().await?;
        equal("body", body(&delivery), number.to_string().as_bytes())?;
        fixture.ack(&delivery).await?;
    }
    Ok(())
}

/// Messages of one key are delivered in the order of their sends.
pub async fn key_keeps_send_order(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let messages = (0..20).map(|number| keyed(&fixture, "a", number)).collect();
    fixture.send_each(messages).await?;
    for number in 0..20 {
        let delivery = fixture.receive().await?;
        equal("body", body(&delivery), format!("a{number}").as_bytes())?;
        fixture.ack(&delivery).await?;
    }
    Ok(())
}

/// While a message of a key is leased, no other receive brings a later one of it.
pub async fn leased_key_is_closed_to_other_receives(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let other = fixture.open().await?;
    fixture
        .send_each(vec![keyed(&fixture, "a", 0), keyed(&fixture, "a", 1)])
        .await?;
    let first = fixture.receive().await?;
    equal("body", body(&first), b"a0")?;
    fixture.nothing().await?;
    fixture.nothing_from(&*other).await?;
    fixture.ack(&first).await?;
    equal("body", body(&fixture.receive().await?), b"a1")
}

/// A message that was released comes again before the later ones of its key.
pub async fn released_message_comes_before_its_successors(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let messages = (0..3).map(|number| keyed(&fixture, "a", number)).collect();
    fixture.send_each(messages).await?;
    let first = fixture.receive().await?;
    fixture.settle(&first, super::RELEASE).await?;
    for expected in [b"a0", b"a1", b"a2"] {
        let delivery = fixture.receive().await?;
        equal("body", body(&delivery), expected)?;
        fixture.ack(&delivery).await?;
    }
    Ok(())
}

/// A message whose lease ended comes again before the later ones of its key.
pub async fn expired_message_comes_before_its_successors(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let messages = (0..3).map(|number| keyed(&fixture, "a", number)).collect();
    fixture.send_each(messages).await?;
    let first = fixture.receive().await?;
    fixture.expire(&first).await;
    for expected in [b"a0", b"a1", b"a2"] {
        let delivery = fixture.receive().await?;
        equal("body", body(&delivery), expected)?;
        fixture.ack(&delivery).await?;
    }
    Ok(())
}

/// While a message is away after a delayed release, its key waits, and other keys go on.
pub async fn delayed_message_holds_its_key_and_no_other(harness: &dyn Harness) -> Verdict {
    let delay = Duration::from_secs(5);
    let fixture = Fixture::new(harness).await?;
    fixture
        .send_each(vec![keyed(&fixture, "a", 0), keyed(&fixture, "a", 1)])
        .await?;
    let first = fixture.receive().await?;
    fixture
        .settle(&first, Settlement::Release { delay })
        .await?;
    fixture.send(keyed(&fixture, "b", 0)).await?;
    let other = fixture.receive().await?;
    equal("body", body(&other), b"b0")?;
    fixture.ack(&other).await?;
    fixture.nothing().await?;
    harness.pass(delay + harness.tolerance()).await;
    equal("body", body(&fixture.receive().await?), b"a0")
}

/// When a message is dead-lettered, the next one of its key is delivered.
pub async fn dead_lettered_message_frees_its_key(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture
        .send_each(vec![keyed(&fixture, "a", 0), keyed(&fixture, "a", 1)])
        .await?;
    let first = fixture.receive().await?;
    fixture
        .settle(&first, Settlement::dead_letter("poisoned", ""))
        .await?;
    equal("body", body(&fixture.receive().await?), b"a1")
}

/// A key whose message is leased for long does not hold up the others.
pub async fn stuck_key_does_not_hold_others_up(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture
        .send_each(vec![keyed(&fixture, "a", 0), keyed(&fixture, "a", 1)])
        .await?;
    let stuck = fixture.receive().await?;
    for number in 0..10 {
        fixture.send(keyed(&fixture, "b", number)).await?;
        let delivery = fixture.receive().await?;
        equal("body", body(&delivery), format!("b{number}").as_bytes())?;
        fixture.ack(&delivery).await?;
    }
    Ok(fixture.ack(&stuck).await?)
}

/// Each of many keys keeps its order while receives bring several at a time.
pub async fn many_keys_keep_their_orders(harness: &dyn Harness) -> Verdict {
    const KEYS: [&str; 5] = ["a", "b", "c", "d", "e"];
    let fixture = Fixture::new(harness).await?;
    let messages = (0..100).map(|index| keyed(&fixture, KEYS[index % 5], index / 5));
    fixture.send_each(messages.collect()).await?;
    let mut next: BTreeMap<String, usize> = BTreeMap::new();
    for _ in 0..100 {
        let delivery = fixture.receive().await?;
        let key = delivery
            .message
            .details()
            .ordering_key
            .clone()
            .unwrap_or_default();
        let number = next.entry(key.to_string()).or_default();
        let expected = format!("{key}{number}");
        ensure(
            body(&delivery) == expected.as_bytes(),
            format!("expected {expected}, got {:?}", delivery.message.body),
        )?;
        *number += 1;
        fixture.ack(&delivery).await?;
    }
    Ok(())
}
