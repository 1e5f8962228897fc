//! Sends settlements off, by the link or by the management node, and hears what became of them.

use std::time::Duration;

use futures_util::future::{join_all, join3};
use relayhouse_core::{
    Delivery, Entity, Error, Instant, Operation, Outcome, Result, Settlement, Settling,
    port::Receiver,
};
use tokio::sync::oneshot;

use super::{
    ServiceBusReceiver,
    intake::{Desk, Order},
    settle::{self, Decision},
    shelf::Held,
};
use crate::{
    convert, error,
    link::{
        self,
        tap::{Answer, Answers, Asked, Token},
    },
    transaction::{Part, Work},
};

/// Is what was decided of one delivery.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(super) token: Token,
    pub(super) decision: Decision,
}

/// Is a settlement that is on its way over the link.
struct Underway {
    /// The number of its answer among all that are told.
    number: usize,
    answer: Asked,
    expected: Answer,
    token: Token,
    /// When the lock ends, as far as that is known.
    until: Instant,
}

/// What became of the item at a place of a batch.
type Told = (usize, Result<()>);

impl ServiceBusReceiver {
    /// Settles every item of `batch`, each in the way that suits it.
    pub(super) async fn settle_all(&self, batch: &mut [Settling]) {
        let (mut linked, mut apart, mut delayed) = (Vec::new(), Vec::new(), Vec::new());
        let mut told = Vec::<Told>::new();
        for (place, item) in batch.iter().enumerate() {
            match item.settlement {
                Settlement::Release { delay } if !delay.is_zero() && self.can_delay() => {
                    delayed.push((place, &item.delivery, delay));
                    continue;
                }
                _ => {}
            }
            match self.decide(item) {
                Ok(decided) => match self.shelf.is_linked(&decided.token) {
                    Some(true) => linked.push((place, decided)),
                    Some(false) => apart.push((place, decided)),
                    None => told.push((place, Err(self.lost(Operation::Settle)))),
                },
                Err(error) => told.push((place, Err(error))),
            }
        }
        let delayed = delayed.into_iter().map(async |(place, delivery, delay)| {
            (place, self.release_later(delivery, delay).await)
        });
        let apart = apart
            .into_iter()
            .map(async |(place, decided)| (place, self.settle_apart(decided).await));
        let (by_link, by_node, later) = join3(
            self.settle_linked(linked),
            join_all(apart),
            join_all(delayed),
        )
        .await;
        for (place, result) in told.into_iter().chain(by_link).chain(by_node).chain(later) {
            let result = result.map_err(|error| error.at(Operation::Settle, &self.source));
            batch[place].outcome = Outcome::from(result);
        }
    }

    /// Says what is sent for every item.
    pub(crate) fn decide_all(&self, batch: &[Settling]) -> Result<Vec<Decided>> {
        batch.iter().map(|item| self.decide(item)).collect()
    }

    fn decide(&self, item: &Settling) -> Result<Decided> {
        let now = self.hub.link.clock().wall();
        let Delivery {
            attempt,
            enqueued_at,
            ..
        } = item.delivery;
        let decision = settle::decide(&item.settlement, attempt, enqueued_at, now)?;
        self.decided(&item.delivery, decision)
    }

    pub(super) fn decided(&self, delivery: &Delivery, decision: Decision) -> Result<Decided> {
        match delivery.receipt.as_bytes() {
            Some(token) => Ok(Decided {
                token: *token,
                decision,
            }),
            None => Err(self.lost(Operation::Settle)),
        }
    }

    /// Settles one delivery.
    pub(super) async fn settle_one(&self, decided: Decided) -> Result<()> {
        let settled = match self.shelf.is_linked(&decided.token) {
            Some(true) => {
                let told = self.settle_linked(vec![(0, decided)]).await;
                told.into_iter().next().map_or(Ok(()), |(_, result)| result)
            }
            Some(false) => self.settle_apart(decided).await,
            None => Err(self.lost(Operation::Settle)),
        };
        settled.map_err(|error| error.at(Operation::Settle, &self.source))
    }

    /// Settles what came over the link, by the link.
    async fn settle_linked(&self, decided: Vec<(usize, Decided)>) -> Vec<Told> {
        if decided.is_empty() {
            return Vec::new();
        }
        let Some(desk) = self.shelf.desk() else {
            let lost = |(place, _)| (place, Err(self.lost(Operation::Settle)));
            return decided.into_iter().map(lost).collect();
        };
        let (mut told, mut underway) = (Vec::with_capacity(decided.len()), Vec::new());
        let mut order = Vec::with_capacity(decided.len());
        for (place, Decided { token, decision }) in decided {
            match self.shelf.take(&token) {
                Some(Held {
                    info: Some(info),
                    until,
                }) if desk.answers.has(&token) => {
                    underway.push(Underway {
                        number: told.len(),
                        answer: desk.answers.ask(&token),
                        expected: decision.expected,
                        token,
                        until,
                    });
                    order.push((info, settle::terminal(decision.outcome)));
                    told.push((place, Err(link::unknown())));
                }
                _ => told.push((place, Err(self.lost(Operation::Settle)))),
            }
        }
        let work = async {
            let has_left = desk.order(Order::Settle(order)).await;
            for settlement in underway {
                let number = settlement.number;
                told[number].1 = match has_left {
                    true => self.hear(settlement).await,
                    // The link ended before anything left.
                    false => Err(self.lost(Operation::Settle)),
                };
            }
        };
        // What has no answer by the end stays unknown.
        link::within(self.hub.link.clock(), self.hub.call_timeout, work).await;
        told
    }

