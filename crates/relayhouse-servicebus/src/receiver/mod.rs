//! Receives from one queue or subscription, and settles by what the broker answers.

mod intake;
mod renew;
mod settle;
mod shelf;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use fe2o3_amqp::link::{CreditMode, Receiver as AmqpReceiver};
use fe2o3_amqp_types::{
    definitions::ReceiverSettleMode,
    messaging::{Source as AmqpSource, Target},
};
use relayhouse_core::{
    Capabilities, Delivery, Error, ErrorKind, Extending, Instant, Lease, Operation, Outcome,
    Previous, Receipt, Result, Settling, Source,
    port::{ReceiveRequest, Receiver, Settings},
};
use tokio::sync::Mutex;

use self::{
    intake::{Desk, Intake, Order},
    shelf::{Arrived, Shelf},
};
use crate::{
    capability::{CAPABILITIES, RECEIVE_BATCH_MAX, RECEIVE_WAIT_MAX},
    convert::read,
    error,
    link::{
        self, Link, Rpc,
        tap::{Answer, Asked, Token},
    },
};

/// How often a receive lets others run, so that what came in with its first message is there too.
const YIELDS_MAX: u32 = 8;

/// The shortest wait of a receive: a broker far away needs it to send what is there.
const LOOK: Duration = Duration::from_millis(250);

/// How long after the end of its lock a delivery can be forgotten, whatever the clocks say.
const EXPIRED_AFTER: Duration = Duration::from_secs(60);

/// Receives from one queue or subscription.
#[derive(Debug)]
pub(crate) struct ServiceBusReceiver {
    link: Arc<Link>,
    source: Source,
    path: String,
    call_timeout: Duration,
    shelf: Arc<Shelf>,
    intake: Mutex<Option<Intake>>,
    management: Mutex<Option<Rpc>>,
    is_closed: AtomicBool,
}

impl ServiceBusReceiver {
    pub(crate) fn new(link: Arc<Link>, source: Source, call_timeout: Duration) -> Self {
        Self {
            link,
            path: source.to_string(),
            source,
            call_timeout,
            shelf: Arc::default(),
            intake: Mutex::new(None),
            management: Mutex::new(None),
            is_closed: AtomicBool::new(false),
        }
    }

    /// Attaches, so that a source that is not there is told before the first receive.
    pub(crate) async fn attach(&self) -> Result<()> {
        let desk = self.desk().await;
        desk.map(|_| ())
            .map_err(|error| error.at(Operation::Open, &self.source))
    }

    /// Returns the desk of the link, attached anew if it has ended.
    async fn desk(&self) -> Result<Desk> {
        if let Some(desk) = self.present_desk().await {
            self.link.renew(&self.path).await?;
            return Ok(desk);
        }
        let mut intake = self.intake.lock().await;
        if self.is_closed.load(Ordering::Acquire) {
            return Err(link::closed());
        }
        // Somebody else may have attached meanwhile.
        if let Some(present) = intake.as_ref().filter(|it| !it.is_over()) {
            return Ok(present.desk());
        }
        let (mut session, answers) = self.link.session(&self.path).await?;
        let name = self.link.name();
        let receiver = AmqpReceiver::builder()
            .name(name.as_str())
            .source(AmqpSource::builder().address(self.path.as_str()).build())
            .target(Target::builder().address(name.as_str()).build())
            .receiver_settle_mode(ReceiverSettleMode::Second)
            .credit_mode(CreditMode::Manual)
            .attach(&mut session)
            .await
            .map_err(link::of_receiver_attach)?;
        let shelf = Arc::clone(&self.shelf);
        let started = intake.insert(Intake::start(receiver, session, answers, shelf));
        Ok(started.desk())
    }

    /// Returns the desk of the link, if it has not ended.
    async fn present_desk(&self) -> Option<Desk> {
        let intake = self.intake.lock().await;
        intake.as_ref().filter(|it| !it.is_over()).map(Intake::desk)
    }

    /// Takes deliveries off the shelf, up to what `request` allows.
    fn take(&self, request: &ReceiveRequest, into: &mut Vec<Delivery>) -> u32 {
        let mut count = 0;
        let mut bytes = 0;
        while count < request.messages_max.get() && bytes < request.bytes_max.get() {
            let Some(arrived) = self.shelf.next() else {
                break;
            };
            let delivery = self.deliver(arrived);
            bytes += delivery.message.size();
            count += 1;
            into.push(delivery);
        }
        count
    }

