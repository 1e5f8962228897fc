//! Sends to one queue or topic: messages leave one after the other, and then all answers are
//! waited for.

mod later;
mod outlet;
mod pack;
#[cfg(test)]
mod tests;

use std::{
    collections::VecDeque,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering, fence},
    },
};

use async_trait::async_trait;
use fe2o3_amqp::link::SendError;
use fe2o3_amqp_types::messaging::Outcome as AmqpOutcome;
use futures_util::{StreamExt, stream::FuturesUnordered};
use relayhouse_core::{
    Capabilities, Error, ErrorKind, Instant, Operation, QueueName, Result, Retry, Sending, Sent,
    port::Sender,
};
use tokio::sync::{Semaphore, oneshot};

use self::{
    outlet::{Answer, Outlet, Parcel, no_room},
    pack::{Group, Member, Packing, Written},
};
use crate::{
    capability::{self, CAPABILITIES},
    convert::write,
    hub::Hub,
    link,
};

/// The most sends of one sender at a time; others wait.
const SENDS_MAX: u32 = 64;

/// How much of the time for a call must be left for the answers.
const ANSWER_PART: u32 = 10;

/// Sends to one queue or topic.
#[derive(Debug)]
pub(crate) struct ServiceBusSender {
    hub: Arc<Hub>,
    queue: QueueName,
    outlet: Outlet,
    /// What it can do, as the broker said when it was attached first.
    capabilities: OnceLock<Capabilities>,
    room: Semaphore,
    is_closed: AtomicBool,
}

impl ServiceBusSender {
    pub(crate) fn new(hub: Arc<Hub>, queue: QueueName) -> Self {
        Self {
            outlet: Outlet::new(Arc::clone(&hub.link), queue.as_str().to_owned()),
            hub,
            queue,
            capabilities: OnceLock::new(),
            room: Semaphore::new(SENDS_MAX as usize),
            is_closed: AtomicBool::new(false),
        }
    }

    /// Attaches, so that a queue that is not there is told before the first send.
    pub(crate) async fn attach(&self) -> Result<()> {
        let attached = self.outlet.attach().await;
        attached.map_err(|error| error.at(Operation::Open, &self.queue))?;
        let bytes_max = self.outlet.limits().message_bytes_max;
        self.capabilities
            .get_or_init(|| capability::of_sender(bytes_max));
        Ok(())
    }
}

#[async_trait]
impl Sender for ServiceBusSender {
    fn queue(&self) -> &QueueName {
        &self.queue
    }

    fn capabilities(&self) -> &Capabilities {
        self.capabilities.get().unwrap_or(&CAPABILITIES)
    }

    async fn send(&self, batch: &mut [Sending]) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let clock = self.hub.link.clock();
        let deadline = clock.now() + self.hub.call_timeout;
        let room = link::within(clock, self.hub.call_timeout, self.room.acquire()).await;
        let at = |error: Error| error.at(Operation::Send, &self.queue);
        let _room = room.ok_or_else(|| at(no_room()))?;
        if self.is_closed.load(Ordering::Acquire) {
            return Err(at(link::closed()));
        }
        let (groups, later) = self.write_all(batch);
        self.send_groups(batch, groups, deadline).await;
        self.schedule(batch, later, deadline).await;
        Ok(())
    }

    async fn close(&self) -> Result<()> {
        self.is_closed.store(true, Ordering::Release);
        // Whoever still sends has room, and gives it back.
        let room = self.room.acquire_many(SENDS_MAX).await;
        drop(room);
        self.outlet.close().await;
        Ok(())
    }
}

impl ServiceBusSender {
    /// Writes what is to be sent, by what leaves together and what is held back, and fails what
    /// cannot be written.
    fn write_all(&self, batch: &mut [Sending]) -> (Vec<Group>, Vec<Written>) {
        let mut packing = Packing::new(self.outlet.limits().batch_bytes_max());
        let mut later = Vec::new();
        for (place, item) in batch.iter_mut().enumerate() {
            match self.write(place, item) {
                Ok(written) if written.packet.is_scheduled() => later.push(written),
                Ok(written) => packing.add(written),
                Err(error) => item.fail(error.at(Operation::Send, &self.queue)),
            }
        }
        (packing.end(), later)
    }

    fn write(&self, place: usize, item: &Sending) -> Result<Written> {
        let (id, packet) = self.hub.write(&item.message, self.capabilities())?;
        Ok(Written {
            member: Member { place, id },
            packet,
        })
    }

