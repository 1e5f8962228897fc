//! Sessions of a queue: accepting one, and receiving within it.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use relayhouse_core::{
    Capabilities, Delivery, ErrorKind, Extending, Instant, Operation, Receipt, Result, SessionId,
    Settling, Source,
    port::{ReceiveRequest, Receiver, SessionReceiver, Sessions, Settings},
};
use tokio::sync::oneshot;

use crate::{
    error,
    origin::{self, Brought, Origin},
    queue::{self, Leases, Taken},
    store::{Accepted, Access, Held, Lane, Moment, Store},
    wait::{Closing, Use},
    writer::{Call, Cost, Job, reply},
};

/// Accepts the sessions of one queue.
#[derive(Debug)]
pub(crate) struct LocalSessions {
    origin: Origin,
    closing: Closing,
}

/// Is what an accept was given: the session, with the end of its lease by the clock.
type Given = Option<(Held, Instant)>;

/// Says what asking for a session brought.
enum Asked {
    Given(Taken<Given>),
    Busy,
    None,
}

impl LocalSessions {
    pub(crate) fn new(origin: Origin) -> Self {
        Self {
            origin,
            closing: Closing::default(),
        }
    }

    fn is_closed(&self) -> bool {
        self.origin.is_closed(&self.closing)
    }

    /// Asks for a session once.
    async fn ask(&self, session: Option<&SessionId>) -> Result<Asked> {
        let Origin { queue, lease, .. } = &self.origin;
        let (lane, lease, wanted) = (queue.lane, *lease, session.cloned());
        let is_busy = Arc::new(AtomicBool::new(false));
        let tell_busy = Arc::clone(&is_busy);
        let run = move |store: &mut dyn Store, moment: Moment| {
            Ok(match store.accept(lane, wanted.as_ref(), lease)? {
                Accepted::Held(held) => {
                    let until = moment.instant(held.until);
                    Some((held, until))
                }
                Accepted::Busy => {
                    tell_busy.store(true, Ordering::SeqCst);
                    None
                }
                Accepted::None => None,
            })
        };
        let taken = queue
            .take(Operation::Session, Cost::ONE, run, give_back)
            .await?;
        if taken.as_ref().is_some_and(Option::is_some) {
            return Ok(Asked::Given(taken));
        }
        Ok(match is_busy.load(Ordering::SeqCst) {
            true => Asked::Busy,
            false => Asked::None,
        })
    }

    /// Asks, and waits until it is worth asking again.
    async fn wait(&self, session: Option<&SessionId>, wait: Duration) -> Result<Given> {
        let Origin { queue, waits, .. } = &self.origin;
        let (clock, file) = (self.origin.clock(), &queue.file);
        let deadline = clock.now() + wait;
        if !wait.is_zero() {
            file.watch().await?;
        }
        let mut waiting = waits.join(match session {
            None => Use::Any,
            Some(_) => Use::One,
        });
        loop {
            let mut notified = pin!(waiting.notified());
            notified.as_mut().enable();
            let asked = match self.ask(session).await {
                Err(error) if error.kind() == ErrorKind::Closed && self.is_closed() => {
                    return Ok(None);
                }
                asked => asked?,
            };
            waiting.looked();
            let is_over = deadline <= clock.now();
            match (asked, session) {
                (Asked::Given(taken), _) => {
                    waits.may_be_more();
                    return Ok(taken.keep());
                }
                _ if self.is_closed() => return Ok(None),
                (Asked::Busy, Some(session)) if is_over => {
                    return Err(error::session_busy(queue.name(), session));
                }
                _ if is_over => return Ok(None),
                _ => {}
            }
            tokio::select! {
                biased;
                () = notified => waiting.woken(),
                () = self.closing.closed() => return Ok(None),
                () = self.origin.namespace.closing.closed() => return Ok(None),
                () = clock.sleep_until(deadline) => {}
                () = file.waits.keep_time(clock, &file.jobs) => {}
            }
        }
    }
}

fn give_back(store: &mut dyn Store, lane: Lane, given: &Given) -> Result<()> {
    match given {
        Some((held, _)) => store.give_back(lane, held),
        None => Ok(()),
    }
}

#[async_trait]
impl Sessions for LocalSessions {
    fn source(&self) -> &Source {
        &self.origin.source
    }