    /// Hears what the broker says of one settlement.
    async fn hear(&self, settlement: Underway) -> Result<()> {
        let answer = settlement.answer.await.map_err(|_| link::unknown())?;
        let settled = error::of_answer(&answer, &settlement.expected);
        settled.inspect_err(|error| self.keep(settlement.token, settlement.until, error))
    }

    /// Keeps a delivery that the broker would not settle now. The link has let go of it, and so it
    /// can be tried again by its lock alone.
    fn keep(&self, token: Token, until: Instant, why: &Error) {
        if why.is_temporary() {
            self.shelf.hold(token, None, until);
        }
    }

    /// Settles what did not come over the link, or whose link lets go of it, by its lock alone.
    async fn settle_apart(&self, decided: Decided) -> Result<()> {
        let Decided { token, decision } = decided;
        let Some(held) = self.shelf.take(&token) else {
            return Err(self.lost(Operation::Settle));
        };
        let question = settle::question(&token, &decision.outcome);
        let answer = self.ask(question, Operation::Settle).await;
        answer
            .inspect_err(|error| self.keep(token, held.until, error))
            .map(|_| ())
    }

    /// Settles as part of a transaction, on the connection whose `answers` these are, and hears
    /// that all of it can be.
    pub(crate) async fn retire(
        &self,
        part: Part,
        decided: Vec<Decided>,
        answers: &Answers,
    ) -> Result<()> {
        let desk = self.shelf.desk();
        let desk = desk.filter(|desk| desk.answers.is_same(answers));
        let desk = desk.ok_or_else(|| self.lost(Operation::Settle))?;
        let helds = self.take_linked(&desk, &decided)?;
        let mut asked = Vec::with_capacity(decided.len());
        let mut order = Vec::with_capacity(decided.len());
        for (Decided { token, decision }, held) in decided.into_iter().zip(helds) {
            // If nothing comes of the transaction, the lock is still there, but its delivery is
            // settled as far as the link is concerned.
            self.shelf.hold(token, None, held.until);
            asked.push((desk.answers.ask(&token), decision.expected));
            order.extend(held.info.map(|info| (info, decision.outcome)));
        }
        let (done, retired) = oneshot::channel();
        let order = Order::Retire { part, order, done };
        if !desk.order(order).await {
            return Err(self.lost(Operation::Settle));
        }
        retired.await.map_err(|_| link::unknown())??;
        for (asked, expected) in asked {
            let answer = asked.await.map_err(|_| link::unknown())?;
            error::of_answer(&answer, &expected)?;
        }
        Ok(())
    }

    /// Takes all deliveries off the shelf, or none.
    fn take_linked(&self, desk: &Desk, decided: &[Decided]) -> Result<Vec<Held>> {
        let is_there = |it: &Decided| {
            self.shelf.is_linked(&it.token) == Some(true) && desk.answers.has(&it.token)
        };
        if !decided.iter().all(is_there) {
            return Err(self.lost(Operation::Settle));
        }
        let helds = decided.iter().map(|it| self.shelf.take(&it.token));
        let helds = helds.collect::<Option<Vec<_>>>();
        helds.ok_or_else(|| self.lost(Operation::Settle))
    }

    /// Notes that a transaction has settled deliveries, or may have.
    pub(crate) fn retired(&self, tokens: &[Token]) {
        for token in tokens {
            self.shelf.take(token);
        }
    }

    /// Returns true if what is received here can be sent again, to come later.
    pub(super) fn can_delay(&self) -> bool {
        let is_queue = matches!(self.source.entity, Entity::Queue(_));
        is_queue && !self.source.dead_letter && self.session.is_none()
    }

    /// Acks a delivery and schedules a copy of its message, as one.
    async fn release_later(&self, delivery: &Delivery, delay: Duration) -> Result<()> {
        let now = self.hub.link.clock().wall();
        let id = self.hub.ids.next_id();
        let packet = convert::copy(delivery, &id, now, delay, self.capabilities())?;
        let decision = settle::decide(
            &Settlement::Ack,
            delivery.attempt,
            delivery.enqueued_at,
            now,
        )?;
        let work = Work {
            hub: &self.hub,
            source: &self.source,
            settled: Some((self, vec![self.decided(delivery, decision)?])),
            queue: &self.path,
            packets: vec![packet],
        };
        work.run().await
    }
}

impl Decided {
    pub(crate) const fn token(&self) -> Token {
        self.token
    }
}
