//! Topics of SNS, through the adapter: what the conformance suite, which knows no SNS, does not ask.

use std::{collections::BTreeMap, future::Future, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use futures_util::{FutureExt, future::BoxFuture, stream, stream::StreamExt};
use relayhouse_core::{
    Clock, Delivery, ErrorKind, Message, Sending, Settlement, Settling, Source, SubscriptionName,
    port::{Admin, Provider, ReceiveRequest, Receiver, Sender},
};
use relayhouse_sqs::{Format, Sqs};
use relayhouse_time::TokioClock;

use super::Site;
use crate::service::{Ending, Finding};

/// How often something is looked for that should be there.
const LOOKS_MAX: usize = 20;

const WAIT: Duration = Duration::from_secs(1);

const NO_SNS: &str = "nothing says where SNS is: AWS_ENDPOINT_URL_SNS";

type Case = (&'static str, fn(Room) -> BoxFuture<'static, Result<()>>);

const CASES: &[Case] = &[
    ("each_queue_gets_what_was_published", |room| {
        each_queue_gets_what_was_published(room).boxed()
    }),
    ("message_that_cannot_go_fails_alone", |room| {
        message_that_cannot_go_fails_alone(room).boxed()
    }),
    ("fifo_topic_keeps_order_and_drops_duplicates", |room| {
        fifo_topic_keeps_order_and_drops_duplicates(room).boxed()
    }),
    ("envelope_is_opened_and_survives_a_redrive", |room| {
        envelope_is_opened_and_survives_a_redrive(room).boxed()
    }),
    ("what_is_no_envelope_stays_and_is_told", |room| {
        what_is_no_envelope_stays_and_is_told(room).boxed()
    }),
    ("subscriptions_are_made_listed_and_deleted", |room| {
        subscriptions_are_made_listed_and_deleted(room).boxed()
    }),
];

/// Runs the cases whose name contains `filter`, and tells of each.
pub async fn run(site: &Site, filter: &str, mut tell: impl FnMut(Finding)) {
    let cases = CASES.iter().filter(|(name, _)| name.contains(filter));
    let played = cases.map(|(name, case)| async move {
        let clock = TokioClock::new();
        let start = clock.now();
        let (ending, said) = match site.has_topics() {
            false => (Ending::LeftOut, NO_SNS.to_owned()),
            true => match case(Room { site: site.clone() }).await {
                Ok(()) => (Ending::Passed, String::new()),
                Err(error) => (Ending::Failed, format!("{error:#}")),
            },
        };
        let name = format!("topics::{name}");
        Finding::new(name, ending, said, clock.now().since(start))
    });
    let mut played = stream::iter(played).buffer_unordered(CASES.len());
    while let Some(finding) = played.next().await {
        tell(finding);
    }
}

/// What a case works with.
#[derive(Clone, Debug)]
struct Room {
    site: Site,
}

/// Is a topic with subscriptions.
struct Newsroom {
    sqs: Sqs,
    admin: Arc<dyn Admin>,
    topic: String,
}

impl Room {
    async fn open(
        &self,
        is_fifo: bool,
        format: Format,
        subscriptions: &[&'static str],
    ) -> Result<Newsroom> {
        let builder = Sqs::builder(relayhouse_time::context()?);
        let sqs = builder.topics(true).format(format).build()?;
        let room = Newsroom {
            admin: sqs.admin().context("there is no administration")?,
            topic: self.site.queue_name(is_fifo)?.to_string(),
            sqs,
        };
        for name in subscriptions {
            let entity = room.source(name)?.entity;
            room.admin.create(&entity, &Default::default()).await?;
        }
        Ok(room)
    }
}

impl Newsroom {
    fn source(&self, name: &'static str) -> Result<Source> {
        let topic = self.topic.parse()?;
        Ok(Source::subscription(topic, SubscriptionName::new(name)?))
    }

    async fn receiver(&self, source: &Source) -> Result<Arc<dyn Receiver>> {
        Ok(self.sqs.receiver(source, Default::default()).await?)
    }

    async fn sender(&self) -> Result<Arc<dyn Sender>> {
        Ok(self.sqs.sender(&self.topic.parse()?).await?)
    }

    async fn send(&self, messages: Vec<Message>) -> Result<Vec<Sending>> {
        let mut batch: Vec<_> = messages.into_iter().map(Sending::new).collect();
        self.sender().await?.send(&mut batch).await?;
        Ok(batch)
    }

    async fn send_all(&self, messages: Vec<Message>) -> Result<()> {
        for item in self.send(messages).await? {
            item.outcome.settle(&Ok(()))?;
        }
        Ok(())
    }
}

/// Receives `count` messages, and acks each.
async fn take(receiver: &dyn Receiver, count: usize) -> Result<Vec<Delivery>> {
    let mut taken = Vec::new();
    for _ in 0..LOOKS_MAX {
        let mut batch = Vec::new();
        let request = ReceiveRequest::ONE.wait(WAIT);
        receiver.receive(request, &mut batch).await?;
        for delivery in batch {
            settle(receiver, &delivery, Settlement::Ack).await?;
            taken.push(delivery);
        }
        if count <= taken.len() {
            break;
        }
    }
    ensure!(
        taken.len() == count,
        "{} messages came, not {count}",
        taken.len()
    );
    Ok(taken)
}

async fn settle(
    receiver: &dyn Receiver,
    delivery: &Delivery,
    settlement: Settlement,
) -> Result<()> {
    let mut batch = [Settling::new(delivery.clone(), settlement)];
    let call = receiver.settle(&mut batch).await;
    let [item] = batch;
    Ok(item.outcome.settle(&call)?)
}

/// Looks at something until it is as it should be.
async fn until<F: Future<Output = Result<bool>>>(what: &str, look: impl Fn() -> F) -> Result<()> {
    for _ in 0..LOOKS_MAX {
        if look().await? {
            return Ok(());
        }
        let clock = TokioClock::new();
        clock.sleep_until(clock.now() + WAIT / 10).await;
    }
    anyhow::bail!("{what}: it did not come to be")
}

/// One of each kind of message.
fn messages() -> Vec<Message> {
    let many = (0..14).fold(Message::new("many headers"), |message, number| {
        message.header(format!("header-{number}"), format!("value {number}"))
    });
    let odd = Message::new(vec![0, 1, 255])
        .header(
            "raw",
            relayhouse_core::HeaderValue::Bytes(vec![0, 255].into()),
        )
        .header(
            "X-Amzn-Trace-Id",
            "Root=1-5759e988-bd862e3fe1be46a994272793",
        )
        .correlation_id("exchange-7")
        .reply_to("answers");
    let json = Message::new("{\"order\":17}").content_type("application/json");
    let all = [many, odd, json, Message::new("")];
    let numbered = all.into_iter().enumerate();
    numbered
        .map(|(number, it)| it.id(format!("id-{number}")))
        .collect()
}

fn by_id(messages: impl IntoIterator<Item = Message>) -> BTreeMap<String, Message> {
    let named = messages.into_iter().map(|it| {
        let id = it.id.as_ref().map(ToString::to_string);
        (id.unwrap_or_default(), it)
    });
    named.collect()
}

/// What arrives on each queue of a topic is what was published: body, headers, details and id.
async fn each_queue_gets_what_was_published(room: Room) -> Result<()> {
    let room = room.open(false, Format::Raw, &["audit", "billing"]).await?;
    room.send_all(messages()).await?;
    for name in ["audit", "billing"] {
        let receiver = room.receiver(&room.source(name)?).await?;
        let came = take(&*receiver, messages().len()).await?;
        let came = by_id(came.into_iter().map(|it| it.message));
        ensure!(came == by_id(messages()), "on {name} came {came:?}");
    }
    Ok(())
}

/// A message that the topic cannot take fails alone, and the others arrive.
async fn message_that_cannot_go_fails_alone(room: Room) -> Result<()> {
    let room = room.open(false, Format::Raw, &["audit"]).await?;
    let large = Message::new("x".repeat(256 * 1024));
    let late = Message::new("late").delay(Duration::from_secs(60));
    let batch = vec![Message::new("a"), large, late, Message::new("b")];
    let batch = room.send(batch).await?;
    let kinds = batch
        .iter()
        .map(|it| it.outcome.error().map(relayhouse_core::Error::kind));
    let kinds: Vec<_> = kinds.collect();
    let (large, late) = (ErrorKind::MessageTooLarge, ErrorKind::Unsupported);
    ensure!(kinds == [None, Some(large), Some(late), None], "{kinds:?}");
    let receiver = room.receiver(&room.source("audit")?).await?;
    take(&*receiver, 2).await.map(drop)
}

/// On a FIFO topic each group keeps its order, and a dedup id lets one message through.
async fn fifo_topic_keeps_order_and_drops_duplicates(room: Room) -> Result<()> {
    let room = room.open(true, Format::Raw, &["audit", "billing"]).await?;
    let message = |number: usize| {
        Message::new(number.to_string())
            .ordering_key(format!("group-{}", number % 3))
            .dedup_id(format!("dedup-{number}"))
    };
    for _ in 0..2 {
        room.send_all((0..12).map(message).collect()).await?;
    }
    for name in ["audit", "billing"] {
        let receiver = room.receiver(&room.source(name)?).await?;
        let came = take(&*receiver, 12).await?;
        for group in 0..3 {
            let key = format!("group-{group}");
            let of = came
                .iter()
                .filter(|it| it.message.details().ordering_key.as_deref() == Some(key.as_str()));
            let bodies: Vec<_> = of.map(|it| it.message.body.clone()).collect();
            let expected = (0..12).filter(|number| number % 3 == group);
            let expected: Vec<_> = expected.map(|it| it.to_string()).collect();
            ensure!(bodies == expected, "{key} on {name}: {bodies:?}");
        }
        let dedup = came[0].message.details().dedup_id.clone();
        ensure!(dedup.as_deref() == Some("dedup-0"), "dedup id {dedup:?}");
    }
    Ok(())
}

/// Without raw delivery the envelope is opened; what was dead-lettered comes back as it was.
async fn envelope_is_opened_and_survives_a_redrive(room: Room) -> Result<()> {
    let room = room.open(false, Format::SnsEnvelope, &["audit"]).await?;
    let source = room.source("audit")?;
    let receiver = room.receiver(&source).await?;
    room.send_all(messages()).await?;
    let came = take(&*receiver, messages().len()).await?.into_iter();
    let came = came.map(|mut it| {
        it.message.details_mut().headers.remove("sns-topic");
        it.message
    });
    let came = by_id(came);
    let sent = by_id(messages());
    for (id, message) in &sent {
        let same = came.get(id);
        let is_same =
            same.is_some_and(|it| it.body == message.body && it.details() == message.details());
        ensure!(is_same, "{id} came as {same:?}");
    }

    room.send_all(vec![Message::new("poisoned").id("p")])
        .await?;
    let mut batch = Vec::new();
    let request = ReceiveRequest::ONE.wait(WAIT * 10);
    receiver.receive(request, &mut batch).await?;
    let delivery = batch.pop().context("nothing came")?;
    settle(
        &*receiver,
        &delivery,
        Settlement::dead_letter("poisoned", ""),
    )
    .await?;
    let redriven = room.admin.redrive(&source, &Default::default()).await?;
    ensure!(redriven == 1, "{redriven} went back");
    let came = take(&*receiver, 1).await?;
    ensure!(came[0].message.body == "poisoned", "came {:?}", came[0]);
    Ok(())
}

/// What is no envelope is not delivered, is told by a receive, and stays on the queue.
async fn what_is_no_envelope_stays_and_is_told(room: Room) -> Result<()> {
    let site = room.site.clone();
    let room = room.open(false, Format::SnsEnvelope, &["audit"]).await?;
    let source = room.source("audit")?;
    let client = site.client().await?;
    let queue = format!("{}-audit", room.topic);
    let url = client.get_queue_url().queue_name(queue).send().await?;
    let url = url.queue_url.context("there is no queue")?;
    let send = client.send_message().queue_url(url);
    send.message_body("no envelope").send().await?;
    let receiver = room.receiver(&source).await?;
    let mut batch = Vec::new();
    let request = ReceiveRequest::ONE.wait(WAIT * 10);
    let told = receiver.receive(request, &mut batch).await;
    let told = told.err().map(|error| (error.kind(), error.is_temporary()));
    ensure!(told == Some((ErrorKind::Codec, true)), "told {told:?}");
    ensure!(batch.is_empty(), "came {batch:?}");
    let stats = room.admin.stats(&source).await?;
    ensure!(stats.live() == 1, "{stats:?}");
    room.send_all(vec![Message::new("good")]).await?;
    take(&*receiver, 1).await.map(drop)
}

/// Subscriptions are created twice, listed, and deleted, which leaves the others.
async fn subscriptions_are_made_listed_and_deleted(room: Room) -> Result<()> {
    let names = ["audit", "billing"];
    let room = room.open(false, Format::Raw, &names).await?;
    let [audit, billing] = names.map(|name| room.source(name));
    let (audit, billing) = (audit?.entity, billing?.entity);
    room.admin.create(&audit, &Default::default()).await?;
    ensure!(
        listed(&room).await? == [audit.clone(), billing.clone()],
        "what is listed"
    );
    room.admin.delete(&audit).await?;
    until("the subscription is gone", async || {
        Ok(listed(&room).await? == [billing.clone()])
    })
    .await?;
    room.send_all(vec![Message::new("x")]).await?;
    let receiver = room.receiver(&room.source("billing")?).await?;
    take(&*receiver, 1).await?;
    let topic = relayhouse_core::Entity::Queue(room.topic.parse()?);
    room.admin.delete(&topic).await?;
    ensure!(listed(&room).await?.is_empty(), "subscriptions are left");
    let gone = room.sqs.sender(&room.topic.parse()?).await;
    let gone = gone.err().map(|error| error.kind());
    ensure!(gone == Some(ErrorKind::QueueNotFound), "{gone:?}");
    Ok(())
}

/// Lists the subscriptions of the topic, by name.
async fn listed(room: &Newsroom) -> Result<Vec<relayhouse_core::Entity>> {
    let (mut entities, mut next) = (Vec::new(), None);
    loop {
        let page = room.admin.list(next.as_deref()).await?;
        entities.extend(page.entities);
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    let start = format!("{}/", room.topic);
    entities.retain(|it| it.to_string().starts_with(&start));
    entities.sort_unstable();
    Ok(entities)
}
