//! Cases about topics: each subscription has every message, and shares it among its receivers.

use std::{collections::BTreeSet, sync::Arc};

use relayhouse_core::{
    ErrorKind, QueueName, Sending, Settlement, Source, SubscriptionName,
    port::{QueueConfig, ReceiveRequest, Receiver, ReceiverOptions, Sender},
};

use crate::{
    conformance::{
        Case, Fixture, Need, Verdict, Violation,
        fixture::{LEASE, receive, receive_all, settle},
        violation::{equal, fails_with_any},
    },
    harness::Harness,
};

const SOURCE: &str = include_str!("topic.rs");

const TOPICS: &[Need] = &[Need::Ability("topics")];

pub(super) const CASES: &[Case] = &[
    case!(each_subscription_has_every_message, TOPICS),
    case!(
        receivers_of_a_subscription_compete,
        &[Need::Ability("topics"), Need::Competing]
    ),
    case!(settling_on_one_subscription_leaves_the_others, TOPICS),
    case!(
        dead_letters_belong_to_their_subscription,
        &[Need::Ability("topics"), Need::Ability("dead_letter")]
    ),
    case!(
        topics_that_are_not_supported_are_refused,
        &[Need::Lack("topics")]
    ),
];

/// A topic with the subscriptions `audit` and `billing`.
struct Newsroom<'a> {
    /// A queue beside the topic, for what every case needs.
    fixture: Fixture<'a>,
    topic: QueueName,
    sender: Arc<dyn Sender>,
}

impl<'a> Newsroom<'a> {
    async fn new(harness: &'a dyn Harness) -> Result<Self, Violation> {
        let fixture = Fixture::new(harness).await?;
        let names = [
            SubscriptionName::new("audit")?,
            SubscriptionName::new("billing")?,
        ];
        let config = QueueConfig {
            lease: Some(LEASE),
            ..QueueConfig::default()
        };
        let topic = harness.topic(&*fixture.provider, &names, &config).await?;
        let sender = fixture.provider.sender(&topic).await?;
        Ok(Self {
            fixture,
            topic,
            sender,
        })
    }

    fn source(&self, name: &'static str) -> Result<Source, Violation> {
        let name = SubscriptionName::new(name)?;
        Ok(Source::subscription(self.topic.clone(), name))
    }

    async fn receiver(&self, name: &'static str) -> Result<Arc<dyn Receiver>, Violation> {
        Ok(self.fixture.open_at(&self.source(name)?).await?)
    }

    async fn send(&self, count: usize) -> Verdict {
        for message in self.fixture.messages(count) {
            let mut batch = [Sending::new(message)];
            let call = self.sender.send(&mut batch).await;
            let [item] = batch;
            item.outcome.settle(&call)?;
        }
        Ok(())
    }
}

/// Every subscription is delivered every message, once.
pub async fn each_subscription_has_every_message(harness: &dyn Harness) -> Verdict {
    let room = Newsroom::new(harness).await?;
    room.send(5).await?;
    for name in ["audit", "billing"] {
        let receiver = room.receiver(name).await?;
        let deliveries = receive_all(&*receiver, 5).await?;
        let bodies: BTreeSet<_> = deliveries.iter().map(|it| &it.message.body).collect();
        equal("different messages", bodies.len(), 5)?;
        room.fixture.nothing_from(&*receiver).await?;
    }
    Ok(())
}

/// The receivers of one subscription share its messages.
pub async fn receivers_of_a_subscription_compete(harness: &dyn Harness) -> Verdict {
    let room = Newsroom::new(harness).await?;
    let one = room.receiver("audit").await?;
    let two = room.receiver("audit").await?;
    room.send(2).await?;
    let (first, second) = (receive(&*one).await?, receive(&*two).await?);
    let bodies = BTreeSet::from([&first.message.body, &second.message.body]);
    equal("different messages", bodies.len(), 2)?;
    room.fixture.nothing_from(&*one).await
}

/// A message that one subscription has acked or released is as it was on the others.
pub async fn settling_on_one_subscription_leaves_the_others(harness: &dyn Harness) -> Verdict {
    let room = Newsroom::new(harness).await?;
    let audit = room.receiver("audit").await?;
    let billing = room.receiver("billing").await?;
    room.send(1).await?;
    let delivery = receive(&*audit).await?;
    settle(&*audit, &delivery, Settlement::Ack).await?;
    let other = receive(&*billing).await?;
    equal("attempt", other.attempt, 1)?;
    harness.pass(LEASE * 2).await;
    room.fixture.nothing_from(&*audit).await?;
    receive(&*billing).await.map(drop)
}

/// A dead letter of one subscription is on its dead-letter queue, and on no other.
pub async fn dead_letters_belong_to_their_subscription(harness: &dyn Harness) -> Verdict {
    let room = Newsroom::new(harness).await?;
    room.send(1).await?;
    let audit = room.receiver("audit").await?;
    let delivery = receive(&*audit).await?;
    settle(&*audit, &delivery, Settlement::dead_letter("poisoned", "")).await?;
    let fixture = &room.fixture;
    let dead = fixture
        .open_at(&room.source("audit")?.dead_letters())
        .await?;
    let letter = receive(&*dead).await?;
    let source = letter.envelope.map(|envelope| envelope.source.clone());
    equal("source", source, Some(room.source("audit")?))?;
    let other = fixture
        .open_at(&room.source("billing")?.dead_letters())
        .await?;
    room.fixture.nothing_from(&*other).await?;
    receive(&*room.receiver("billing").await?).await.map(drop)
}

/// A target that declares no topics refuses a subscription.
pub async fn topics_that_are_not_supported_are_refused(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let name = SubscriptionName::new("audit")?;
    let source = Source::subscription(fixture.queue.clone(), name);
    let options = ReceiverOptions::default();
    let result = match fixture.provider.receiver(&source, options).await {
        Ok(receiver) => receiver.receive(ReceiveRequest::ONE, &mut Vec::new()).await,
        Err(error) => Err(error),
    };
    let kinds = [ErrorKind::Unsupported];
    fails_with_any("a subscription", result, &kinds).map(drop)
}
