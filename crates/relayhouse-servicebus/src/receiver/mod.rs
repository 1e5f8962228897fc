//! Receives from one queue or subscription, and settles by what the broker answers.

mod anchor;
mod credit;
mod extra;
mod intake;
mod renew;
mod settle;
mod settling;
mod shelf;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use fe2o3_amqp_types::primitives::Value;
use relayhouse_core::{
    Capabilities, Delivery, Error, ErrorKind, Extending, Instant, Operation, Outcome, Receipt,
    Result, Settling, Source, Timestamp,
    port::{ReceiveRequest, Receiver, Settings},
};
use tokio::sync::{mpsc, oneshot};

use self::{
    anchor::Anchor,
    intake::{Desk, Order, Want},
    shelf::{Arrived, Shelf},
};
use crate::{
    capability::{CAPABILITIES, QUEUE_CAPABILITIES, RECEIVE_BATCH_MAX, RECEIVE_WAIT_MAX},
    hub::Hub,
    link::{self, Question, Task, tap::Token},
};

pub use self::extra::DEFERRED_MAX;
pub(crate) use self::{
    intake::{Attached, attach},
    settling::Decided,
};

/// How often a receive lets others run, so that what came in with its first message is there too.
const YIELDS_MAX: u32 = 8;

/// How long after the end of its lock a delivery can be forgotten, whatever the clocks say.
const EXPIRED_AFTER: Duration = Duration::from_secs(60);

/// Receives from one queue or subscription.
///
/// Beside what every [`Receiver`] can, it sets messages aside, and fetches them by their numbers.
#[derive(Debug)]
pub struct ServiceBusReceiver {
    hub: Arc<Hub>,
    source: Source,
    path: String,
    shelf: Arc<Shelf>,
    wants: mpsc::Sender<Want>,
    intake: Task,
    /// The lock of a session, if this receives in one.
    session: Option<SessionLock>,
    is_closed: AtomicBool,
}

/// Is the lock of a session.
#[derive(Debug)]
struct SessionLock {
    /// Later locks of the session have greater ones.
    number: u64,
    /// When it ends, by our clock.
    until: AtomicU64,
}

impl ServiceBusReceiver {
    pub(crate) fn new(hub: Arc<Hub>, source: Source) -> Self {
        let path = source.to_string();
        Self::at(hub, source, path)
    }

    /// Receives from `source`, which is at `path`.
    pub(crate) fn at(hub: Arc<Hub>, source: Source, path: String) -> Self {
        let shelf = Arc::new(Shelf::new(source.clone()));
        let (wants, wanted) = intake::wants();
        let (on, at, to) = (Arc::clone(&hub.link), path.clone(), Arc::clone(&shelf));
        Self {
            hub,
            path,
            source,
            shelf,
            wants,
            intake: Task::spawn(|closing| intake::run(on, at, wanted, to, closing)),
            session: None,
            is_closed: AtomicBool::new(false),
        }
    }

    /// Receives over a link that holds a session until `until`, and that is not made again.
    pub(crate) fn of_session(
        hub: Arc<Hub>,
        source: Source,
        attached: Attached,
        until: Timestamp,
    ) -> Self {
        let session = SessionLock {
            number: hub.number_of_lock(until),
            until: AtomicU64::new(attached.anchor.instant(until).as_nanos()),
        };
        let shelf = Arc::new(Shelf::new(source.clone()));
        let (wants, wanted) = intake::wants();
        let (on, to) = (Arc::clone(&hub.link), Arc::clone(&shelf));
        let (desk, inbox) = attached.desk();
        shelf.open(desk.clone());
        let work = |closing| intake::run_once(on, attached, (desk, inbox), wanted, to, closing);
        Self {
            hub,
            path: source.to_string(),
            source,
            shelf,
            wants,
            intake: Task::spawn(work),
            session: Some(session),
            is_closed: AtomicBool::new(false),
        }
    }

