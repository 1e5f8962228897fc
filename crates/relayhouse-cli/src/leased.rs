//! Messages that are taken under a lease: those that stay are held, and given back.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use relayhouse::{Delivery, Error, ErrorKind, Message, Queue, Settlement, runtime::Pull};

use crate::{
    console::Console,
    failure::no_delay,
    lease::with_lease,
    open::are_shown,
    sessions::{Desk, Sessions},
};

/// How many are held at most, without their bodies.
const HELD_MAX: usize = 100_000;

/// How many are held at most where leases are kept by many small calls, each of which costs.
const HELD_MAX_COSTLY: usize = 10_000;

/// What one receive brings at most.
const PREFETCH_MAX: u32 = 100;

/// After so long without a further one there is none.
const WAIT: Duration = Duration::from_secs(1);

/// Says how messages are taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Looking {
    /// How many are looked at, at most.
    pub(crate) scan: Option<u32>,
    /// After so long without a further one there is none.
    pub(crate) wait: Duration,
    /// The lease to ask for, if somebody wants one.
    pub(crate) lease: Option<Duration>,
}

impl Looking {
    /// Looks at `scan` messages at most, in the usual way.
    pub(crate) const fn at(scan: Option<u32>) -> Self {
        Self {
            scan,
            wait: WAIT,
            lease: None,
        }
    }
}

/// Takes messages, and holds what stays.
#[derive(Debug)]
pub(crate) struct Leased {
    intake: Intake,
    held: Vec<Delivery>,
    held_max: usize,
    left: u64,
    /// True if a lease holds back what is behind it in its key, as far as is known.
    may_hold_back: bool,
    holds_back: bool,
}

/// Is how messages come.
#[derive(Debug)]
enum Intake {
    Pull(Pull),
    Sessions(Sessions),
}

/// Settles what was taken.
#[derive(Clone, Debug)]
pub(crate) enum Hand {
    Pull(Pull),
    Sessions(Arc<Desk>),
}

impl Hand {
    /// Settles a delivery, and returns when the provider has confirmed it.
    pub(crate) async fn settle(
        &self,
        delivery: Delivery,
        settlement: Settlement,
    ) -> Result<(), Error> {
        match self {
            Self::Pull(pull) => pull.settle(delivery, settlement).await,
            Self::Sessions(desk) => desk.settle(&delivery, settlement).await,
        }
    }
}

impl Intake {
    async fn open(queue: &Queue, wait: Duration, lease: Option<Duration>) -> Result<Self, Error> {
        let pull = with_lease(lease, async |lease| {
            let consumer = queue
                .consumer()
                .prefetch_max(PREFETCH_MAX)
                .receive_wait(wait)
                .failure(no_delay());
            match lease {
                Some(lease) => consumer.lease(lease).pull().await,
                None => consumer.pull().await,
            }
        });
        match pull.await {
            Err(error) if error.kind() == ErrorKind::Unsupported => {}
            pull => return pull.map(Self::Pull),
        }
        let sessions = with_lease(lease, async |lease| {
            Sessions::open(queue, wait, lease).await
        });
        sessions.await.map(Self::Sessions)
    }
}

impl Leased {
    /// Opens `queue` to take from it.
    pub(crate) async fn open(queue: &Queue, looking: Looking) -> Result<Self, Error> {
        let Looking { scan, wait, lease } = looking;
        let left = scan.map_or(u64::MAX, u64::from);
        let is_costly = !are_shown(queue);
        Ok(Self {
            intake: Intake::open(queue, wait, lease).await?,
            held: Vec::new(),
            held_max: if is_costly { HELD_MAX_COSTLY } else { HELD_MAX },
            left,
            may_hold_back: is_costly,
            holds_back: false,
        })
    }

    /// Takes the next one, of `max` that are wanted; none if none came, or as many were looked at
    /// as may be.
    pub(crate) async fn next(&mut self, max: u32) -> Result<Option<Delivery>, Error> {
        let room = self.held_max.saturating_sub(self.held.len()) as u64;
        let wanted = self.left.min(u64::from(max)).min(room);
        let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
        let Some(wanted) = NonZeroU32::new(wanted) else {
            return Ok(None);
        };
        let next = match &mut self.intake {
            Intake::Pull(pull) => pull.next_up_to(wanted).await?,
            Intake::Sessions(sessions) => sessions.next().await?,
        };
        self.left -= u64::from(next.is_some());
        Ok(next)
    }

    /// Holds one until the end, so that it does not come again meanwhile. Its lease is enough.
    pub(crate) fn hold(&mut self, delivery: Delivery) {
        let has_key = delivery.message.details().ordering_key.is_some();
        self.holds_back |= self.may_hold_back && has_key;
        self.held.push(Delivery {
            message: Message::default(),
            envelope: None,
            ..delivery
        });
    }

    /// Returns what settles.
    pub(crate) fn hand(&self) -> Hand {
        match &self.intake {
            Intake::Pull(pull) => Hand::Pull(pull.clone()),
            Intake::Sessions(sessions) => Hand::Sessions(sessions.desk()),
        }
    }

    /// Returns true if no more can be held, so that nothing further is taken.
    pub(crate) const fn is_full(&self) -> bool {
        self.held_max <= self.held.len()
    }

    /// Says why it may not have reached all, if that is so.
    pub(crate) fn say(&self, console: Console) {
        if self.is_full() {
            let held = self.held.len();
            console.note(&format!(
                "there may be more: {held} that stay are all that is held"
            ));
        } else if self.left == 0 {
            console.note("there may be more: look at more of them with --scan");
        }
        if self.holds_back {
            console.note(
                "what is behind another in its ordering key is out of reach while that is held: \
                 some may not have been looked at",
            );
        }
    }

    /// Gives back what is held.
    pub(crate) async fn give_back(&mut self) -> Result<(), Error> {
        let (mut first, hand) = (Ok(()), self.hand());
        for delivery in std::mem::take(&mut self.held) {
            first = first.and(hand.settle(delivery, Settlement::RELEASE).await);
        }
        first
    }

    /// Gives back what is held, and ends.
    pub(crate) async fn close(mut self) -> Result<(), Error> {
        let given_back = self.give_back().await;
        let closed = match self.intake {
            Intake::Pull(pull) => pull.close().await,
            Intake::Sessions(sessions) => sessions.close().await,
        };
        given_back.and(closed)
    }
}
