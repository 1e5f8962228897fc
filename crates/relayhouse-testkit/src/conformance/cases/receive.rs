//! Cases about receiving: waiting, waking, bounds and competition.

use std::{
    num::{NonZeroU32, NonZeroU64},
    time::Duration,
};

use futures_util::future::{join, join_all};
use relayhouse_core::port::ReceiveRequest;

use crate::{
    conformance::{
        Case, Fixture, Need, Verdict,
        fixture::{PATIENCE, receive, receive_all},
        violation::{Violation, ensure, equal},
    },
    harness::Harness,
};

const SOURCE: &str = include_str!("receive.rs");

pub(super) const CASES: &[Case] = &[
    case!(empty_receive_ends_at_its_wait, &[]),
    case!(receive_without_wait_looks_once, &[]),
    case!(waiting_receive_is_woken_by_a_send, &[]),
    case!(
        one_send_wakes_one_receiver,
        &[Need::Competing, Need::Ability("lease_exclusive")]
    ),
    case!(waiting_receive_can_be_dropped, &[Need::Competing]),
    case!(receive_brings_no_more_than_asked_for, &[]),
    case!(
        receive_stops_at_its_bytes,
        &[Need::LimitIfAny("receive_bytes_over_max")]
    ),
    case!(
        oversized_request_is_clamped,
        &[Need::LimitIfAny("receive_batch_max")]
    ),
    case!(
        two_receivers_compete,
        &[Need::Competing, Need::Ability("lease_exclusive")]
    ),
    case!(receive_appends, &[]),
    case!(messages_of_before_the_receiver_are_received, &[]),
    case!(
        wait_beyond_the_limit_is_clamped,
        &[Need::Limit("receive_wait_max")]
    ),
];

fn many(count: u32) -> NonZeroU32 {
    NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN)
}

/// A receive from an empty queue brings nothing, and ends when its wait does.
pub async fn empty_receive_ends_at_its_wait(harness: &dyn Harness) -> Verdict {
    let wait = Duration::from_secs(2);
    let fixture = Fixture::new(harness).await?;
    let start = fixture.now();
    let mut deliveries = Vec::new();
    let request = ReceiveRequest::ONE.wait(wait);
    fixture.receiver.receive(request, &mut deliveries).await?;
    let took = fixture.now().since(start);
    let slack = harness.tolerance();
    ensure(deliveries.is_empty(), "nobody sent anything")?;
    ensure(
        wait <= took + slack && took <= wait + slack,
        format!("asked to wait {wait:?}, waited {took:?}"),
    )
}

/// A receive without a wait looks once and ends.
pub async fn receive_without_wait_looks_once(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let start = fixture.now();
    let mut deliveries = Vec::new();
    fixture
        .receiver
        .receive(ReceiveRequest::ONE, &mut deliveries)
        .await?;
    let took = fixture.now().since(start);
    ensure(deliveries.is_empty(), "nobody sent anything")?;
    ensure(
        took <= harness.tolerance(),
        format!("looking once took {took:?}"),
    )
}

/// A send wakes a receive that waits, long before its wait is over.
pub async fn waiting_receive_is_woken_by_a_send(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let start = fixture.now();
    let send = async {
        harness.pass(Duration::from_millis(200)).await;
        fixture.send(fixture.message("wake")).await
    };
    let (delivery, sent) = join(fixture.receive(), send).await;
    sent?;
    equal("body", &delivery?.message.body[..], b"wake")?;
    let took = fixture.now().since(start);
    let slack = harness.tolerance() * 2;
    ensure(
        took <= Duration::from_millis(200) + slack,
        format!("woken after {took:?}"),
    )
}

/// Of many receivers that wait, one gets the message, and the others go on waiting.
pub async fn one_send_wakes_one_receiver(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let receivers = join_all((0..5).map(|_| fixture.open())).await;
    let wait = Duration::from_secs(1);
    let receives = receivers.into_iter().map(|receiver| async move {
        let mut deliveries = Vec::new();
        let request = ReceiveRequest::ONE.wait(wait);
        receiver?.receive(request, &mut deliveries).await?;
        Ok::<_, Violation>(deliveries.len())
    });
    let (counts, sent) = join(join_all(receives), fixture.send(fixture.message("x"))).await;
    sent?;
    let counts = counts.into_iter().collect::<Result<Vec<_>, _>>()?;
    equal("deliveries", counts.iter().sum(), 1)
}

/// A receive that waits can be dropped, and takes no message with it.
pub async fn waiting_receive_can_be_dropped(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    {
        let mut deliveries = Vec::new();
        let request = ReceiveRequest::ONE.wait(PATIENCE);
        let waiting = fixture.receiver.receive(request, &mut deliveries);
        super::cut(waiting, 2).await;
    }
    fixture.send(fixture.message("x")).await?;
    let delivery = fixture.receive().await?;
    Ok(fixture.ack(&delivery).await?)
}

