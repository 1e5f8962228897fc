//! Dead letters over a provider without them, and over one that fails.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use relayhouse_core::{
    Capabilities, Clock, Context, Delivery, Error, ErrorKind, Message, MessageId, SeededRandom,
    Sending, Settlement, Settling, Source, Support, Timestamp,
    port::{
        Provider, ReceiveRequest, Receiver, ReceiverOptions, Sender, SessionReceiver, Sessions,
    },
};
use relayhouse_memory::Memory;
use relayhouse_testkit::{
    clock::ManualClock,
    hostile::{Call, HostileReceiver, HostileSender, Reply, Script},
};

use super::*;
use crate::testing::{context, poll_and_drop};

struct Fixture {
    context: Context,
    to: Arc<HostileSender>,
    from: Arc<HostileReceiver>,
}

impl Fixture {
    fn new(sends: Script, settles: Script) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(Timestamp::from_micros(9)));
        let context = Context::new(Arc::clone(&clock), Arc::new(SeededRandom::new(7)));
        let capabilities = Capabilities {
            send_batch_max: NonZeroU32::new(2),
            dedup: Support::Native,
            ..Capabilities::NONE
        };
        let dead = "orders-dead".parse().unwrap();
        let to = HostileSender::new(dead, capabilities, Arc::clone(&clock), sends);
        let orders = "orders".parse().unwrap();
        let lease = Duration::from_secs(60);
        let from = HostileReceiver::new(orders, Capabilities::NONE, clock, lease);
        Self {
            context,
            to: Arc::new(to),
            from: Arc::new(from.settles(settles)),
        }
    }

    fn receiver(&self) -> DeadLetterReceiver {
        let from: Arc<dyn Receiver> = Arc::<HostileReceiver>::clone(&self.from);
        let to: Arc<dyn Sender> = Arc::<HostileSender>::clone(&self.to);
        DeadLetterReceiver::new(from, to, &self.context)
    }

    async fn deliveries(&self, receiver: &dyn Receiver, count: u32) -> Vec<Delivery> {
        for number in 0..count {
            let id = MessageId::from(u128::from(number));
            let message = Message::new("seven").header("tenant", "acme").id(id);
            self.from.put(message.ttl(Duration::from_secs(1)), 3);
        }
        let mut deliveries = Vec::new();
        let request = ReceiveRequest::up_to(NonZeroU32::new(count).unwrap());
        receiver.receive(request, &mut deliveries).await.unwrap();
        deliveries
    }

    fn acked(&self) -> usize {
        let settled = self.from.settled();
        settled
            .iter()
            .filter(|it| it.settlement == Settlement::Ack)
            .count()
    }
}

fn dead(delivery: Delivery) -> Settling {
    Settling::new(
        delivery,
        Settlement::dead_letter("rejected", "no\nsuch order"),
    )
}

fn kinds(batch: &[Settling]) -> Vec<Option<ErrorKind>> {
    let kind = |item: &Settling| item.outcome.error().map(Error::kind);
    batch.iter().map(kind).collect()
}

#[tokio::test]
async fn dead_letter_is_sent_with_its_envelope_and_then_acked() {
    let fixture = Fixture::new(Script::new(), Script::new());
    let receiver = fixture.receiver();
    assert_eq!(receiver.capabilities().dead_letter, Support::Emulated);
    let settings = receiver.settings().await.unwrap();
    let queue = fixture.to.queue().clone();
    assert_eq!(settings.dead_letter, Some(Source::queue(queue)));
    let deliveries = fixture.deliveries(&receiver, 1).await;
    let mut batch: Vec<Settling> = deliveries.into_iter().map(dead).collect();
    receiver.settle(&mut batch).await.unwrap();
    assert!(batch[0].outcome.is_done());
    assert_eq!(fixture.acked(), 1);
    let sent = fixture.to.taken().remove(0);
    assert_eq!(sent.id, Some(MessageId::from(0)));
    assert_eq!(sent.body, "seven");
    assert_eq!(sent.headers().text("tenant"), Some("acme"));
    assert_eq!(sent.details().ttl, None);

    fixture.from.put(sent, 1);
    let reader = EnvelopeReceiver::new(Arc::<HostileReceiver>::clone(&fixture.from));
    let mut read = Vec::new();
    reader
        .receive(ReceiveRequest::ONE, &mut read)
        .await
        .unwrap();
    let envelope = read[0].envelope.as_ref().unwrap();
    assert_eq!(envelope.dead_letter.reason, "rejected");
    assert_eq!(envelope.dead_letter.description, "no such order");
    assert_eq!(envelope.source.to_string(), "orders");
    assert_eq!(envelope.attempts, 3);
    assert_eq!(envelope.dead_lettered_at, Timestamp::from_micros(9));
}