    fn deliver(&self, arrived: Arrived) -> Delivery {
        let reading = read(arrived.incoming, &self.source);
        let until = reading.locked_until.map_or(Instant::NEVER, |until| {
            renew::instant_of(until, self.link.clock())
        });
        self.shelf.hold(arrived.token, arrived.info, until);
        Delivery {
            id: reading.id,
            message: reading.message,
            receipt: Receipt::from_bytes(arrived.token),
            lease: Lease::new(until, u64::from(reading.attempt)),
            attempt: reading.attempt,
            previous: if reading.attempt == 1 {
                Previous::None
            } else {
                Previous::Unknown
            },
            sequence: reading.sequence,
            enqueued_at: reading.enqueued_at,
            envelope: reading.envelope.map(Arc::new),
        }
    }

    /// Waits until something has arrived or the link has ended, and returns false if the time is
    /// over first.
    async fn wait(&self, desk: &Desk, credit: u32, deadline: Instant) -> bool {
        let news = self.shelf.news.notified();
        tokio::pin!(news);
        news.as_mut().enable();
        if 0 < self.shelf.ready_count() || desk.orders.is_closed() {
            return true;
        }
        // An order that cannot be given finds the link ended, which rings as well.
        let ordering = desk.order(Order::Credit(credit));
        let mut time = self.link.clock().sleep_until(deadline);
        tokio::select! {
            biased;
            _ = async { let _ = ordering.await; news.await } => true,
            () = &mut time => false,
        }
    }

    /// Gives back what nobody has settled long after its lock ended: the broker says no, and nobody
    /// need remember it any longer.
    async fn forget_expired(&self, desk: &Desk) {
        let now = self.link.clock().now();
        let expired = self.shelf.take_expired(now - EXPIRED_AFTER);
        if !expired.is_empty() {
            // A link that has ended has forgotten them all.
            let _ = desk.order(Order::forget(expired)).await;
        }
    }

    /// Says that an item has no lease that could be settled or extended.
    fn lost(&self, operation: Operation) -> Error {
        Error::new(
            ErrorKind::LeaseLost,
            "the lock has ended, or its link has, or the delivery was settled",
        )
        .at(operation, &self.source)
    }
}

#[async_trait]
impl Receiver for ServiceBusReceiver {
    fn source(&self) -> &Source {
        &self.source
    }

    fn capabilities(&self) -> &Capabilities {
        &CAPABILITIES
    }

    async fn settings(&self) -> Result<Settings> {
        let dead_letter = (!self.source.dead_letter).then(|| self.source.dead_letters());
        Ok(Settings {
            dead_letter,
            is_ordered: Some(false),
            dead_letter_is_ordered: Some(false),
            requires_sessions: Some(false),
            ..Settings::default()
        })
    }

    async fn receive(&self, request: ReceiveRequest, into: &mut Vec<Delivery>) -> Result<()> {
        let clock = self.link.clock();
        let deadline = clock.now() + request.wait.min(RECEIVE_WAIT_MAX);
        // The broker needs some time even to say what is there.
        let deadline = deadline.max(clock.now() + LOOK);
        let credit = request.messages_max.get().min(RECEIVE_BATCH_MAX);
        loop {
            let desk = self.desk().await;
            let desk = desk.map_err(|error| error.at(Operation::Receive, &self.source))?;
            self.forget_expired(&desk).await;
            if !self.wait(&desk, credit, deadline).await {
                return Ok(());
            }
            self.settle_down(credit).await;
            if 0 < self.take(&request, into) {
                return Ok(());
            }
            if let Some(error) = self.shelf.take_end() {
                if self.is_closed.load(Ordering::Acquire) {
                    return Ok(());
                }
                return Err(error.at(Operation::Receive, &self.source));
            }
        }
    }

    async fn settle(&self, batch: &mut [Settling]) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let deadline = self.link.clock().now() + self.call_timeout;
        let Some(desk) = self.present_desk().await else {
            for item in batch {
                item.outcome = Outcome::Failed(self.lost(Operation::Settle));
            }
            return Ok(());
        };
        self.send_off(batch, &desk, deadline).await;
        Ok(())
    }

    async fn extend(&self, batch: &mut [Extending], _by: Duration) -> Result<()> {
        let mut asked = Vec::new();
        for (place, item) in batch.iter_mut().enumerate() {
            let token = item.receipt.as_bytes().filter(|it| self.shelf.holds(it));
            match token {
                Some(token) => asked.push((place, *token)),
                None => item.outcome = Outcome::Failed(self.lost(Operation::Extend)),
            }
        }
        if asked.is_empty() {
            return Ok(());
        }
        let result = self.renew(&asked, batch).await;
        match result {
            // One lock that has ended fails the call for all of them: each is asked for by itself.
            Err(error) if error.kind() == ErrorKind::LeaseLost && 1 < asked.len() => {
                for one in asked.chunks(1) {
                    if let Err(error) = self.renew(one, batch).await {
                        batch[one[0].0].outcome = Outcome::Failed(error);
                    }
                }
            }
            Err(error) => {
                for (place, _) in asked {
                    batch[place].outcome = Outcome::Failed(error.clone());
                }
            }
            Ok(()) => {}
        }
        Ok(())
    }

    async fn lost(&self, into: &mut Vec<Receipt>) {
        loop {
            let lost = self.shelf.take_lost();
            if !lost.is_empty() {
                into.extend(lost);
                return;
            }
            self.shelf.losses.notified().await;
        }
    }

    async fn close(&self) -> Result<()> {
        self.is_closed.store(true, Ordering::Release);
        let intake = self.intake.lock().await.take();
        let management = self.management.lock().await.take();
        let ending = async {
            if let Some(intake) = intake {
                intake.close().await;
            }
            if let Some(management) = management {
                management.close().await;
            }
        };
        link::within(self.link.clock(), self.call_timeout, ending).await;
        Ok(())
    }
}