    fn capabilities(&self) -> &Capabilities {
        &self.origin.capabilities
    }

    async fn accept(
        &self,
        session: Option<&SessionId>,
        wait: Duration,
    ) -> Result<Option<Arc<dyn SessionReceiver>>> {
        if self.is_closed() {
            return Err(self.origin.closed(Operation::Session));
        }
        let Some((held, until)) = self.wait(session, wait).await? else {
            return Ok(None);
        };
        Ok(Some(Arc::new(LocalSession::new(self, held, until))))
    }

    async fn close(&self) -> Result<()> {
        self.closing.close();
        Ok(())
    }
}

/// Receives within one session, whose lease it holds.
#[derive(Debug)]
pub(crate) struct LocalSession {
    origin: Origin,
    held: Held,
    until: AtomicU64,
    closing: Closing,
    is_given_back: AtomicBool,
    leases: Leases,
}

impl LocalSession {
    fn new(sessions: &LocalSessions, held: Held, until: Instant) -> Self {
        Self {
            origin: sessions.origin.clone(),
            held,
            until: AtomicU64::new(until.as_nanos()),
            closing: Closing::default(),
            is_given_back: AtomicBool::new(false),
            leases: Leases::default(),
        }
    }

    fn is_closed(&self) -> bool {
        self.origin.is_closed(&self.closing)
    }

    /// Takes what is ready; fails if the session is lost.
    async fn take(&self, request: &ReceiveRequest, into: &mut Vec<Delivery>) -> Result<Brought> {
        let Origin { queue, .. } = &self.origin;
        let take = self.origin.take_of(request);
        let (lane, held) = (queue.lane, self.held.clone());
        let is_lost = Arc::new(AtomicBool::new(false));
        let tell_lost = Arc::clone(&is_lost);
        let run = move |store: &mut dyn Store, _: Moment| {
            let mut deliveries = Vec::new();
            let is_held = store.lease_in_session(lane, &held, take, &mut deliveries)?;
            tell_lost.store(!is_held, Ordering::SeqCst);
            Ok(deliveries)
        };
        let cost = origin::cost_of(&take);
        let taken = queue
            .take(Operation::Receive, cost, run, |store, lane, taken| {
                queue::unlease(store, lane, taken)
            })
            .await?;
        if is_lost.load(Ordering::SeqCst) {
            return Err(error::session_lost(Operation::Receive));
        }
        Ok(self.origin.keep(taken.keep(), &take, &self.leases, into))
    }

    async fn wait(&self, request: &ReceiveRequest, into: &mut Vec<Delivery>) -> Result<()> {
        let Origin { queue, waits, .. } = &self.origin;
        let (clock, file) = (self.origin.clock(), &queue.file);
        let deadline = clock.now() + request.wait;
        file.watch().await?;
        let waiting = waits.join(Use::One);
        loop {
            let mut notified = pin!(waiting.notified());
            notified.as_mut().enable();
            let brought = match self.take(request, into).await {
                Err(error) if error.kind() == ErrorKind::Closed && self.is_closed() => {
                    return Ok(());
                }
                brought => brought?,
            };
            let is_over = self.is_closed() || deadline <= clock.now();
            if brought != Brought::Nothing || is_over {
                return Ok(());
            }
            // A session that has ended is seen then, and one that was renewed goes on.
            let until = deadline.min(self.until());
            tokio::select! {
                biased;
                () = notified => {}
                () = self.closing.closed() => return Ok(()),
                () = self.origin.namespace.closing.closed() => return Ok(()),
                () = clock.sleep_until(until) => {}
                () = file.waits.keep_time(clock, &file.jobs) => {}
            }
        }
    }

