//! What a consumer did and nobody told, found out from the queue after the consumer is gone.
//!
//! A process that is killed with -9 cannot finish its sentence: what it did last it may not have
//! told. The history would then show things that no queue may do, such as a message that is gone
//! without an ack, and an oracle that forgave them all would forgive a real loss as well. So the
//! history is completed, but by no more than this:
//!
//! - **The process tells before it acts.** That a delivery was received is told before a handler
//!   has it, and how the handler ended before the delivery is settled; each line has left the
//!   process before the next step. Of one message it can thus leave out no more than the last
//!   settlement, and a receive after it.
//! - **A settlement that may have been on its way.** Where a handler had succeeded, an ack; where
//!   one had failed, a release or a dead letter. Nothing consumes now, so the queue itself decides:
//!   a message that is on it was not acked; one whose handler had succeeded and that is nowhere
//!   was; one whose handler had failed and that is among the dead letters was dead-lettered. A
//!   failed one that is still on the queue may have been released or not: the oracle hears of an
//!   answer that is not known, and does not take the next delivery for one beside the first.
//! - **A receive that was done.** A message on the queue that counts one attempt more than was
//!   told was in the hands of the process: the oracle hears of that delivery. Of two more it does
//!   not.
//!
//! Everything else stays as it was told, and is checked as it is. A message that is gone while its
//! handler had not ended, or had failed, is lost: nobody was about to ack it. So is one that was
//! never received, and a dead letter whose handler had not failed. One that was acked and is still
//! on the queue has come back from the dead. What the oracle cannot see is the loss of a message
//! whose handler had succeeded and whose ack was on its way: that one was handled, which is what
//! its sender was promised.
//!
//! Leases that the process extended without telling end later than the oracle believes, which lets
//! it accuse nobody. Its clock is set beside that of the demonstration when it begins, and by what
//! the two differ all its times are early, never late: no lease seems longer than it was.

use std::{collections::HashMap, num::NonZeroU32, time::Duration};

use relayhouse::{
    Delivery, Error, ErrorKind, Event, MessageId, Observer, Queue, Settlement, Source, port::Admin,
};

use super::{
    hands::{Shown, Untold},
    witness::Witness,
};

/// The most messages that a provider shows at a time.
const PAGE_MAX: NonZeroU32 = match NonZeroU32::new(1000) {
    Some(max) => max,
    None => NonZeroU32::MIN,
};

/// Completes the history of consumers that are gone, and ends it: nothing may consume `queue`.
pub(crate) async fn complete(queue: &Queue, witness: &Witness) -> Result<(), Error> {
    let admin = queue.admin()?;
    let source = queue.source();
    // In this order: what is dead-lettered between the two looks is seen in both, or in one.
    let shown = Shown {
        live: all(&*admin, source).await?,
        dead: all(&*admin, &source.dead_letters()).await?,
    };
    let now = queue.context().clock.now();
    let unknown = Error::new(ErrorKind::OutcomeUnknown, "the consumer is gone");
    for untold in witness.hands.untold(&shown) {
        let event = match &untold {
            Untold::Received(delivery) => Event::Received { source, delivery },
            Untold::Settled(delivery, settlement) => Event::Settled {
                source,
                delivery,
                settlement,
                took: Duration::ZERO,
                result: Ok(()),
            },
            Untold::Released(delivery) => Event::Settled {
                source,
                delivery,
                settlement: &Settlement::RELEASE,
                took: Duration::ZERO,
                result: Err(&unknown),
            },
        };
        witness.observe(now, &[event]);
    }
    witness.crashed(queue.context().clock.now());
    Ok(())
}