#[tokio::test]
async fn message_is_kept_while_the_other_queue_is_out() {
    for (call, kind) in [
        (
            Call::fails(ErrorKind::ConnectionFailed),
            ErrorKind::ConnectionFailed,
        ),
        (Call::all(Reply::Failed(ErrorKind::Full)), ErrorKind::Full),
        (Call::all(Reply::UnknownDone), ErrorKind::OutcomeUnknown),
        (Call::all(Reply::UnknownLost), ErrorKind::OutcomeUnknown),
        (Call::all(Reply::MissingDone), ErrorKind::OutcomeUnknown),
    ] {
        let fixture = Fixture::new(Script::new().then(call), Script::new());
        let receiver = fixture.receiver();
        let deliveries = fixture.deliveries(&receiver, 1).await;
        let mut batch: Vec<Settling> = deliveries.into_iter().map(dead).collect();
        receiver.settle(&mut batch).await.unwrap();
        assert_eq!(kinds(&batch), [Some(kind)]);
        assert!(fixture.from.settled().is_empty(), "it is kept");
        receiver.settle(&mut batch).await.unwrap();
        assert_eq!(kinds(&batch), [None], "the queue is back");
        assert_eq!(fixture.acked(), 1);
    }
}

/// What leaves no room for its envelope goes with less of it, and is acked.
#[tokio::test]
async fn dead_letter_tells_as_much_as_there_is_room_for() {
    for (refused, reason, description) in [
        (0, Some("rejected"), Some("no such order")),
        (1, Some("rejected"), None),
        (2, None, None),
    ] {
        let large = || Call::all(Reply::Failed(ErrorKind::MessageTooLarge));
        let sends = (0..refused).fold(Script::new(), |script, _| script.then(large()));
        let fixture = Fixture::new(sends, Script::new());
        let receiver = fixture.receiver();
        let deliveries = fixture.deliveries(&receiver, 1).await;
        let mut batch: Vec<Settling> = deliveries.into_iter().map(dead).collect();
        receiver.settle(&mut batch).await.unwrap();
        assert_eq!((kinds(&batch), fixture.acked()), (vec![None], 1));
        let sent = fixture.to.taken().remove(0);
        let headers = sent.headers();
        assert_eq!(headers.text("dead-letter-reason"), reason);
        assert_eq!(headers.text("dead-letter-description"), description);
        assert_eq!(headers.text("tenant"), Some("acme"));
    }
}

#[tokio::test]
async fn message_larger_than_the_other_queue_takes_is_kept() {
    let large = || Call::all(Reply::Failed(ErrorKind::MessageTooLarge));
    let sends = (0..3).fold(Script::new(), |script, _| script.then(large()));
    let fixture = Fixture::new(sends, Script::new());
    let receiver = fixture.receiver();
    let deliveries = fixture.deliveries(&receiver, 1).await;
    let mut batch: Vec<Settling> = deliveries.into_iter().map(dead).collect();
    receiver.settle(&mut batch).await.unwrap();
    assert_eq!(kinds(&batch), [Some(ErrorKind::MessageTooLarge)]);
    assert!(fixture.from.settled().is_empty());
}