    /// Runs `run` in a group; `None` from it means that the session is lost.
    async fn call<T: Send + 'static>(
        &self,
        access: Access,
        bytes: usize,
        run: impl FnOnce(&mut dyn Store, Lane, &Held, Moment) -> Result<Option<T>> + Send + 'static,
    ) -> Result<T> {
        let Origin { queue, .. } = &self.origin;
        let (lane, held) = (queue.lane, self.held.clone());
        let run = move |store: &mut dyn Store, moment: Moment| run(store, lane, &held, moment);
        let cost = Cost {
            messages: 1,
            bytes: bytes as u64,
        };
        let called = queue.call(Operation::Session, access, cost, run).await?;
        called.ok_or_else(|| error::session_lost(Operation::Session))
    }

    /// Returns the call that gives the session back, and where its end is heard.
    fn giving_back(&self) -> (Box<dyn Job>, oneshot::Receiver<Result<()>>) {
        let (to, answer) = oneshot::channel();
        let Origin { queue, .. } = &self.origin;
        let (there, lane, held) = (queue.there(), queue.lane, self.held.clone());
        let run = move |store: &mut dyn Store, _: Moment| match there.check(store)? {
            true => store.give_back(lane, &held),
            false => Ok(()),
        };
        (
            Box::new(Call::new(Cost::ONE, Access::Write, run, reply(to))),
            answer,
        )
    }
}

#[async_trait]
impl Receiver for LocalSession {
    fn source(&self) -> &Source {
        &self.origin.source
    }

    fn capabilities(&self) -> &Capabilities {
        &self.origin.capabilities
    }

    async fn settings(&self) -> Result<Settings> {
        Ok(self.origin.settings())
    }

    async fn receive(&self, request: ReceiveRequest, into: &mut Vec<Delivery>) -> Result<()> {
        if self.is_closed() {
            return Err(self.origin.closed(Operation::Receive));
        }
        if request.wait.is_zero() {
            return self.take(&request, into).await.map(|_| ());
        }
        self.wait(&request, into).await
    }

    async fn settle(&self, batch: &mut [Settling]) -> Result<()> {
        self.origin.settle(&self.leases, batch).await
    }

    async fn extend(&self, batch: &mut [Extending], _: Duration) -> Result<()> {
        for item in batch.iter_mut().filter(|item| item.outcome.is_pending()) {
            let error = error::unsupported(
                &self.origin.source,
                Operation::Extend,
                "the lease is that of the session, which is renewed",
            );
            item.outcome = Err(error).into();
        }
        Ok(())
    }

    async fn lost(&self, into: &mut Vec<Receipt>) {
        self.origin.lost(&self.leases, into).await;
    }

    /// Gives the session back. Dropping the future gives it back all the same.
    async fn close(&self) -> Result<()> {
        self.closing.close();
        if self.is_given_back.swap(true, Ordering::SeqCst) {
            return Ok(());
        }
        let (job, answer) = self.giving_back();
        self.origin.queue.file.jobs.push_now(job);
        match answer.await {
            Ok(Err(error)) if error.is_temporary() => {
                Err(error.at(Operation::Session, self.origin.queue.name()))
            }
            // Where the file is gone, so is the session.
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl SessionReceiver for LocalSession {
    fn session(&self) -> &SessionId {
        &self.held.session
    }

    fn until(&self) -> Instant {
        Instant::from_nanos(self.until.load(Ordering::Acquire))
    }

    async fn renew(&self) -> Result<Instant> {
        let lease = self.origin.lease;
        let run = move |store: &mut dyn Store, lane, held: &Held, moment: Moment| {
            let until = store.renew(lane, held, lease)?;
            Ok(until.map(|until| moment.instant(until)))
        };
        let until: Instant = self.call(Access::Write, 0, run).await?;
        self.until.store(until.as_nanos(), Ordering::Release);
        Ok(until)
    }

    async fn state(&self) -> Result<Option<Bytes>> {
        let run =
            |store: &mut dyn Store, lane, held: &Held, _: Moment| store.session_state(lane, held);
        self.call(Access::Write, 0, run).await
    }

    async fn set_state(&self, state: Option<Bytes>) -> Result<()> {
        let bytes = state.as_ref().map_or(0, Bytes::len);
        let run = move |store: &mut dyn Store, lane, held: &Held, _: Moment| {
            let is_held = store.set_session_state(lane, held, state.as_deref())?;
            Ok(is_held.then_some(()))
        };
        self.call(Access::Flush, bytes, run).await
    }
}

impl Drop for LocalSession {
    /// Gives the session back, which nobody else can do before its lease ends.
    fn drop(&mut self) {
        if !self.is_given_back.swap(true, Ordering::SeqCst) {
            let (job, _) = self.giving_back();
            self.origin.queue.file.jobs.push_now(job);
        }
    }
}
