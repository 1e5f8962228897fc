//! Cases about dropped futures: whatever is dropped, at whatever poll, nothing is lost.

use std::collections::BTreeSet;

use bytes::Bytes;
use relayhouse_core::{
    Delivery, Extending, Sending, Settlement, Settling,
    port::{QueueConfig, ReceiveRequest, ReceiverOptions},
};

use crate::{
    conformance::{
        Case, Fixture, Need, Outlet, Verdict, Violation,
        fixture::{LEASE, PATIENCE, receive_rest},
        violation::{ensure, equal},
    },
    harness::Harness,
};

const SOURCE: &str = include_str!("cancel.rs");

/// The polls after which a future is dropped, one after the other.
const POLLS: std::ops::Range<usize> = 0..6;
const COUNT: usize = 5;

pub(super) const CASES: &[Case] = &[
    case!(dropped_receive_loses_no_message, &[]),
    case!(
        dropped_receive_leaves_no_lease,
        &[Need::Ability("receive_drop")]
    ),
    case!(dropped_send_sends_whole_messages_or_none, &[]),
    case!(dropped_ack_acks_or_redelivers, &[Need::DeliveryLease]),
    case!(
        dropped_release_loses_no_message,
        &[Need::Ability("release"), Need::DeliveryLease]
    ),
    case!(
        dropped_dead_letter_loses_no_message,
        &[Need::Ability("dead_letter"), Need::DeliveryLease]
    ),
    case!(dropped_extension_loses_no_message, &[Need::DeliveryLease]),
    case!(
        dropped_accept_loses_no_session,
        &[Need::Ability("sessions")]
    ),
    case!(dropped_close_can_be_called_again, &[]),
];

fn bodies(deliveries: &[Delivery]) -> BTreeSet<Bytes> {
    deliveries
        .iter()
        .map(|it| it.message.body.clone())
        .collect()
}

/// Receives what is there now and after all leases have ended.
async fn rest(fixture: &Fixture<'_>) -> Result<Vec<Delivery>, Violation> {
    let harness = fixture.harness;
    let now = receive_rest(&*fixture.receiver, harness.tolerance()).await?;
    fixture.ack_all(now.clone()).await?;
    harness.pass(LEASE * 3).await;
    let later = receive_rest(&*fixture.receiver, harness.tolerance()).await?;
    fixture.ack_all(later.clone()).await?;
    Ok(now.into_iter().chain(later).collect())
}

/// A queue with messages, all of them leased.
async fn leased(harness: &dyn Harness) -> Result<(Fixture<'_>, Vec<Delivery>), Violation> {
    let fixture = Fixture::new(harness).await?;
    fixture.send_all(fixture.messages(COUNT)).await?;
    let deliveries = fixture.receive_all(COUNT).await?;
    Ok((fixture, deliveries))
}

/// Whatever a dropped receive had taken is delivered again.
pub async fn dropped_receive_loses_no_message(harness: &dyn Harness) -> Verdict {
    for polls in POLLS {
        let fixture = Fixture::new(harness).await?;
        fixture.send_all(fixture.messages(COUNT)).await?;
        let mut deliveries = Vec::new();
        let request = ReceiveRequest::ONE.wait(PATIENCE);
        let receive = fixture.receiver.receive(request, &mut deliveries);
        super::cut(receive, polls).await;
        fixture.ack_all(deliveries.clone()).await?;
        let mut received = bodies(&deliveries);
        received.extend(bodies(&rest(&fixture).await?));
        equal("messages", received.len(), COUNT)?;
    }
    Ok(())
}

/// A dropped receive leaves no message leased to nobody.
pub async fn dropped_receive_leaves_no_lease(harness: &dyn Harness) -> Verdict {
    for polls in POLLS {
        let fixture = Fixture::new(harness).await?;
        let mut deliveries = Vec::new();
        {
            let request = ReceiveRequest::ONE.wait(PATIENCE);
            let mut receive = std::pin::pin!(fixture.receiver.receive(request, &mut deliveries));
            super::cut(receive.as_mut(), polls).await;
            // The message comes between the last poll and the drop.
            fixture.send(fixture.message("x")).await?;
        }
        ensure(deliveries.is_empty(), "a delivery without a poll")?;
        let delivery = fixture.receive().await?;
        equal("attempt", delivery.attempt, 1)?;
        fixture.ack(&delivery).await?;
    }
    Ok(())
}

