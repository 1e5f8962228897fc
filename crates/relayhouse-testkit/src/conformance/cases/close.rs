//! Cases about closing: what is in flight ends, what comes later is refused, nothing is left.

use std::time::Duration;

use futures_util::future::join;
use relayhouse_core::{ErrorKind, port::ReceiveRequest};

use crate::{
    conformance::{
        Case, Fixture, Need, Verdict,
        fixture::{LEASE, PATIENCE, receive},
        violation::{ensure, equal, fails, fails_with_any},
    },
    harness::Harness,
};

const SOURCE: &str = include_str!("close.rs");

pub(super) const CASES: &[Case] = &[
    case!(send_after_close_is_refused, &[]),
    case!(receive_after_close_is_refused, &[]),
    case!(second_close_does_nothing, &[]),
    case!(concurrent_closes_all_end, &[]),
    case!(close_ends_a_waiting_receive, &[]),
    case!(close_of_a_sender_loses_no_message, &[]),
    case!(deliveries_outlive_their_receiver, &[Need::DeliveryLease]),
    case!(
        messages_of_a_closed_receiver_come_back,
        &[Need::DeliveryLease]
    ),
    case!(closing_one_receiver_leaves_the_others, &[Need::Competing]),
    case!(closed_provider_refuses_everything, &[]),
    case!(nothing_is_left_after_close, &[Need::Gauges]),
];

/// A send after the close fails with `Closed`, and sends nothing.
pub async fn send_after_close_is_refused(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.sender.close().await?;
    let result = fixture.send(fixture.message("x")).await;
    fails("a send after the close", result, ErrorKind::Closed)?;
    fixture.nothing().await
}

/// A receive after the close fails with `Closed`.
pub async fn receive_after_close_is_refused(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    fixture.receiver.close().await?;
    let result = fixture
        .receiver
        .receive(ReceiveRequest::ONE, &mut Vec::new())
        .await;
    fails("a receive after the close", result, ErrorKind::Closed).map(drop)
}

/// Closing twice is closing once.
pub async fn second_close_does_nothing(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    for _ in 0..2 {
        fixture.sender.close().await?;
        fixture.receiver.close().await?;
    }
    for _ in 0..2 {
        fixture.provider.close().await?;
    }
    Ok(())
}

/// Closes at the same time all end well.
pub async fn concurrent_closes_all_end(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let (one, two) = join(fixture.receiver.close(), fixture.receiver.close()).await;
    let (three, four) = join(fixture.sender.close(), fixture.provider.close()).await;
    Ok([one, two, three, four]
        .into_iter()
        .collect::<Result<(), _>>()?)
}

/// A receive that waits ends empty when its receiver is closed, long before its wait is over.
pub async fn close_ends_a_waiting_receive(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let start = fixture.now();
    let mut deliveries = Vec::new();
    let close = async {
        harness.pass(Duration::from_millis(200)).await;
        fixture.receiver.close().await
    };
    let request = ReceiveRequest::ONE.wait(PATIENCE);
    let (received, closed) = join(fixture.receiver.receive(request, &mut deliveries), close).await;
    closed?;
    received?;
    ensure(deliveries.is_empty(), "nobody sent anything")?;
    let took = fixture.now().since(start);
    ensure(took < PATIENCE / 2, format!("it ended after {took:?}"))
}

/// A message whose send ended well is delivered, whatever became of its sender.
pub async fn close_of_a_sender_loses_no_message(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let send = fixture.send_all(fixture.messages(5));
    let (sent, closed) = join(send, fixture.sender.close()).await;
    closed?;
    let count = sent.map_or(0, |sent| sent.len());
    let deliveries = fixture.receive_all(count).await?;
    Ok(fixture.ack_all(deliveries).await?)
}

/// What was handed out before the close can still be settled, or the receiver says `Closed`.
pub async fn deliveries_outlive_their_receiver(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send(fixture.message("x")).await?;
    let delivery = fixture.receive().await?;
    fixture.receiver.close().await?;
    let result = fixture.ack(&delivery).await;
    harness.pass(LEASE + harness.tolerance()).await;
    let other = fixture.open().await?;
    if result.is_ok() {
        return fixture.nothing_from(&*other).await;
    }
    let kinds = [ErrorKind::Closed, ErrorKind::LeaseLost];
    fails_with_any("a settle after the close", result, &kinds)?;
    receive(&*other).await.map(drop)
}

/// A message that its receiver did not settle before it was closed is delivered again.
pub async fn messages_of_a_closed_receiver_come_back(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let other = fixture.open().await?;
    fixture.send(fixture.message("x")).await?;
    let delivery = fixture.receive().await?;
    fixture.receiver.close().await?;
    fixture.expire(&delivery).await;
    let again = receive(&*other).await?;
    equal("id", &again.id, &delivery.id)
}

/// Closing one receiver leaves the others of its queue alone.
pub async fn closing_one_receiver_leaves_the_others(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let other = fixture.open().await?;
    fixture.receiver.close().await?;
    fixture.send(fixture.message("x")).await?;
    receive(&*other).await.map(drop)
}

/// Closing a provider closes all that was opened there.
pub async fn closed_provider_refuses_everything(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.provider.close().await?;
    let result = fixture.send(fixture.message("x")).await;
    fails("a send", result, ErrorKind::Closed)?;
    let result = fixture
        .receiver
        .receive(ReceiveRequest::ONE, &mut Vec::new())
        .await;
    fails("a receive", result, ErrorKind::Closed)?;
    let result = fixture.provider.sender(&fixture.queue).await;
    fails("opening a sender", result, ErrorKind::Closed).map(drop)
}

/// After the close no spawned work, socket, timer or lease is left.
pub async fn nothing_is_left_after_close(harness: &dyn Harness) -> Verdict {
    let before = harness.gauges();
    let fixture = Fixture::new(harness).await?;
    fixture.send_all(fixture.messages(3)).await?;
    let deliveries = fixture.receive_all(3).await?;
    fixture.ack_all(deliveries).await?;
    fixture.send(fixture.message("left")).await?;
    fixture.sender.close().await?;
    fixture.receiver.close().await?;
    fixture.provider.close().await?;
    let before = before.unwrap_or_default();
    equal("what is open", harness.gauges().unwrap_or_default(), before)
}