    /// Returns the end of the lock of the session that this receives in; `NEVER` without one.
    pub(crate) fn until(&self) -> Instant {
        let session = self.session.as_ref();
        session.map_or(Instant::NEVER, |session| {
            Instant::from_nanos(session.until.load(Ordering::Acquire))
        })
    }

    /// Notes that the lock of the session now ends at `until`.
    pub(crate) fn hold_until(&self, until: Instant) {
        if let Some(session) = &self.session {
            session.until.store(until.as_nanos(), Ordering::Release);
        }
    }

    /// Returns true if `receipt` proves a lock that is held here, as far as is known.
    pub(crate) fn holds(&self, receipt: &Receipt) -> bool {
        let token = receipt.as_bytes();
        token.is_some_and(|token| self.shelf.holds(token))
    }

    /// Returns what turns a time that the broker tells into one of our clock.
    pub(crate) fn anchor(&self) -> Anchor {
        let desk = self.shelf.desk();
        desk.map_or_else(|| Anchor::new(self.hub.link.clock()), |desk| desk.anchor)
    }

    /// Ends the link, whose lock is lost, and all that came over it.
    pub(crate) fn lose(&self, error: &Error) {
        self.shelf.end(error.clone());
        self.intake.end();
    }

    /// Ends the link with all that came over it, and waits until it has.
    pub(crate) async fn give_up(&self, why: &Error) {
        self.lose(why);
        self.intake.join().await;
    }

    /// Leaves deliveries to come again with the end of the link.
    pub(crate) fn let_go(&self, items: &mut [Settling]) {
        for item in items {
            let token = item.delivery.receipt.as_bytes();
            let held = token.and_then(|token| self.shelf.take(token));
            item.outcome = match held {
                Some(_) => Outcome::Done(()),
                None => Outcome::Failed(self.lost(Operation::Settle)),
            };
        }
    }

    /// Asks the management node of the entity about what goes over the link.
    pub(crate) async fn ask(&self, question: Question, operation: Operation) -> Result<Value> {
        let Some(desk) = self.shelf.desk() else {
            return Err(self.lost(operation));
        };
        let question = question.about(&desk.name);
        let clerks = &self.hub.clerks;
        let asked = clerks.ask(&self.path, question, operation, self.hub.call_timeout);
        asked
            .await
            .map_err(|error| error.at(operation, &self.source))
    }

    /// Attaches, so that a source that is not there is told before the first receive.
    pub(crate) async fn attach(&self) -> Result<()> {
        let desk = self.desk().await;
        desk.map(|_| ())
            .map_err(|error| error.at(Operation::Open, &self.source))
    }

    /// Returns the desk of the link, attached anew if it has ended.
    async fn desk(&self) -> Result<Desk> {
        if self.is_closed.load(Ordering::Acquire) {
            return Err(link::closed());
        }
        if let Some(desk) = self.shelf.desk() {
            return Ok(desk);
        }
        let (want, wanted) = oneshot::channel();
        let ended = || self.shelf.take_end().unwrap_or_else(link::closed);
        let sent = self.wants.send(want).await;
        sent.map_err(|_| ended())?;
        wanted.await.map_err(|_| ended())?
    }

    /// Takes deliveries off the shelf, up to what `request` allows.
    fn take(&self, request: &ReceiveRequest, anchor: &Anchor, into: &mut Vec<Delivery>) -> u32 {
        let mut count = 0;
        let mut bytes = 0;
        while count < request.messages_max.get() && bytes < request.bytes_max.get() {
            let Some(arrived) = self.shelf.next() else {
                break;
            };
            let delivery = self.deliver(arrived, anchor);
            bytes += delivery.message.size();
            count += 1;
            into.push(delivery);
        }
        count
    }

