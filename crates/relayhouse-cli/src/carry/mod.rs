//! Carries messages from one queue to another: each is acked here once it is confirmed there.

mod flight;
mod tally;
mod target;

use std::{collections::HashSet, future::Future, pin::Pin, sync::Arc};

use futures_util::stream::{FuturesUnordered, StreamExt};
use relayhouse::{Clock, Delivery, Error, Message, Sent, Text, runtime::Producer};

use self::flight::{End, Landed};
pub(crate) use self::{
    tally::{Counts, Tally},
    target::{Origin, Target, again, renewed},
};
use crate::{
    args::Rate,
    audit::{Audit, Change},
    console::Console,
    exit::with_advice,
    leased::Hand,
    pace::Pace,
    send::is_of_the_message,
};

const IN_FLIGHT_MAX: usize = 64;
const SAID_MAX: u64 = 10;

/// Is one message on its way.
#[derive(Debug)]
pub(crate) struct Parcel {
    /// Where it is sent, and what; nothing where it is removed.
    pub(crate) send: Option<(Producer, Message)>,
    /// What is acked afterwards; nothing where it comes from a file.
    pub(crate) from: Option<(Hand, Delivery)>,
    /// What is written down.
    pub(crate) change: Change,
}

/// Carries messages, many at a time, those of one key one after the other.
pub(crate) struct Carrier {
    audit: Audit,
    clock: Arc<dyn Clock>,
    console: Console,
    pace: Option<Pace>,
    flights: FuturesUnordered<Pin<Box<dyn Future<Output = Landed> + Send>>>,
    /// The keys of what is under way.
    busy: HashSet<Text>,
    /// The keys of what was not taken: what is behind it stays.
    stuck: HashSet<Text>,
    /// What was not taken, and is to be held.
    stayed: Vec<Delivery>,
    sent: Vec<(String, Sent)>,
    keeps_sent: bool,
    tally: Tally,
    broken: Option<Broken>,
}

/// Says why nothing further is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// A queue failed.
    Queue,
    /// A change cannot be written down.
    Audit,
}

impl Carrier {
    pub(crate) fn new(
        audit: Audit,
        rate: Option<Rate>,
        clock: &Arc<dyn Clock>,
        console: Console,
    ) -> Self {
        Self {
            audit,
            clock: Arc::clone(clock),
            console,
            pace: rate.map(|rate| Pace::new(rate, clock)),
            flights: FuturesUnordered::new(),
            busy: HashSet::new(),
            stuck: HashSet::new(),
            stayed: Vec::new(),
            sent: Vec::new(),
            keeps_sent: false,
            tally: Tally::default(),
            broken: None,
        }
    }

    /// Remembers what is sent from here on, or forgets it again.
    pub(crate) fn keep_sent(&mut self, keeps: Keeps) {
        self.keeps_sent = keeps == Keeps::Ids;
    }

    /// Sends `parcel` off, once there is room and its key is free. One that has to stay, since it
    /// is behind another of its key that stayed, is held.
    pub(crate) async fn carry(&mut self, parcel: Parcel) {
        let key = parcel.key();
        while IN_FLIGHT_MAX <= self.flights.len() || self.is_busy(key.as_ref()) {
            self.land_one().await;
        }
        if self.broken.is_some() || key.as_ref().is_some_and(|key| self.stuck.contains(key)) {
            self.tally.behind += 1;
            self.stayed
                .extend(parcel.from.map(|(_, delivery)| delivery));
            return;
        }
        if self.pace.is_some() {
            self.paced().await;
        }
        self.busy.extend(key.clone());
        let (audit, clock) = (self.audit.clone(), Arc::clone(&self.clock));
        self.flights
            .push(Box::pin(flight::fly(parcel, key, audit, clock)));
    }

    /// Keeps a message that nothing can be done with.
    pub(crate) fn refuse(&mut self, delivery: Delivery, error: &Error) {
        self.say(&delivery.id.to_string(), error);
        self.tally.refused(error);
        self.stuck
            .extend(delivery.message.details().ordering_key.clone());
        self.stayed.push(delivery);
    }