#[tokio::test]
async fn ack_that_fails_after_the_send_is_told_and_may_duplicate() {
    let settles = Script::new().then(Call::all(Reply::UnknownLost));
    let fixture = Fixture::new(Script::new(), settles);
    let receiver = fixture.receiver();
    let deliveries = fixture.deliveries(&receiver, 1).await;
    let mut batch: Vec<Settling> = deliveries.into_iter().map(dead).collect();
    receiver.settle(&mut batch).await.unwrap();
    assert_eq!(kinds(&batch), [Some(ErrorKind::OutcomeUnknown)]);
    receiver.settle(&mut batch).await.unwrap();
    let ids = fixture.to.taken().into_iter();
    let ids: Vec<_> = ids.map(|sent| sent.details().dedup_id.clone()).collect();
    assert_eq!(ids.len(), 2);
    assert!(
        ids[0].is_some() && ids[0] == ids[1],
        "a dedup id makes one of both"
    );
}

#[tokio::test]
async fn answers_stand_with_their_items_and_sends_keep_their_limit() {
    let sends = Script::new()
        .then(Call::each(vec![
            Reply::Done,
            Reply::Failed(ErrorKind::Throttled),
        ]))
        .then(Call::fails(ErrorKind::ConnectionFailed));
    let fixture = Fixture::new(sends, Script::new());
    let receiver = fixture.receiver();
    let deliveries = fixture.deliveries(&receiver, 5).await;
    let items = deliveries.into_iter().enumerate();
    let items = items.map(|(place, delivery)| match place {
        1 => Settling::new(delivery, Settlement::Ack),
        _ => dead(delivery),
    });
    let mut batch: Vec<Settling> = items.collect();
    receiver.settle(&mut batch).await.unwrap();
    let failed = Some(ErrorKind::ConnectionFailed);
    let expected = [None, None, Some(ErrorKind::Throttled), failed, failed];
    assert_eq!(kinds(&batch), expected);
    assert_eq!(fixture.to.batches(), [2, 2]);
    assert_eq!(fixture.acked(), 2);
    assert!(batch[0].outcome.is_done() && batch[1].outcome.is_done());
}

#[tokio::test]
async fn other_settlements_do_not_wait_for_the_other_queue() {
    let fixture = Fixture::new(Script::new().then(Call::hangs()), Script::new());
    let receiver = fixture.receiver();
    let mut deliveries = fixture.deliveries(&receiver, 2).await.into_iter();
    let (first, second) = (deliveries.next().unwrap(), deliveries.next().unwrap());
    let mut batch = [dead(first), Settling::new(second, Settlement::RELEASE)];
    let settle = receiver.settle(&mut batch);
    assert!(poll_and_drop(settle, 1).await.is_none(), "the send hangs");
    assert!(batch[1].outcome.is_done());
    let settled = fixture.from.settled();
    assert_eq!(settled.len(), 1);
    assert_eq!(settled[0].settlement, Settlement::RELEASE);
}

#[tokio::test]
async fn batch_without_dead_letters_passes() {
    let settles = Script::new().then(Call::fails(ErrorKind::ConnectionFailed));
    let fixture = Fixture::new(Script::new(), settles);
    let receiver = fixture.receiver();
    let delivery = fixture.deliveries(&receiver, 1).await.remove(0);
    let mut batch = [Settling::new(delivery, Settlement::Ack)];
    let error = receiver.settle(&mut batch).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionFailed);
    assert!(fixture.to.taken().is_empty());
}

#[tokio::test]
async fn close_closes_both() {
    let fixture = Fixture::new(Script::new(), Script::new());
    fixture.receiver().close().await.unwrap();
    assert!(fixture.from.is_closed() && fixture.to.is_closed());
}

/// Opens queues in memory that are received through sessions only.
fn with_sessions(context: &Context) -> Memory {
    let builder = Memory::builder(context.clone()).requires_sessions(true);
    builder.build().unwrap()
}

async fn sessions(memory: &Memory, queue: &str) -> Arc<dyn Sessions> {
    let source = queue.parse().unwrap();
    let opened = memory.sessions(&source, ReceiverOptions::default());
    opened.await.unwrap()
}

