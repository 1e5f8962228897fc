//! Sends settlements off, by the link or by the management node, and hears what became of them.

use std::time::Duration;

use fe2o3_amqp::link::delivery::DeliveryInfo;
use futures_util::future::{join, join_all};
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
        tap::{Answers, Heard, Token},
    },
    transaction::{Part, Work},
};

/// Is what was decided of one delivery.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(super) token: Token,
    pub(super) decision: Decision,
}

/// Is a delivery that is settled by the link: its place in the batch, what was decided, and when its
/// lock ends, as far as that is known.
struct Leaving {
    place: usize,
    decided: Decided,
    /// How the link knows it.
    info: DeliveryInfo,
    until: Instant,
}

/// What became of the item at a place of a batch.
type Told = (usize, Result<()>);

impl ServiceBusReceiver {
    /// Settles every item of `batch`, each in the way that suits it.
    pub(super) async fn settle_all(&self, batch: &mut [Settling]) {
        let (mut decided, mut delayed) = (Vec::with_capacity(batch.len()), Vec::new());
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
                Ok(it) => decided.push((place, it)),
                Err(error) => told.push((place, Err(error))),
            }
        }
        let delayed = delayed.into_iter().map(async |(place, delivery, delay)| {
            (place, self.release_later(delivery, delay).await)
        });
        let (settled, later) = join(self.settle_decided(decided), join_all(delayed)).await;
        for (place, result) in told.into_iter().chain(settled).chain(later) {
            let result = result.map_err(|error| error.at(Operation::Settle, &self.source));
            batch[place].outcome = Outcome::from(result);
        }
    }

    /// Settles what was decided: by the link what came over it, and the rest by its lock alone.
    async fn settle_decided(&self, decided: Vec<(usize, Decided)>) -> Vec<Told> {
        let helds = self
            .shelf
            .take_each(decided.iter().map(|(_, it)| &it.token));
        let (mut linked, mut apart) = (Vec::with_capacity(decided.len()), Vec::new());
        let mut told = Vec::new();
        for ((place, decided), held) in decided.into_iter().zip(helds) {
            let Some(Held { info, until }) = held else {
                told.push((place, Err(self.lost(Operation::Settle))));
                continue;
            };
            match info {
                Some(info) => linked.push(Leaving {
                    place,
                    decided,
                    info,
                    until,
                }),
                None => apart.push(self.settle_apart(place, decided, until)),
            }
        }
        let (by_link, by_node) = join(self.settle_linked(linked), join_all(apart)).await;
        told.extend(by_link);
        told.extend(by_node);
        told
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
        let told = self.settle_decided(vec![(0, decided)]).await;
        let settled = told.into_iter().next().map_or(Ok(()), |(_, result)| result);
        settled.map_err(|error| error.at(Operation::Settle, &self.source))
    }

    /// Settles what came over the link, by the link.
    async fn settle_linked(&self, leaving: Vec<Leaving>) -> Vec<Told> {
        if leaving.is_empty() {
            return Vec::new();
        }
        let lost = |place| (place, Err(self.lost(Operation::Settle)));
        let Some(desk) = self.shelf.desk() else {
            return leaving.into_iter().map(|it| lost(it.place)).collect();
        };
        let tokens: Vec<Token> = leaving.iter().map(|it| it.decided.token).collect();
        let asked = desk.answers.ask(&tokens);
        let mut order = Vec::with_capacity(leaving.len());
        let mut left = Vec::with_capacity(leaving.len());
        for (leaving, heard) in leaving.into_iter().zip(asked.heard()) {
            let Leaving {
                place,
                decided: Decided { token, decision },
                info,
                until,
            } = leaving;
            // What is gone before it was asked for is lost, and nothing is sent for it.
            let is_gone = heard == Heard::Gone;
            if !is_gone {
                order.push((info, settle::terminal(decision.outcome)));
            }
            left.push((place, token, decision.expected, until, is_gone));
        }
        let mut has_left = true;
        let work = async {
            has_left = desk.order(Order::Settle(order)).await;
            if has_left {
                asked.all().await;
            }
        };
        // What has no answer by the end stays unknown.
        link::within(self.hub.link.clock(), self.hub.call_timeout, work).await;
        let told = left.into_iter().zip(asked.heard());
        told.map(|((place, token, expected, until, is_gone), heard)| {
            if is_gone || !has_left {
                return lost(place);
            }
            let Heard::Answer(answer) = heard else {
                return (place, Err(link::unknown()));
            };
            let settled = error::of_answer(&answer, &expected);
            (
                place,
                settled.inspect_err(|error| self.keep(token, until, error)),
            )
        })
        .collect()
    }

    /// Keeps a delivery that the broker would not settle now. The link has let go of it, and so it
    /// can be tried again by its lock alone.
    fn keep(&self, token: Token, until: Instant, why: &Error) {
        if why.is_temporary() {
            self.shelf.hold(token, None, until);
        }
    }

    /// Settles what did not come over the link, or whose link lets go of it, by its lock alone.
    async fn settle_apart(&self, place: usize, decided: Decided, until: Instant) -> Told {
        let Decided { token, decision } = decided;
        let question = settle::question(&token, &decision.outcome);
        let answer = self.ask(question, Operation::Settle).await;
        let settled = answer
            .inspect_err(|error| self.keep(token, until, error))
            .map(|_| ());
        (place, settled)
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
        let tokens: Vec<Token> = decided.iter().map(|it| it.token).collect();
        let asked = desk.answers.ask(&tokens);
        let mut expected = Vec::with_capacity(decided.len());
        let mut order = Vec::with_capacity(decided.len());
        for (Decided { token, decision }, held) in decided.into_iter().zip(helds) {
            // If nothing comes of the transaction, the lock is still there, but its delivery is
            // settled as far as the link is concerned.
            self.shelf.hold(token, None, held.until);
            expected.push(decision.expected);
            order.extend(held.info.map(|info| (info, decision.outcome)));
        }
        let (done, retired) = oneshot::channel();
        let order = Order::Retire { part, order, done };
        if !desk.order(order).await {
            return Err(self.lost(Operation::Settle));
        }
        retired.await.map_err(|_| link::unknown())??;
        asked.all().await;
        for (heard, expected) in asked.heard().into_iter().zip(expected) {
            let Heard::Answer(answer) = heard else {
                return Err(link::unknown());
            };
            error::of_answer(&answer, &expected)?;
        }
        Ok(())
    }

    /// Takes all deliveries off the shelf, or none.
    fn take_linked(&self, desk: &Desk, decided: &[Decided]) -> Result<Vec<Held>> {
        let is_there =
            |it: &Decided| self.shelf.is_linked(&it.token) && desk.answers.has(&it.token);
        if !decided.iter().all(is_there) {
            return Err(self.lost(Operation::Settle));
        }
        let helds = self.shelf.take_each(decided.iter().map(|it| &it.token));
        let helds = helds.into_iter().collect::<Option<Vec<_>>>();
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