    /// Sends `groups` in their order. The messages of a batch that is refused are sent one by one.
    async fn send_groups(&self, batch: &mut [Sending], groups: Vec<Group>, deadline: Instant) {
        let mut groups = VecDeque::from(groups);
        while !groups.is_empty() {
            let mut round = Vec::<Group>::new();
            while let Some(group) = groups.pop_front() {
                if round.iter().any(|earlier| group.waits_for(earlier)) {
                    groups.push_front(group);
                    break;
                }
                round.push(group);
            }
            let refused = self.send_round(batch, round, deadline).await;
            let ones = refused.into_iter().filter_map(|Member { place, id }| {
                let now = self.hub.link.clock().wall();
                // It could be written before.
                let packet = write(&batch[place].message, &id, self.capabilities(), now).ok()?;
                Some(Group::one(vec![Member { place, id }], packet))
            });
            let ones = ones.collect::<Vec<_>>();
            if !ones.is_empty() {
                self.send_round(batch, ones, deadline).await;
            }
        }
    }

    /// Sends what may be under way together, and returns the members of batches that were refused.
    async fn send_round(
        &self,
        batch: &mut [Sending],
        round: Vec<Group>,
        deadline: Instant,
    ) -> Vec<Member> {
        let mut refused = Vec::new();
        let mut members = Vec::with_capacity(round.len());
        let mut answers = FuturesUnordered::new();
        let parcels = round.into_iter().enumerate().map(|(number, group)| {
            let (left, hears) = oneshot::channel();
            members.push(group.members);
            answers.push(async move { (number, hear(hears).await) });
            let cargo = group.cargo;
            Parcel { cargo, left }
        });
        let parcels = parcels.collect::<Vec<_>>();
        let clock = self.hub.link.clock();
        let leave_by = deadline - self.hub.call_timeout / ANSWER_PART;
        let started = self.outlet.send(parcels, leave_by);
        let time = deadline.since(clock.now());
        let started = link::within(clock, time, started).await;
        let started = started.unwrap_or_else(|| Err(no_room()));
        let mut time = clock.sleep_until(deadline);
        loop {
            tokio::select! {
                biased;
                answer = answers.next() => match answer {
                    Some((number, answer)) => {
                        let members = std::mem::take(&mut members[number]);
                        refused.extend(self.answer(batch, members, answer));
                    }
                    None => return refused,
                },
                () = &mut time => break,
            }
        }
        drop(answers);
        // What has not started by now finds that nobody waits for it, and stays.
        fence(Ordering::SeqCst);
        let started = started.map_or(0, |started| started.load(Ordering::SeqCst));
        for (number, members) in members.into_iter().enumerate() {
            let error = if number < started {
                link::unknown()
            } else {
                no_room()
            };
            for Member { place, .. } in members {
                batch[place].fail(error.clone().at(Operation::Send, &self.queue));
            }
        }
        refused
    }

    /// Writes what became of the members of one group; those of a batch that must be sent one by
    /// one are returned.
    fn answer(&self, batch: &mut [Sending], members: Vec<Member>, answer: Told) -> Vec<Member> {
        let error = match answer {
            Told::Said(Ok(AmqpOutcome::Accepted(_))) => {
                for Member { place, id } in members {
                    batch[place].done(Sent {
                        id: Some(id),
                        ..Sent::default()
                    });
                }
                return Vec::new();
            }
            Told::Said(Ok(AmqpOutcome::Rejected(rejected))) => {
                let error = match rejected.error {
                    Some(error) => link::of_amqp(&error, Operation::Send),
                    None => Error::new(ErrorKind::MessageInvalid, "the broker refused the message"),
                };
                if 1 < members.len() && may_be_one_of_them(&error) {
                    return members;
                }
                error
            }
            Told::Said(Ok(_)) => {
                Error::new(ErrorKind::Unexpected, "the broker gave the message back")
                    .retry(Retry::Temporary)
            }
            Told::Said(Err(error)) => link::of_send(error, true),
            Told::Stayed(error) => error,
        };
        let error = error.at(Operation::Send, &self.queue);
        for Member { place, .. } in members {
            batch[place].fail(error.clone());
        }
        Vec::new()
    }
}

/// Is what became of a transfer.
#[derive(Debug)]
enum Told {
    /// It left, and this is what the broker said.
    Said(Result<AmqpOutcome, SendError>),
    /// It did not leave.
    Stayed(Error),
}

async fn hear(left: oneshot::Receiver<Result<Answer>>) -> Told {
    match left.await {
        Ok(Ok(answer)) => Told::Said(answer.await),
        Ok(Err(error)) => Told::Stayed(error),
        // The task is gone, and does not tell how far it came.
        Err(_) => Told::Stayed(link::unknown()),
    }
}

/// Returns true if a batch may have been refused for the sake of one of its messages.
fn may_be_one_of_them(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::MessageInvalid | ErrorKind::MessageTooLarge | ErrorKind::Unsupported
    )
}