/// Returns all messages of `source`.
async fn all(admin: &dyn Admin, source: &Source) -> Result<HashMap<MessageId, Delivery>, Error> {
    let mut all = HashMap::new();
    let mut from = 0;
    loop {
        let page = admin.peek(source, from, PAGE_MAX).await?;
        let last = page.last().and_then(|delivery| delivery.sequence);
        all.extend(page.into_iter().map(|it| (it.id.clone(), it)));
        match last {
            Some(last) => from = last + 1,
            None => return Ok(all),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use relayhouse::{
        Message, Registry, Settling,
        port::{ReceiveRequest, Receiver, ReceiverOptions},
    };
    use relayhouse_testkit::oracle::Verdict;

    use super::{super::consumer::ATTEMPTS_MAX, *};
    use crate::{demo::ledger::Counts, open};

    /// A message on a queue, and a consumer of it that may not tell what it does.
    struct Scene {
        queue: Queue,
        witness: Arc<Witness>,
        receiver: Arc<dyn Receiver>,
    }

    impl Scene {
        async fn new() -> Self {
            let registry = Registry::new().unwrap();
            let witness = Arc::new(Witness::new());
            let observer = Arc::clone(&witness) as _;
            let queue = open::observed(&registry, "memory://scene", observer);
            let queue = queue.await.unwrap();
            witness.watch(&queue, 1, ATTEMPTS_MAX);
            let message = Message::new("{}").id(MessageId::from(7));
            let now = queue.context().clock.now();
            witness.sending(now, &message, now);
            queue.producer().send(message).await.unwrap();
            let options = ReceiverOptions::default();
            let receiver = queue.provider().receiver(queue.source(), options);
            Self {
                receiver: receiver.await.unwrap(),
                witness,
                queue,
            }
        }

        async fn receive(&self) -> Delivery {
            let mut deliveries = Vec::new();
            let received = self.receiver.receive(ReceiveRequest::ONE, &mut deliveries);
            received.await.unwrap();
            deliveries.remove(0)
        }

        async fn settle(&self, delivery: Delivery, settlement: Settlement) {
            let mut batch = [Settling::new(delivery, settlement)];
            self.receiver.settle(&mut batch).await.unwrap();
            assert!(batch[0].outcome.is_done());
        }

        fn tell(&self, event: Event<'_>) {
            self.witness
                .observe(self.queue.context().clock.now(), &[event]);
        }

        fn tell_received(&self, delivery: &Delivery) {
            let source = self.queue.source();
            self.tell(Event::Received { source, delivery });
        }

        fn tell_handled(&self, delivery: &Delivery, result: Result<&Settlement, &Error>) {
            self.tell(Event::Handled {
                source: self.queue.source(),
                delivery,
                took: Duration::ZERO,
                lease_left: None,
                result,
            });
        }

        async fn end(&self) -> (Counts, Verdict) {
            complete(&self.queue, &self.witness).await.unwrap();
            let stats = self.queue.admin().unwrap();
            let stats = stats.stats(self.queue.source()).await.unwrap();
            let left = stats.live();
            (self.witness.ledger.counts(), self.witness.verdict(left))
        }
    }

    fn failure() -> Error {
        Error::new(ErrorKind::Handler, "failed")
    }

    /// Plays a message that is received, handled with `result` if there is one, and settled
    /// without a word.
    async fn settled_untold(
        result: Option<Result<Settlement, Error>>,
        settlement: Settlement,
    ) -> (Counts, Verdict) {
        let scene = Scene::new().await;
        let delivery = scene.receive().await;
        scene.tell_received(&delivery);
        if let Some(result) = result {
            scene.tell_handled(&delivery, result.as_ref());
        }
        scene.settle(delivery, settlement).await;
        scene.end().await
    }

    #[tokio::test]
    async fn ack_that_was_on_its_way_is_taken_for_done_if_the_message_is_gone() {
        let (counts, verdict) = settled_untold(Some(Ok(Settlement::Ack)), Settlement::Ack).await;
        assert!(verdict.is_ok(), "{verdict}");
        assert_eq!((counts.acked, verdict.acked), (1, 1));
        let (counts, verdict) =
            settled_untold(Some(Ok(Settlement::Ack)), Settlement::RELEASE).await;
        assert!(verdict.is_ok(), "{verdict}");
        assert_eq!((counts.acked, verdict.acked), (0, 0));
    }

    #[tokio::test]
    async fn message_that_is_gone_and_was_not_about_to_be_acked_is_lost() {
        for result in [None, Some(Err(failure()))] {
            let (counts, verdict) = settled_untold(result, Settlement::Ack).await;
            assert_eq!(verdict.breaches.lost, 1, "{verdict}");
            assert_eq!(counts.acked, 0);
        }
    }

    #[tokio::test]
    async fn dead_letter_that_was_on_its_way_is_found() {
        let letter = Settlement::dead_letter("rejected", "wrong");
        let (counts, verdict) = settled_untold(Some(Err(failure())), letter.clone()).await;
        assert!(verdict.is_ok(), "{verdict}");
        assert_eq!((counts.dead, verdict.dead_lettered), (1, 1));
        // Nobody had a reason for it.
        let (counts, verdict) = settled_untold(Some(Ok(Settlement::Ack)), letter).await;
        assert_eq!(verdict.breaches.lost, 1, "{verdict}");
        assert_eq!(counts.dead, 0);
    }

    #[tokio::test]
    async fn release_that_was_on_its_way_makes_no_overlap() {
        let scene = Scene::new().await;
        let first = scene.receive().await;
        scene.tell_received(&first);
        scene.tell_handled(&first, Err(&failure()));
        scene.settle(first, Settlement::RELEASE).await;
        complete(&scene.queue, &scene.witness).await.unwrap();
        scene.tell_received(&scene.receive().await);
        let (_, verdict) = scene.end().await;
        assert!(verdict.is_ok(), "{verdict}");
        assert_eq!((verdict.received, verdict.settle_unknown), (2, 1));
    }

    #[tokio::test]
    async fn one_delivery_that_nobody_told_of_is_found_and_two_are_a_breach() {
        for (untold, expected) in [(1, 0), (2, 1)] {
            let scene = Scene::new().await;
            for _ in 1..untold {
                let delivery = scene.receive().await;
                scene.settle(delivery, Settlement::RELEASE).await;
            }
            let last = scene.receive().await;
            complete(&scene.queue, &scene.witness).await.unwrap();
            scene.settle(last, Settlement::RELEASE).await;
            scene.tell_received(&scene.receive().await);
            let (_, verdict) = scene.end().await;
            assert_eq!(verdict.breaches.attempts, expected, "{verdict}");
        }
    }
}
