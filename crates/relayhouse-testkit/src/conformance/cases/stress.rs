//! Cases about many at once: senders and receivers that compete, and bounds.

use std::{
    collections::BTreeSet,
    num::{NonZeroU32, NonZeroU64},
    sync::Arc,
    time::Duration,
};

use futures_util::future::{join, join_all};
use relayhouse_core::{
    ErrorKind, Message, Sending, Settlement,
    port::{QueueConfig, ReceiveRequest, Receiver},
};

use crate::{
    conformance::{
        Case, Fixture, Need, Verdict, Violation,
        fixture::{LEASE, settle_all},
        violation::{ensure, equal},
    },
    harness::Harness,
};

const SOURCE: &str = include_str!("stress.rs");

const SHARED: &[Need] = &[Need::Competing, Need::Ability("lease_exclusive")];

pub(super) const CASES: &[Case] = &[
    case!(hundred_receivers_share_a_thousand_messages, SHARED),
    case!(competing_senders_lose_nothing, &[]),
    case!(messages_flow_while_they_are_sent, SHARED),
    case!(receivers_come_and_go, SHARED),
    case!(burst_of_ten_thousand_is_kept, &[]),
    case!(
        full_queue_takes_no_more_messages,
        &[Need::Bounds, Need::DeliveryLease]
    ),
    case!(
        full_queue_takes_no_more_bytes,
        &[Need::Bounds, Need::DeliveryLease]
    ),
];

/// Receives and acks until nothing comes for a second, and returns the bodies.
async fn consume(receiver: Arc<dyn Receiver>) -> Result<Vec<bytes::Bytes>, Violation> {
    let max = NonZeroU32::new(7).unwrap_or(NonZeroU32::MIN);
    let request = ReceiveRequest::up_to(max).wait(Duration::from_secs(1));
    let mut bodies = Vec::new();
    loop {
        let mut deliveries = Vec::new();
        receiver.receive(request, &mut deliveries).await?;
        if deliveries.is_empty() {
            return Ok(bodies);
        }
        bodies.extend(deliveries.iter().map(|it| it.message.body.clone()));
        for result in settle_all(&*receiver, deliveries, &Settlement::Ack).await {
            result?;
        }
    }
}

async fn consume_all(
    fixture: &Fixture<'_>,
    receivers: usize,
) -> Result<Vec<bytes::Bytes>, Violation> {
    let opened = join_all((0..receivers).map(|_| fixture.open())).await;
    let opened = opened.into_iter().collect::<Result<Vec<_>, _>>()?;
    let bodies = join_all(opened.into_iter().map(consume)).await;
    Ok(bodies.into_iter().collect::<Result<Vec<_>, _>>()?.concat())
}

fn once_each(bodies: &[bytes::Bytes], count: usize) -> Verdict {
    let different: BTreeSet<_> = bodies.iter().collect();
    equal("deliveries", bodies.len(), count)?;
    equal("different messages", different.len(), count)
}

/// A hundred receivers get each of a thousand messages exactly once.
pub async fn hundred_receivers_share_a_thousand_messages(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send_all(fixture.messages(1_000)).await?;
    once_each(&consume_all(&fixture, 100).await?, 1_000)
}

/// What many senders send at the same time all arrives.
pub async fn competing_senders_lose_nothing(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let sends = (0..10).map(|_| fixture.send_all(fixture.messages(30)));
    for sent in join_all(sends).await {
        sent?;
    }
    let deliveries = fixture.receive_all(300).await?;
    let ids: BTreeSet<_> = deliveries.iter().map(|it| it.id.to_string()).collect();
    equal("different messages", ids.len(), 300)?;
    Ok(fixture.ack_all(deliveries).await?)
}

/// Receivers that work while senders send get each message exactly once.
pub async fn messages_flow_while_they_are_sent(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let send = async {
        for message in fixture.messages(300) {
            fixture.send(message).await?;
            harness.pass(Duration::from_millis(3)).await;
        }
        Ok::<_, Violation>(())
    };
    let (bodies, sent) = join(consume_all(&fixture, 5), send).await;
    sent?;
    once_each(&bodies?, 300)
}

/// Receivers that are opened and closed while messages flow lose none.
pub async fn receivers_come_and_go(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    fixture.send_all(fixture.messages(60)).await?;
    let mut bodies = Vec::new();
    for round in 0..20 {
        let receiver = fixture.open().await?;
        let deliveries = crate::conformance::fixture::receive_all(&*receiver, 3).await?;
        bodies.extend(deliveries.iter().map(|it| it.message.body.clone()));
        for result in settle_all(&*receiver, deliveries, &Settlement::Ack).await {
            result?;
        }
        if round % 2 == 0 {
            receiver.close().await?;
        }
    }
    once_each(&bodies, 60)
}

/// Ten thousand messages that come at once are kept, and all are delivered.
pub async fn burst_of_ten_thousand_is_kept(harness: &dyn Harness) -> Verdict {
    const BURST: usize = 10_000;
    let fixture = Fixture::new(harness).await?;
    fixture.send_all(fixture.messages(BURST)).await?;
    let mut different = BTreeSet::new();
    while different.len() < BURST {
        let left = (BURST - different.len()).min(500);
        let deliveries = fixture.receive_all(left).await?;
        different.extend(deliveries.iter().map(|it| it.message.body.clone()));
        fixture.ack_all(deliveries).await?;
    }
    fixture.drained().await
}

/// Sends one message more than a bounded queue takes, and makes room a second later.
async fn waits_or_fails(fixture: &Fixture<'_>, extra: Message) -> Verdict {
    let harness = fixture.harness;
    let start = fixture.now();
    let mut batch = [Sending::new(extra)];
    let room = async {
        harness.pass(Duration::from_secs(1)).await;
        let delivery = fixture.receive().await?;
        Ok::<_, Violation>(fixture.ack(&delivery).await?)
    };
    let (call, made) = join(fixture.sender.send(&mut batch), room).await;
    made?;
    let [item] = batch;
    match item.outcome.settle(&call) {
        Err(error) => equal("kind", error.kind(), ErrorKind::Full),
        Ok(_) => {
            let took = fixture.now().since(start) + harness.tolerance();
            ensure(
                Duration::from_secs(1) <= took,
                "a full queue took a message",
            )
        }
    }
}

/// A queue that has all the messages it may have takes no more until one is gone.
pub async fn full_queue_takes_no_more_messages(harness: &dyn Harness) -> Verdict {
    let config = QueueConfig {
        messages_max: NonZeroU64::new(3),
        lease: Some(LEASE),
        ..QueueConfig::default()
    };
    let fixture = Fixture::with(harness, config).await?;
    fixture.send_all(fixture.messages(3)).await?;
    waits_or_fails(&fixture, fixture.message("extra")).await
}

/// A queue that has all the bytes it may have takes no more until some are gone.
pub async fn full_queue_takes_no_more_bytes(harness: &dyn Harness) -> Verdict {
    let config = QueueConfig {
        bytes_max: NonZeroU64::new(2_500),
        lease: Some(LEASE),
        ..QueueConfig::default()
    };
    let fixture = Fixture::with(harness, config).await?;
    let large = || fixture.message(vec![b'x'; 1_000]);
    fixture.send_all(vec![large(), large()]).await?;
    waits_or_fails(&fixture, large()).await
}
