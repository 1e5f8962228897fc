//! Dead letters: a settle that is dropped leaves things unknown, and loses nothing.

use std::{sync::Arc, time::Duration};

use relayhouse_core::{
    Capabilities, Context, Delivery, Settlement, Settling, Support,
    port::{ReceiveRequest, Receiver, Sender},
};
use relayhouse_middleware::dead_letter::DeadLetterReceiver;
use relayhouse_testkit::hostile::{Call, HostileReceiver, HostileSender, Script};

use crate::cancel::harness::{STEP, at_every_poll, context, message};

const LEASE: Duration = Duration::from_secs(300);

const DEDUP: Capabilities = Capabilities {
    dedup: Support::Native,
    ..Capabilities::NONE
};

/// Every call takes a step before it has an effect, and one after it.
pub(super) fn slow() -> Script {
    let slow = || Call::DONE.before(STEP).after(STEP);
    (0..10).fold(Script::new(), |script, _| script.then(slow()))
}

/// Makes two queues, and the receiver that goes around the first.
fn queues(context: &Context) -> (Arc<HostileReceiver>, Arc<HostileSender>, DeadLetterReceiver) {
    let clock = || Arc::clone(&context.clock);
    let source = "orders".parse().unwrap();
    let from = HostileReceiver::new(source, Capabilities::NONE, clock(), LEASE).settles(slow());
    let queue = "orders-dead".parse().unwrap();
    let to = HostileSender::new(queue, DEDUP, clock(), slow());
    let (from, to) = (Arc::new(from), Arc::new(to));
    let inner: Arc<dyn Receiver> = Arc::<HostileReceiver>::clone(&from);
    let dead: Arc<dyn Sender> = Arc::<HostileSender>::clone(&to);
    let receiver = DeadLetterReceiver::new(inner, dead, context);
    (from, to, receiver)
}

async fn received(from: &HostileReceiver, receiver: &DeadLetterReceiver) -> Delivery {
    from.put(message(), 1);
    let mut deliveries = Vec::new();
    let receive = receiver.receive(ReceiveRequest::ONE, &mut deliveries);
    receive.await.unwrap();
    deliveries.remove(0)
}

/// Nothing is acked that was not sent before; what is settled again is one dead letter where the
/// other queue knows dedup ids.
#[tokio::test(start_paused = true)]
async fn dropped_settle_acks_nothing_that_was_not_sent() {
    at_every_poll(4, async |polls| {
        let context = context();
        let (from, to, receiver) = queues(&context);
        let delivery = received(&from, &receiver).await;
        let dead = || Settlement::dead_letter("rejected", "no such order");
        let mut batch = [Settling::new(delivery.clone(), dead())];
        let ended = polls.then_drop(receiver.settle(&mut batch)).await;
        assert!(from.settled().len() <= to.taken().len());
        if ended.is_some() {
            assert!(batch[0].outcome.is_done());
            assert_eq!((from.settled().len(), to.taken().len()), (1, 1));
            return true;
        }
        assert!(batch[0].outcome.is_pending(), "it is unknown");

        let mut again = [Settling::new(delivery, dead())];
        receiver.settle(&mut again).await.unwrap();
        assert!(again[0].outcome.is_done());
        let taken = to.taken();
        let dedup_id = |place: usize| taken[place].details().dedup_id.clone();
        assert!(dedup_id(0).is_some());
        assert!((1..taken.len()).all(|place| dedup_id(place) == dedup_id(0)));
        let settled = from.settled();
        assert!(settled.iter().all(|it| it.settlement == Settlement::Ack));
        false
    })
    .await;
}