impl ServiceBusReceiver {
    /// Lets the link's task take in what came along with the first message.
    async fn settle_down(&self, credit: u32) {
        let credit = usize::try_from(credit).unwrap_or(usize::MAX);
        for _ in 0..YIELDS_MAX {
            let before = self.shelf.ready_count();
            if credit <= before {
                return;
            }
            tokio::task::yield_now().await;
            if self.shelf.ready_count() == before {
                return;
            }
        }
    }

    /// Sends all settlements, and writes what the broker answers.
    async fn send_off(&self, batch: &mut [Settling], desk: &Desk, deadline: Instant) {
        let now = self.link.clock().wall();
        let mut order = Vec::with_capacity(batch.len());
        let mut asked: Vec<(usize, Asked, Answer)> = Vec::with_capacity(batch.len());
        for (place, item) in batch.iter_mut().enumerate() {
            let attempt = item.delivery.attempt;
            let (state, expected) = match settle::state_of(&item.settlement, attempt, now) {
                Ok(state) => state,
                Err(error) => {
                    let error = error.at(Operation::Settle, &self.source);
                    item.outcome = Outcome::Failed(error);
                    continue;
                }
            };
            let token = item.delivery.receipt.as_bytes();
            let taken = token.and_then(|token| Some((token, self.shelf.take(token)?)));
            let Some((token, info)) = taken.filter(|(token, _)| desk.answers.has(token)) else {
                item.outcome = Outcome::Failed(self.lost(Operation::Settle));
                continue;
            };
            asked.push((place, desk.answers.ask(token), expected));
            order.push((info, state));
        }
        let work = async {
            if desk.order(Order::Settle(order)).await.is_err() {
                // The link ended before anything left.
                for (place, _, _) in asked {
                    batch[place].outcome = Outcome::Failed(self.lost(Operation::Settle));
                }
                return;
            }
            for (place, asked, expected) in asked {
                let result = match asked.await {
                    Ok(answer) => error::of_answer(&answer, &expected),
                    Err(_) => Err(link::unknown()),
                };
                let result = result.map_err(|error| error.at(Operation::Settle, &self.source));
                batch[place].outcome = result.into();
            }
        };
        let clock = self.link.clock();
        link::within(clock, deadline.since(clock.now()), work).await;
        let unknown = link::unknown().at(Operation::Settle, &self.source);
        for item in batch.iter_mut().filter(|item| item.outcome.is_pending()) {
            item.outcome = Outcome::Failed(unknown.clone());
        }
    }

    /// Renews the locks of `asked`, and writes their new ends.
    async fn renew(&self, asked: &[(usize, Token)], batch: &mut [Extending]) -> Result<()> {
        let tokens: Vec<Token> = asked.iter().map(|(_, token)| *token).collect();
        let ends = self.renewed(&tokens).await;
        let ends = ends.map_err(|error| error.at(Operation::Extend, &self.source))?;
        for ((place, token), end) in asked.iter().zip(ends) {
            self.shelf.extend(token, end);
            batch[*place].outcome = Outcome::Done(end);
        }
        Ok(())
    }

    async fn renewed(&self, tokens: &[Token]) -> Result<Vec<Instant>> {
        let clock = self.link.clock();
        let work = async {
            self.link.renew(&self.path).await?;
            let mut management = self.management.lock().await;
            if management.as_ref().is_some_and(Rpc::is_over) {
                *management = None;
            }
            let rpc = match &mut *management {
                Some(rpc) => rpc,
                None => management.insert(self.link.management(&self.path).await?),
            };
            let reply = rpc.ask(renew::question(tokens), Operation::Extend).await?;
            let body = reply.done(Operation::Extend)?;
            renew::ends(&body, tokens.len(), clock)
        };
        let renewed = link::within(clock, self.call_timeout, work).await;
        renewed.unwrap_or_else(|| Err(link::unknown()))
    }
}