/// A receive brings as many messages as it was asked for, and no more.
pub async fn receive_brings_no_more_than_asked_for(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send_all(fixture.messages(9)).await?;
    let mut deliveries = Vec::new();
    let request = ReceiveRequest::up_to(many(3)).wait(PATIENCE);
    fixture.receiver.receive(request, &mut deliveries).await?;
    ensure(
        (1..=3).contains(&deliveries.len()),
        format!("asked for 3, got {}", deliveries.len()),
    )
}

/// No message is added to a receive that has its bytes; the one that reaches them is brought.
pub async fn receive_stops_at_its_bytes(harness: &dyn Harness) -> Verdict {
    const BODY: usize = 1_000;
    let fixture = Fixture::new(harness).await?;
    let messages = (0..6).map(|_| fixture.message(vec![b'x'; BODY])).collect();
    fixture.send_all(messages).await?;
    let max = NonZeroU64::new(2_500).unwrap_or(NonZeroU64::MIN);
    let over = fixture.capabilities().receive_bytes_over_max;
    let over = over.map_or(u64::MAX, NonZeroU64::get);
    let mut deliveries = Vec::new();
    let request = ReceiveRequest::up_to(many(6)).bytes_max(max).wait(PATIENCE);
    fixture.receiver.receive(request, &mut deliveries).await?;
    let bytes: u64 = deliveries.iter().map(|it| it.message.size()).sum();
    let last = deliveries.last().map_or(0, |it| it.message.size());
    ensure(!deliveries.is_empty(), "nothing came")?;
    ensure(
        bytes - last < max.get() || bytes <= max.get().saturating_add(over),
        format!("asked for {max} bytes, got {bytes}"),
    )
}

/// A request for more than the target's limit is clamped to it.
pub async fn oversized_request_is_clamped(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send_all(fixture.messages(3)).await?;
    let mut deliveries = Vec::new();
    let request = ReceiveRequest::up_to(NonZeroU32::MAX).wait(PATIENCE);
    fixture.receiver.receive(request, &mut deliveries).await?;
    let max = fixture
        .capabilities()
        .receive_batch_max
        .map_or(u32::MAX, NonZeroU32::get);
    let count = u32::try_from(deliveries.len()).unwrap_or(u32::MAX);
    ensure(
        1 <= count && count <= max,
        format!("got {count}, the limit is {max}"),
    )
}

/// Two receivers share the messages: each message goes to one of them.
pub async fn two_receivers_compete(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let other = fixture.open().await?;
    fixture.send_all(fixture.messages(20)).await?;
    let mine = receive_all(&*fixture.receiver, 10);
    let (mine, theirs) = join(mine, receive_all(&*other, 10)).await;
    let deliveries = mine?.into_iter().chain(theirs?);
    let bodies: std::collections::BTreeSet<_> = deliveries.map(|it| it.message.body).collect();
    equal("different messages", bodies.len(), 20)?;
    fixture.nothing().await
}

/// Deliveries are appended to what the caller's buffer holds.
pub async fn receive_appends(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send_all(fixture.messages(2)).await?;
    let mut deliveries = vec![fixture.receive().await?];
    let first = deliveries[0].id.clone();
    let request = ReceiveRequest::ONE.wait(PATIENCE);
    fixture.receiver.receive(request, &mut deliveries).await?;
    equal("deliveries", deliveries.len(), 2)?;
    equal("first delivery", &deliveries[0].id, &first)
}

/// A receiver gets messages that were sent before it was opened.
pub async fn messages_of_before_the_receiver_are_received(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("old")).await?;
    fixture.receiver.close().await?;
    let later = fixture.open().await?;
    let delivery = receive(&*later).await?;
    equal("body", &delivery.message.body[..], b"old")
}

/// A wait beyond the target's limit is clamped, or waited out by the adapter, and is no error.
pub async fn wait_beyond_the_limit_is_clamped(harness: &dyn Harness) -> Verdict {
    let capabilities = harness.capabilities(&*harness.provider().await?);
    let max = capabilities.receive_wait_max.unwrap_or_default();
    // A session is held for longer than the wait.
    let fixture = Fixture::with(harness, super::lease_of(max * 2)).await?;
    let mut deliveries = Vec::new();
    let request = ReceiveRequest::ONE.wait(max + Duration::from_secs(1));
    fixture.receiver.receive(request, &mut deliveries).await?;
    ensure(deliveries.is_empty(), "nobody sent anything")
}
