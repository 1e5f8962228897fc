//! Why a message was handled more than once.

use std::{
    collections::{HashMap, HashSet},
    fmt::{self, Display, Write as _},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use relayhouse_core::{Error, ErrorKind, Event, Instant, MessageId, Observer, Receipt, Settlement};
use relayhouse_testkit::oracle::Watch;

/// Listens for an oracle, and keeps what explains duplicates.
#[derive(Debug)]
pub struct Record {
    watch: Arc<Watch>,
    messages: Mutex<HashMap<MessageId, History>>,
    /// Every event in words, where somebody wants to read them.
    words: Mutex<Option<String>>,
}

/// What happened to one message.
#[derive(Debug, Default)]
struct History {
    /// Sends of which nobody knows whether the provider took the message.
    unknown_sends: u64,
    /// What the provider calls it, where an answer said so.
    provider_ids: Vec<MessageId>,
    /// The handlers that ended well, and what became of their acks.
    handled: HashMap<Receipt, Ack>,
}

/// Says what became of an ack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ack {
    /// The provider confirmed it.
    Done,
    /// Its answer was lost, so that the provider may not have heard of it.
    Lost,
    /// It came when the lease had ended.
    Late,
    /// The provider refused it.
    Refused,
    /// It was not sent, or not answered before the end.
    Missing,
}

/// Counts handlers that ended well with a message that another had ended well with, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Causes {
    /// An ack whose answer was lost.
    pub lost_ack: u64,
    /// A lease that ended before the ack.
    pub ended_lease: u64,
    /// An ack that the provider refused until the lease ended.
    pub refused_ack: u64,
    /// A send that was tried again, since nobody knew whether the provider had taken the message.
    pub unknown_send: u64,
    /// A second copy that the provider kept.
    pub provider: u64,
    /// None of these.
    pub unexplained: u64,
}

impl Causes {
    /// Returns how many there are.
    #[must_use]
    pub fn sum(self) -> u64 {
        let Self {
            lost_ack,
            ended_lease,
            refused_ack,
            unknown_send,
            provider,
            unexplained,
        } = self;
        lost_ack + ended_lease + refused_ack + unknown_send + provider + unexplained
    }
}

impl Display for Causes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            lost_ack,
            ended_lease,
            refused_ack,
            unknown_send,
            provider,
            unexplained,
        } = self;
        write!(
            f,
            "{} handled again: {lost_ack} by a lost ack, {ended_lease} by an ended lease, \
             {refused_ack} by a refused ack, {unknown_send} by an unknown send, \
             {provider} by the provider, {unexplained} unexplained",
            self.sum()
        )
    }
}

impl Record {
    /// Tells `watch` what it hears.
    #[must_use]
    pub fn new(watch: Arc<Watch>) -> Self {
        Self {
            watch,
            messages: Mutex::default(),
            words: Mutex::default(),
        }
    }

    fn messages(&self) -> MutexGuard<'_, HashMap<MessageId, History>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self) -> MutexGuard<'_, Option<String>> {
        self.words.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps every event in words from now on.
    pub fn keep_words(&self) {
        *self.kept() = Some(String::new());
    }

    /// Returns every event in words.
    #[must_use]
    pub fn words(&self) -> String {
        self.kept().clone().unwrap_or_default()
    }

    /// Explains every duplicate since the last call, where the provider kept the messages `doubled`
    /// twice.
    #[must_use]
    pub fn causes(&self, doubled: &HashSet<MessageId>) -> Causes {
        let messages = std::mem::take(&mut *self.messages());
        let mut causes = Causes::default();
        for history in messages.values() {
            history.explain(doubled, &mut causes);
        }
        causes
    }
}

impl History {
    /// Each ack that was not confirmed explains one further delivery of the copy it was for, and
    /// each further copy one delivery more.
    fn explain(&self, doubled: &HashSet<MessageId>, causes: &mut Causes) {
        let mut left = (self.handled.len() as u64).saturating_sub(1);
        let mut take = |counter: &mut u64, at_most: u64| {
            let taken = left.min(at_most);
            *counter += taken;
            left -= taken;
        };
        let count = |ack| self.handled.values().filter(|it| **it == ack).count() as u64;
        take(&mut causes.lost_ack, count(Ack::Lost));
        take(&mut causes.ended_lease, count(Ack::Late));
        take(&mut causes.refused_ack, count(Ack::Refused));
        take(&mut causes.unknown_send, self.unknown_sends);
        let copies = self.provider_ids.iter().filter(|id| doubled.contains(id));
        // What the provider calls the copy of an unknown send is unknown as well.
        let copies = copies.count() as u64 + self.unknown_sends;
        take(
            &mut causes.provider,
            if doubled.is_empty() { 0 } else { copies },
        );
        take(&mut causes.unexplained, u64::MAX);
    }

    fn note(&mut self, event: &Event<'_>) {
        match event {
            Event::Sent { result, .. } => match result {
                Ok(sent) => self.provider_ids.extend(sent.id.clone()),
                Err(error) => {
                    self.unknown_sends += u64::from(error.kind() == ErrorKind::OutcomeUnknown);
                }
            },
            Event::Handled {
                delivery, result, ..
            } if result.is_ok_and(Settlement::is_success) => {
                self.handled.insert(delivery.receipt.clone(), Ack::Missing);
            }
            Event::Settled {
                delivery, result, ..
            } => {
                if let Some(ack) = self.handled.get_mut(&delivery.receipt) {
                    *ack = match result.map_err(Error::kind) {
                        Ok(()) => Ack::Done,
                        Err(ErrorKind::OutcomeUnknown) => Ack::Lost,
                        Err(ErrorKind::LeaseLost) => Ack::Late,
                        Err(_) => Ack::Refused,
                    };
                }
            }
            _ => {}
        }
    }
}

/// The message that an event is about.
fn message<'a>(event: &Event<'a>) -> Option<&'a MessageId> {
    match event {
        Event::Sent { id, .. } => Some(id),
        Event::Handled { delivery, .. } | Event::Settled { delivery, .. } => Some(&delivery.id),
        _ => None,
    }
}

impl Observer for Record {
    fn observe(&self, now: Instant, events: &[Event<'_>]) {
        if let Some(words) = &mut *self.kept() {
            for event in events {
                // A text takes everything.
                let _ = writeln!(words, "{event:?} {event:#?}");
            }
        }
        let mut messages = self.messages();
        for event in events {
            if let Some(id) = message(event) {
                messages.entry(id.clone()).or_default().note(event);
            }
        }
        drop(messages);
        self.watch.observe(now, events);
    }
}
