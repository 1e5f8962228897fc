//! Where dead letters go: back to where each came from, or all to one queue.

use std::collections::BTreeMap;

use relayhouse::{Delivery, Error, Queue, Registry, Source};

use crate::{
    audit::Change,
    carry::{Parcel, Target, again},
    exit::Failure,
    leased::Hand,
    open,
};

/// Finds the queue that a dead letter goes to.
#[derive(Debug)]
pub(super) struct Sources {
    dead: Queue,
    /// The URL of the dead letters, without its options.
    place: String,
    to: Option<Target>,
    back: BTreeMap<String, (Queue, Target)>,
}

impl Sources {
    /// Sends the dead letters `dead` of the queue at `url` to the queue at `to`, or back if there is none.
    pub(super) async fn open(
        registry: &Registry,
        dead: &Queue,
        url: &str,
        to: Option<&str>,
    ) -> Result<Self, Failure> {
        let to = match to {
            Some(url) => {
                let mut target = Target::of(&registry.open(url).await?).await?;
                open::parts(url).0.clone_into(&mut target.name);
                Some(target)
            }
            None => None,
        };
        Ok(Self {
            dead: dead.clone(),
            place: open::dead_letters(url),
            to,
            back: BTreeMap::new(),
        })
    }

    /// Makes the parcel of a dead letter that `hand` settles.
    ///
    /// # Errors
    ///
    /// Returns why nothing can be sent to where it came from.
    pub(super) async fn parcel(
        &mut self,
        hand: &Hand,
        delivery: Delivery,
    ) -> Result<Parcel, (Delivery, Error)> {
        match self.target(&delivery).await {
            Ok(target) => Ok(Parcel {
                change: Change::of(&delivery, Some(target.name)),
                send: Some((
                    target.producer,
                    again(&delivery, &self.place, target.dedups),
                )),
                from: Some((hand.clone(), delivery)),
            }),
            Err(error) => Err((delivery, error)),
        }
    }

    async fn target(&mut self, delivery: &Delivery) -> Result<Target, Error> {
        if let Some(target) = &self.to {
            return Ok(target.clone());
        }
        let source = self.source(delivery);
        let name = source.to_string();
        if let Some((_, target)) = self.back.get(&name) {
            return Ok(target.clone());
        }
        let queue = self.dead.sibling(source)?;
        let target = Target::of(&queue).await?;
        self.back.insert(name, (queue, target.clone()));
        Ok(target)
    }

    /// Returns where `delivery` came from.
    fn source(&self, delivery: &Delivery) -> Source {
        let envelope = delivery.envelope.as_deref();
        envelope.map_or_else(|| self.dead.source().live(), |it| it.source.live())
    }

    /// Returns the queues that something was sent back to.
    pub(super) fn back(&self) -> impl Iterator<Item = &Queue> {
        self.back.values().map(|(queue, _)| queue)
    }
}