    fn is_busy(&self, key: Option<&Text>) -> bool {
        key.is_some_and(|key| self.busy.contains(key))
    }

    async fn paced(&mut self) {
        loop {
            let Some(pace) = &self.pace else { return };
            tokio::select! {
                biased;
                () = pace.due() => break,
                Some(landed) = self.flights.next(), if !self.flights.is_empty() => {
                    self.land(landed);
                }
            }
        }
        if let Some(pace) = &mut self.pace {
            pace.left();
        }
    }

    /// Waits for `work`, while what is under way goes on.
    pub(crate) async fn during<T>(&mut self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                Some(landed) = self.flights.next(), if !self.flights.is_empty() => {
                    self.land(landed);
                }
            }
        }
    }

    /// Waits until nothing is under way.
    pub(crate) async fn all_landed(&mut self) {
        while !self.flights.is_empty() {
            self.land_one().await;
        }
    }

    async fn land_one(&mut self) {
        if let Some(landed) = self.flights.next().await {
            self.land(landed);
        }
    }

    fn land(&mut self, landed: Landed) {
        let Landed { key, id, end, from } = landed;
        if let Some(key) = &key {
            self.busy.remove(key);
        }
        match end {
            End::Carried(sent) => {
                self.tally.carried(&sent);
                if self.keeps_sent {
                    self.sent.push((id, sent));
                }
            }
            End::Refused(error) => {
                self.say(&id, &error);
                self.tally.refused(&error);
                self.stuck.extend(key);
                self.stayed.extend(from);
                if !is_of_the_message(&error) {
                    self.broken.get_or_insert(Broken::Queue);
                }
            }
            End::NotAcked(error) => {
                self.say(&id, &error);
                self.tally.unconfirmed += 1;
            }
            End::NotBegun => {
                self.broken = Some(Broken::Audit);
                self.tally.behind += 1;
                self.stayed.extend(from);
            }
            End::Unwritten => {
                self.broken = Some(Broken::Audit);
                self.tally.unwritten(from.is_some());
                self.stayed.extend(from);
            }
        }
    }

    fn say(&mut self, id: &str, error: &Error) {
        self.tally.said += 1;
        let text = format!("{id}: {}", with_advice(error));
        if self.tally.said <= SAID_MAX {
            self.console.error(&text);
        } else {
            self.console.detail(&text);
        }
    }

    /// Takes what was not carried, to be held.
    pub(crate) fn stayed(&mut self) -> Vec<Delivery> {
        std::mem::take(&mut self.stayed)
    }

    /// Takes the ids of what was sent, and what the far side said, if they are remembered.
    pub(crate) fn sent(&mut self) -> Vec<(String, Sent)> {
        std::mem::take(&mut self.sent)
    }

    /// Returns true if nothing is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.flights.is_empty()
    }

    /// Returns why nothing further is carried, if nothing is.
    pub(crate) const fn broken(&self) -> Option<Broken> {
        self.broken
    }

    /// Returns what became of all messages.
    pub(crate) const fn tally(&self) -> &Tally {
        &self.tally
    }
}

/// Says whether a carrier remembers what it has sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeps {
    /// Not at all.
    Nothing,
    /// Their ids, and what the far side said.
    Ids,
}

impl Parcel {
    fn key(&self) -> Option<Text> {
        let of = |message: &Message| message.details().ordering_key.clone();
        let sent = self.send.as_ref().map(|(_, message)| message);
        let taken = self.from.as_ref().map(|(_, delivery)| &delivery.message);
        sent.or(taken).and_then(of)
    }

    fn id(&self) -> String {
        let taken = self.from.as_ref().map(|(_, delivery)| &delivery.id);
        let sent = self
            .send
            .as_ref()
            .and_then(|(_, message)| message.id.as_ref());
        taken
            .or(sent)
            .map_or_else(|| "a message".to_owned(), ToString::to_string)
    }
}
