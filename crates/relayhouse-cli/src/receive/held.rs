//! What becomes of deliveries that are printed.

use futures_util::stream::{FuturesUnordered, StreamExt};
use std::{future::Future, num::NonZeroU32, pin::Pin};

use relayhouse::{Delivery, Error, Settlement, runtime::Pull};

use crate::args::Receive;

/// What one receive brings at most that is settled as it goes.
const PREFETCH_MAX: u32 = 100;
const SETTLES_IN_FLIGHT_MAX: usize = 64;
const HELD_BYTES_MAX: u64 = 64 << 20;

type Settling = Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

/// Says what becomes of a delivery that is printed.
#[derive(Clone, Debug)]
pub(super) enum Keeping {
    /// It is settled at once.
    Settled(Settlement),
    /// It is held, and given back at the end.
    GivenBack,
    /// It is left to its lease.
    Left,
}

/// Settles deliveries, or holds them.
pub(super) struct Held {
    keeping: Keeping,
    pull: Pull,
    settling: FuturesUnordered<Settling>,
    deliveries: Vec<Delivery>,
    bytes: u64,
    count: u64,
}

impl Keeping {
    pub(super) fn of(args: &Receive) -> Self {
        match (&args.dead_letter, args.ack, args.leave) {
            (Some(reason), ..) => {
                let description = "dead-lettered by hand";
                Self::Settled(Settlement::dead_letter(reason.clone(), description))
            }
            (None, true, _) => Self::Settled(Settlement::Ack),
            (None, false, true) => Self::Left,
            (None, false, false) => Self::GivenBack,
        }
    }

    /// Returns what one receive brings at most, of `max` in all. What is held holds back what
    /// comes after it in its key: it has to come at once.
    pub(super) fn prefetch_max(&self, max: u32) -> u32 {
        match self {
            Self::Settled(_) => max.min(PREFETCH_MAX),
            Self::GivenBack | Self::Left => max,
        }
    }
}

impl Held {
    pub(super) fn new(keeping: Keeping, pull: &Pull) -> Self {
        Self {
            keeping,
            pull: pull.clone(),
            settling: FuturesUnordered::new(),
            deliveries: Vec::new(),
            bytes: 0,
            count: 0,
        }
    }

    /// Takes a delivery that was printed, or one that could not be: that is given back.
    pub(super) async fn take(&mut self, delivery: Delivery, is_printed: bool) -> Result<(), Error> {
        let settlement = match &self.keeping {
            _ if !is_printed => Settlement::RELEASE,
            Keeping::Settled(settlement) => settlement.clone(),
            Keeping::GivenBack => {
                self.count += 1;
                self.bytes += delivery.message.size();
                self.deliveries.push(delivery);
                return Ok(());
            }
            Keeping::Left => {
                self.count += 1;
                return Ok(());
            }
        };
        self.count += u64::from(is_printed);
        self.settle(delivery, settlement).await
    }

    async fn settle(&mut self, delivery: Delivery, settlement: Settlement) -> Result<(), Error> {
        let pull = self.pull.clone();
        self.settling.push(Box::pin(
            async move { pull.settle(delivery, settlement).await },
        ));
        while SETTLES_IN_FLIGHT_MAX <= self.settling.len() {
            self.settle_one().await?;
        }
        Ok(())
    }

    /// Returns true if no settlement is under way.
    pub(super) fn is_settled(&self) -> bool {
        self.settling.is_empty()
    }

    /// Waits for one settlement that is under way. Dropping the future costs nothing.
    pub(super) async fn settle_one(&mut self) -> Result<(), Error> {
        self.settling.next().await.unwrap_or(Ok(()))
    }

    /// Waits for all settlements that are under way.
    pub(super) async fn settled(&mut self) -> Result<(), Error> {
        let mut first = Ok(());
        while let Some(settled) = self.settling.next().await {
            first = first.and(settled);
        }
        first
    }

    /// Gives back what is held, and waits for settlements.
    pub(super) async fn end(&mut self) -> Result<(), Error> {
        let mut first = Ok(());
        for delivery in std::mem::take(&mut self.deliveries) {
            first = first.and(self.settle(delivery, Settlement::RELEASE).await);
        }
        first.and(self.settled().await)
    }

    /// Returns true if no more may be held.
    pub(super) const fn is_full(&self) -> bool {
        HELD_BYTES_MAX <= self.bytes
    }

    /// Returns how many more are wanted of `max` in all; `None` once there are as many.
    pub(super) fn wanted(&self, max: u32) -> Option<NonZeroU32> {
        let left = u64::from(max).saturating_sub(self.count);
        NonZeroU32::new(u32::try_from(left).unwrap_or(u32::MAX))
    }

    /// Returns how many were printed.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }
}