async fn accept(sessions: &dyn Sessions) -> Arc<dyn SessionReceiver> {
    let accepted = sessions.accept(None, Duration::ZERO).await;
    accepted.unwrap().expect("a session with messages")
}

async fn received(receiver: &dyn Receiver) -> Vec<Delivery> {
    let mut deliveries = Vec::new();
    let request = ReceiveRequest::up_to(NonZeroU32::new(10).unwrap());
    receiver.receive(request, &mut deliveries).await.unwrap();
    deliveries
}

async fn settle(receiver: &dyn Receiver, settling: Settling) {
    let mut batch = [settling];
    receiver.settle(&mut batch).await.unwrap();
    assert!(batch[0].outcome.is_done());
}

/// A session gives its dead letters to the other queue, in order, and is a session in all else.
#[tokio::test(start_paused = true)]
async fn dead_letters_of_a_session_go_to_the_other_queue() {
    let context = context();
    let memory = with_sessions(&context);
    let orders = memory.sender(&"orders".parse().unwrap()).await.unwrap();
    let of_a = ["1", "2", "3"].map(|body| Sending::new(Message::new(body).ordering_key("a")));
    orders.send(&mut { of_a }).await.unwrap();
    let to = memory.sender(&"dead".parse().unwrap()).await.unwrap();
    let inner = sessions(&memory, "orders").await;
    let through = DeadLetterReceiver::sessions(inner, Arc::clone(&to), &context);
    assert_eq!(through.capabilities().dead_letter, Support::Emulated);

    let session = accept(&through).await;
    assert_eq!(session.capabilities().dead_letter, Support::Emulated);
    assert_eq!(session.session().to_string(), "a");
    session.set_state(Some("half".into())).await.unwrap();
    assert_eq!(session.renew().await.unwrap(), session.until());
    let mut deliveries = received(&*session).await.into_iter();
    settle(&*session, dead(deliveries.next().unwrap())).await;
    let second = Settling::new(deliveries.next().unwrap(), Settlement::Ack);
    settle(&*session, second).await;
    session.close().await.unwrap();

    // The other queue is open still: the session comes back, and so does what was not settled.
    let session = accept(&through).await;
    assert_eq!(session.state().await.unwrap().unwrap(), "half");
    let third = received(&*session).await.remove(0);
    settle(&*session, dead(third)).await;
    through.close().await.unwrap();

    let letters = EnvelopeReceiver::sessions(sessions(&memory, "dead").await);
    let letters = accept(&letters).await;
    assert_eq!(letters.session().to_string(), "a");
    let letters = received(&*letters).await;
    let bodies: Vec<_> = letters.iter().map(|it| it.message.body.clone()).collect();
    assert_eq!(bodies, ["1", "3"]);
    for letter in &letters {
        let envelope = letter.envelope.as_ref().unwrap();
        assert_eq!(envelope.source.to_string(), "orders");
        assert_eq!(envelope.dead_letter.reason, "rejected");
    }
    let native = "orders/$deadletterqueue".parse().unwrap();
    let native = memory.receiver(&native, ReceiverOptions::default()).await;
    assert!(received(&*native.unwrap()).await.is_empty());
}

/// The lease of a session may end before its dead letters are acked: they come again, and the
/// answer tells.
#[tokio::test(start_paused = true)]
async fn dead_letter_after_the_end_of_its_session_is_told() {
    let context = context();
    let memory = with_sessions(&context);
    let orders = memory.sender(&"orders".parse().unwrap()).await.unwrap();
    let message = Message::new("1").ordering_key("a");
    orders.send(&mut [Sending::new(message)]).await.unwrap();
    let to = memory.sender(&"dead".parse().unwrap()).await.unwrap();
    let inner = sessions(&memory, "orders").await;
    let session = accept(&DeadLetterReceiver::sessions(inner, to, &context)).await;
    let delivery = received(&*session).await.remove(0);
    context.clock.sleep_until(session.until()).await;
    let mut batch = [dead(delivery)];
    session.settle(&mut batch).await.unwrap();
    assert_eq!(kinds(&batch), [Some(ErrorKind::LeaseLost)]);
}
