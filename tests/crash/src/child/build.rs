//! A child that fills queues with messages in all states.

use std::{num::NonZeroU32, time::Duration};

use anyhow::{Context as _, Result};
use relayhouse_core::{
    DeadLetter, Message, QueueName, Sending, Settlement, Settling, Source,
    port::{Provider, ReceiveRequest, Receiver, ReceiverOptions, SessionReceiver},
};

use super::{Child, may_go, produce::Producing};
use crate::{content::derive, report::What};

/// The queue whose messages are received through sessions.
pub(crate) const SESSIONS_QUEUE: &str = "held";

/// The sessions.
pub(crate) const SESSIONS: [&str; 4] = ["north", "east", "south", "west"];

const HOUR: Duration = Duration::from_secs(3600);
const BATCHES: u64 = 12;
const BATCH: u64 = 20;
const IN_SESSION: u64 = 8;

impl Child {
    /// Fills both queues, tells of it, and waits: to be killed, or to end well.
    pub(super) async fn build(self) -> Result<()> {
        let local = self.builder().lease(HOUR).build()?;
        let sender = self.sender(&local).await?;
        let mut producing = Producing::new(&self, &sender, 0, 1);
        producing.delay_max = HOUR;
        for _ in 0..BATCHES {
            producing.send(BATCH).await?;
        }
        let receiver = self.receiver(&local, HOUR).await?;
        settle_some(&*receiver).await?;
        // The last change is flushed, so that nothing may be missing of what came before it.
        producing.send(3).await?;
        let sessions = self.builder().requires_sessions(true).build()?;
        self.build_sessions(&sessions).await?;
        self.tell(0, What::Reached { step: 0 })?;
        if !may_go()? {
            sessions.close().await?;
            local.close().await?;
        }
        Ok(())
    }

    async fn build_sessions(&self, provider: &dyn Provider) -> Result<()> {
        let name: QueueName = SESSIONS_QUEUE.parse()?;
        let sender = provider.sender(&name).await?;
        let options = ReceiverOptions { lease: Some(HOUR) };
        let sessions = provider.sessions(&Source::queue(name), options).await?;
        let message = |session: &str, number: u64| {
            let body = derive(self.seed, &[number, session.len() as u64]).to_be_bytes();
            Sending::new(Message::new(body.repeat(8)).ordering_key(session.to_owned()))
        };
        for session in SESSIONS {
            let mut batch: Vec<_> = (0..IN_SESSION).map(|it| message(session, it)).collect();
            sender.send(&mut batch).await?;
        }
        for session in SESSIONS {
            let held = sessions
                .accept(Some(&session.parse()?), Duration::ZERO)
                .await?;
            let held = held.context("nobody else holds the session")?;
            use_session(&*held, session).await?;
        }
        sender.send(&mut [message(SESSIONS[0], IN_SESSION)]).await?;
        Ok(())
    }
}

/// Leaves messages of a queue in every state that there is.
async fn settle_some(receiver: &dyn Receiver) -> Result<()> {
    let max = NonZeroU32::new(12).context("twelve is not zero")?;
    let settlements = [
        Some(Settlement::Ack),
        Some(Settlement::RELEASE),
        Some(Settlement::Release { delay: HOUR / 2 }),
        Some(Settlement::DeadLetter(Box::new(DeadLetter::new(
            "rejected",
            "it is of no use",
        )))),
        None,
    ];
    for settlement in settlements {
        let deliveries = receive(receiver, max).await?;
        let Some(settlement) = settlement else {
            continue;
        };
        settle(receiver, deliveries, &settlement).await?;
    }
    Ok(())
}

async fn use_session(held: &dyn SessionReceiver, session: &str) -> Result<()> {
    held.set_state(Some(session.repeat(20).into())).await?;
    let max = NonZeroU32::new(2).context("two is not zero")?;
    let deliveries = receive(held, max).await?;
    settle(held, deliveries, &Settlement::Ack).await?;
    held.close().await?;
    Ok(())
}

async fn receive(
    receiver: &dyn Receiver,
    max: NonZeroU32,
) -> Result<Vec<relayhouse_core::Delivery>> {
    let mut deliveries = Vec::new();
    receiver
        .receive(ReceiveRequest::up_to(max), &mut deliveries)
        .await?;
    Ok(deliveries)
}

async fn settle(
    receiver: &dyn Receiver,
    deliveries: Vec<relayhouse_core::Delivery>,
    settlement: &Settlement,
) -> Result<()> {
    let items = deliveries
        .into_iter()
        .map(|it| Settling::new(it, settlement.clone()));
    let mut items: Vec<_> = items.collect();
    receiver.settle(&mut items).await?;
    Ok(())
}