/// A dropped send has sent each message as a whole or not at all, and what is done is sent.
pub async fn dropped_send_sends_whole_messages_or_none(harness: &dyn Harness) -> Verdict {
    for polls in POLLS {
        let fixture = Fixture::new(harness).await?;
        let messages = fixture.messages(COUNT);
        let all: BTreeSet<_> = messages.iter().map(|it| it.body.clone()).collect();
        let mut batch: Vec<_> = messages.into_iter().map(Sending::new).collect();
        super::cut(fixture.sender.send(&mut batch), polls).await;
        equal("items", batch.len(), COUNT)?;
        let done = batch.iter().filter(|item| item.outcome.is_done()).count();
        let deliveries = rest(&fixture).await?;
        let received = bodies(&deliveries);
        equal("repeated messages", deliveries.len() - received.len(), 0)?;
        ensure(received.is_subset(&all), "a message was changed")?;
        ensure(
            done <= received.len(),
            format!("{done} done, {received:?} came"),
        )?;
    }
    Ok(())
}

/// Drops a settle at each poll: what is not done may have taken effect or not, but is not lost.
async fn dropped_settle(harness: &dyn Harness, settlement: &Settlement) -> Verdict {
    for polls in POLLS {
        let (fixture, deliveries) = leased(harness).await?;
        let settling = |delivery| Settling::new(delivery, settlement.clone());
        let mut batch: Vec<_> = deliveries.into_iter().map(settling).collect();
        super::cut(fixture.receiver.settle(&mut batch), polls).await;
        let received = bodies(&rest(&fixture).await?);
        for item in &batch {
            let is_back = received.contains(&item.delivery.message.body);
            let is_done = item.outcome.is_done();
            match settlement {
                Settlement::Release { .. } => ensure(is_back, "a message was lost")?,
                _ => ensure(!(is_back && is_done), "what was done was undone")?,
            }
        }
    }
    Ok(())
}

/// After a dropped ack a message is acked or delivered again; an ack that is done stays done.
pub async fn dropped_ack_acks_or_redelivers(harness: &dyn Harness) -> Verdict {
    dropped_settle(harness, &Settlement::Ack).await
}

/// After a dropped release every message is delivered again.
pub async fn dropped_release_loses_no_message(harness: &dyn Harness) -> Verdict {
    dropped_settle(harness, &Settlement::RELEASE).await
}

/// After a dropped dead-lettering each message is a dead letter or is delivered again.
pub async fn dropped_dead_letter_loses_no_message(harness: &dyn Harness) -> Verdict {
    let settlement = Settlement::dead_letter("poisoned", "");
    for polls in POLLS {
        let (fixture, deliveries) = leased(harness).await?;
        let settling = |delivery| Settling::new(delivery, settlement.clone());
        let mut batch: Vec<_> = deliveries.into_iter().map(settling).collect();
        super::cut(fixture.receiver.settle(&mut batch), polls).await;
        let mut found = bodies(&rest(&fixture).await?);
        let source = fixture.source.dead_letters();
        let dead = fixture.open_at(&source).await?;
        found.extend(bodies(&receive_rest(&*dead, harness.tolerance()).await?));
        equal("messages", found.len(), COUNT)?;
    }
    Ok(())
}

/// After a dropped extension every message is delivered again, or can be acked.
pub async fn dropped_extension_loses_no_message(harness: &dyn Harness) -> Verdict {
    for polls in POLLS {
        let (fixture, deliveries) = leased(harness).await?;
        let receipts = deliveries.iter().map(|it| it.receipt.clone());
        let mut batch: Vec<_> = receipts.map(Extending::new).collect();
        super::cut(fixture.receiver.extend(&mut batch, LEASE * 2), polls).await;
        equal("messages", bodies(&rest(&fixture).await?).len(), COUNT)?;
    }
    Ok(())
}

/// A session that a dropped accept had taken can be accepted when its lease has ended.
pub async fn dropped_accept_loses_no_session(harness: &dyn Harness) -> Verdict {
    for polls in POLLS {
        let config = QueueConfig {
            requires_sessions: true,
            lease: Some(LEASE),
            ..QueueConfig::default()
        };
        let fixture = Outlet::new(harness, config).await?;
        let options = ReceiverOptions::default();
        let sessions = fixture.provider.sessions(&fixture.source, options).await?;
        fixture.send(fixture.message("x").ordering_key("a")).await?;
        drop(super::cut(sessions.accept(None, PATIENCE), polls).await);
        harness.pass(LEASE + harness.tolerance()).await;
        let accepted = sessions.accept(None, PATIENCE).await?;
        ensure(accepted.is_some(), "the session is lost")?;
    }
    Ok(())
}

/// What a dropped close left is done by the next one.
pub async fn dropped_close_can_be_called_again(harness: &dyn Harness) -> Verdict {
    for polls in POLLS {
        let fixture = Fixture::new(harness).await?;
        drop(super::cut(fixture.receiver.close(), polls).await);
        fixture.receiver.close().await?;
        drop(super::cut(fixture.sender.close(), polls).await);
        fixture.sender.close().await?;
        drop(super::cut(fixture.provider.close(), polls).await);
        fixture.provider.close().await?;
    }
    Ok(())
}