    fn deliver(&self, arrived: Arrived, anchor: &Anchor) -> Delivery {
        let until = renew::lease(&arrived.reading, anchor);
        // Locks within a session end with its link, and no sooner.
        let (until, forgotten_after) = match &self.session {
            Some(_) => (self.until(), Instant::NEVER),
            None => (until, until),
        };
        // What comes again with another lock of its session is not counted.
        let session = self.session.as_ref();
        let tokens_after = session.map_or(0, |session| session.number);
        self.shelf
            .hold(arrived.token, Some(arrived.info), forgotten_after);
        let receipt = Receipt::from_bytes(arrived.token);
        arrived.reading.delivery(receipt, until, tokens_after)
    }

    /// Waits until something has arrived or the link has ended, and returns false if the time is
    /// over first.
    async fn wait(&self, desk: &Desk, credit: u32, deadline: Instant) -> bool {
        let news = self.shelf.news.notified();
        tokio::pin!(news);
        news.as_mut().enable();
        if 0 < self.shelf.ready_count() || desk.is_over() {
            return true;
        }
        // An order that cannot be given finds the link ended, which rings as well.
        let ordering = desk.order(Order::Credit(credit));
        let mut time = self.hub.link.clock().sleep_until(deadline);
        tokio::select! {
            biased;
            () = async { ordering.await; news.await } => true,
            () = &mut time => false,
        }
    }

    /// Takes the credit back, and waits until the broker has: then there was nothing to receive, or
    /// it has come.
    async fn look(&self, desk: &Desk, latest: Instant) -> Result<()> {
        let clock = self.hub.link.clock();
        let (done, told) = oneshot::channel();
        let looking = async {
            // An order that cannot be given finds the link ended, and so do those who wait for it.
            desk.order(Order::TakeBack(done)).await;
            let _ = told.await;
        };
        let looked = link::within(clock, latest.since(clock.now()), looking).await;
        looked.ok_or_else(|| {
            Error::new(
                ErrorKind::Timeout,
                "the broker has not said whether there is something to receive",
            )
        })
    }

    /// Gives back what nobody has settled long after its lock ended: the broker says no, and nobody
    /// need remember it any longer.
    async fn forget_expired(&self, desk: &Desk) {
        let now = self.hub.link.clock().now();
        let expired = self.shelf.take_expired(now - EXPIRED_AFTER);
        if !expired.is_empty() {
            // A link that has ended has forgotten them all.
            desk.order(Order::forget(expired)).await;
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
        if self.can_delay() {
            &QUEUE_CAPABILITIES
        } else {
            &CAPABILITIES
        }
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
        let at = |error: Error| error.at(Operation::Receive, &self.source);
        let clock = self.hub.link.clock();
        let start = clock.now();
        let deadline = start + request.wait.min(RECEIVE_WAIT_MAX);
        let latest = deadline + self.hub.call_timeout;
        let credit = request.messages_max.get().min(RECEIVE_BATCH_MAX);
        let _visit = self.shelf.visit();
        loop {
            let desk = link::within(clock, latest.since(clock.now()), self.desk()).await;
            let desk = desk.unwrap_or_else(|| Err(not_yet())).map_err(at)?;
            self.forget_expired(&desk).await;
            // The broker needs some time even to say what is there.
            let deadline = deadline.max(start + desk.look);
            if !self.wait(&desk, credit, deadline).await {
                self.look(&desk, latest).await.map_err(at)?;
                if self.shelf.ready_count() == 0 && !desk.is_over() {
                    return Ok(());
                }
            }
            self.settle_down(credit).await;
            if 0 < self.take(&request, &desk.anchor, into) {
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
        self.settle_all(batch).await;
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
        self.intake.join().await;
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
        let body = self.ask(renew::question(tokens), Operation::Extend).await?;
        renew::ends(&body, tokens.len(), &self.anchor())
    }
}

/// Says that a link could not be made in time.
fn not_yet() -> Error {
    Error::new(
        ErrorKind::Timeout,
        "the link ended, and there was no time to attach again",
    )
}
