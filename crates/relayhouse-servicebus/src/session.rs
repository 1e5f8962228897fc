//! Sessions of one queue or subscription: accepting one, and receiving within it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use fe2o3_amqp_types::{
    definitions::Fields,
    messaging::Source as AmqpSource,
    primitives::{Symbol, Value},
};
use relayhouse_core::{
    Capabilities, Delivery, Error, ErrorKind, Extending, Instant, Operation, Outcome, Receipt,
    Result, SessionId, Settlement, Settling, Source, Timestamp,
    port::{ReceiveRequest, Receiver, SessionReceiver, Sessions, Settings},
};
use serde_amqp::primitives::Binary;
use tokio::sync::watch;

use crate::{
    capability::{RECEIVE_WAIT_MAX, SESSION_CAPABILITIES},
    hub::Hub,
    link::{self, Link, Question, field},
    receiver::{Attached, ServiceBusReceiver, attach},
};

const FILTER: &str = "com.microsoft:session-filter";
const TIMEOUT: &str = "com.microsoft:timeout";
const LOCKED_UNTIL: &str = "com.microsoft:locked-until-utc";

/// The shortest wait for a session: a broker far away needs it to find one.
const LOOK: Duration = Duration::from_millis(250);

/// How often a session that somebody else holds is asked for.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// The times of .NET begin with the year 1, and count ten for each microsecond.
const TICKS_OF_UNIX_EPOCH: u64 = 621_355_968_000_000_000;
const TICKS_OF_MICROSECOND: u64 = 10;

/// Accepts the sessions of one queue or subscription.
#[derive(Debug)]
pub(crate) struct ServiceBusSessions {
    hub: Arc<Hub>,
    source: Source,
    path: String,
    closed: watch::Sender<bool>,
}

impl ServiceBusSessions {
    /// Finds out whether `source` has sessions.
    pub(crate) async fn open(hub: Arc<Hub>, source: Source) -> Result<Self> {
        if !has_sessions(&hub.link, &source).await? {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "it has no sessions: it was not created to require them",
            )
            .at(Operation::Open, &source));
        }
        Ok(Self {
            hub,
            path: source.to_string(),
            source,
            closed: watch::Sender::new(false),
        })
    }

    async fn take(&self, session: Option<&SessionId>, wait: Duration) -> Result<Attached> {
        let id = session.map_or(Value::Null, |id| Value::String(id.as_str().to_owned()));
        let source = AmqpSource::builder()
            .address(self.path.as_str())
            .add_to_filter_using_legacy_format(FILTER, id)
            .build();
        let millis = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX);
        let mut properties = Fields::new();
        properties.insert(Symbol::from(TIMEOUT), Value::Uint(millis));
        attach(&self.hub.link, &self.path, source, Some(properties), wait).await
    }

    /// Waits for a session, and asks again for one that somebody else holds.
    async fn wait(&self, session: Option<&SessionId>, wait: Duration) -> Result<Option<Attached>> {
        let clock = self.hub.link.clock();
        let deadline = clock.now() + wait;
        loop {
            let now = clock.now();
            let error = match self.take(session, deadline.since(now)).await {
                Ok(attached) => return Ok(Some(attached)),
                Err(error) => error,
            };
            match error.kind() {
                ErrorKind::Timeout => return Ok(None),
                ErrorKind::SessionBusy if clock.now() + ASK_EVERY < deadline => {
                    clock.sleep_until(now + ASK_EVERY).await;
                }
                _ => return Err(error),
            }
        }
    }

    /// Makes a receiver of a link that holds a session.
    async fn hold(&self, attached: Attached) -> Result<Arc<ServiceBusSession>> {
        let Some(session) = attached.session_id() else {
            attached.close().await;
            return Err(Error::new(
                ErrorKind::Unexpected,
                "the broker does not say which session it gave",
            ));
        };
        let until = attached.locked_until();
        let (hub, source) = (Arc::clone(&self.hub), self.source.clone());
        let receiver = ServiceBusReceiver::of_session(hub, source, attached, until);
        let session = Arc::new(ServiceBusSession {
            receiver,
            session: SessionId::new(session)?,
        });
        self.hub.opened.session(&session);
        Ok(session)
    }
}

/// Asks the broker whether `source` is received through sessions only: it then refuses a receiver
/// without one.
pub(crate) async fn has_sessions(link: &Link, source: &Source) -> Result<bool> {
    if source.dead_letter {
        return Ok(false);
    }
    let path = source.to_string();
    let plain = AmqpSource::builder().address(path.as_str()).build();
    match attach(link, &path, plain, None, Duration::ZERO).await {
        Ok(attached) => {
            attached.close().await;
            Ok(false)
        }
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(true),
        Err(error) => Err(error.at(Operation::Open, source)),
    }
}

impl Attached {
    /// Returns the session that the broker gave to the link.
    fn session_id(&self) -> Option<String> {
        let filter = self.receiver.source().as_ref()?.filter.as_ref()?;
        match filter.get(&Symbol::from(FILTER))? {
            Value::String(id) => Some(id.clone()),
            Value::Described(described) => match &described.value {
                Value::String(id) => Some(id.clone()),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns the end of the lock of the session; long ago if the broker does not tell.
    fn locked_until(&self) -> Timestamp {
        let ticks = self.receiver.properties(|properties| {
            let properties = properties.as_ref()?;
            match properties.get(&Symbol::from(LOCKED_UNTIL))? {
                Value::Long(ticks) => u64::try_from(*ticks).ok(),
                Value::Ulong(ticks) => Some(*ticks),
                _ => None,
            }
        });
        let since_epoch = ticks.unwrap_or(0).saturating_sub(TICKS_OF_UNIX_EPOCH);
        Timestamp::from_micros(since_epoch / TICKS_OF_MICROSECOND)
    }
}

#[async_trait]
impl Sessions for ServiceBusSessions {
    fn source(&self) -> &Source {
        &self.source
    }

    fn capabilities(&self) -> &Capabilities {
        &SESSION_CAPABILITIES
    }

    async fn accept(
        &self,
        session: Option<&SessionId>,
        wait: Duration,
    ) -> Result<Option<Arc<dyn SessionReceiver>>> {
        let at = |error: Error| error.at(Operation::Session, &self.source);
        let mut closed = self.closed.subscribe();
        if *closed.borrow_and_update() {
            return Err(at(link::closed()));
        }
        let wait = wait.clamp(LOOK, RECEIVE_WAIT_MAX);
        let attached = tokio::select! {
            biased;
            attached = self.wait(session, wait) => attached.map_err(at)?,
            _ = closed.changed() => None,
        };
        let Some(attached) = attached else {
            return Ok(None);
        };
        Ok(Some(self.hold(attached).await.map_err(at)?))
    }

    async fn close(&self) -> Result<()> {
        self.closed.send_replace(true);
        Ok(())
    }
}

const fn is_release(item: &Settling) -> bool {
    matches!(item.settlement, Settlement::Release { delay } if delay.is_zero())
}

fn given_back() -> Error {
    Error::new(
        ErrorKind::LeaseLost,
        "the session was given back with a message that was released",
    )
}

/// Receives within one session, whose lock its link holds.
#[derive(Debug)]
pub(crate) struct ServiceBusSession {
    receiver: ServiceBusReceiver,
    session: SessionId,
}

impl ServiceBusSession {
    pub(crate) const fn receiver(&self) -> &ServiceBusReceiver {
        &self.receiver
    }

    /// Asks something about the session.
    async fn ask(&self, operation: &str, more: Option<(&str, Value)>) -> Result<Value> {
        let id = Value::String(self.session.as_str().to_owned());
        let mut question = Question::new(operation, [("session-id", id)]);
        if let Some((name, value)) = more {
            question = question.with(name, value);
        }
        let body = self.receiver.ask(question, Operation::Session).await;
        body.inspect_err(|error| {
            if error.kind() == ErrorKind::LeaseLost {
                self.receiver.lose(error);
            }
        })
    }
}

#[async_trait]
impl Receiver for ServiceBusSession {
    fn source(&self) -> &Source {
        self.receiver.source()
    }

    fn capabilities(&self) -> &Capabilities {
        &SESSION_CAPABILITIES
    }

    async fn settings(&self) -> Result<Settings> {
        Ok(Settings {
            is_ordered: Some(true),
            requires_sessions: Some(true),
            ..self.receiver.settings().await?
        })
    }

    async fn receive(&self, request: ReceiveRequest, into: &mut Vec<Delivery>) -> Result<()> {
        self.receiver.receive(request, into).await
    }

    /// A release ends the session: what came after the message, and is here or on its way, would
    /// overtake it. The broker gives it back with the session, and does not count that.
    async fn settle(&self, batch: &mut [Settling]) -> Result<()> {
        let released = batch.iter().filter(|item| is_release(item));
        let Some(first) = released.map(|item| item.delivery.sequence).min() else {
            return self.receiver.settle(batch).await;
        };
        let is_behind = |item: &Settling| is_release(item) && item.delivery.sequence != first;
        for items in batch.chunk_by_mut(|one, next| is_behind(one) == is_behind(next)) {
            if items.first().is_some_and(is_behind) {
                self.receiver.let_go(items);
            } else {
                self.receiver.settle(items).await?;
            }
        }
        self.receiver.give_up(&given_back()).await;
        Ok(())
    }

    async fn extend(&self, batch: &mut [Extending], _: Duration) -> Result<()> {
        let error = Error::new(
            ErrorKind::Unsupported,
            "the lease is that of the session, which is renewed",
        );
        for item in batch {
            let error = error.clone().at(Operation::Extend, self.source());
            item.outcome = Outcome::Failed(error);
        }
        Ok(())
    }

    async fn lost(&self, into: &mut Vec<Receipt>) {
        self.receiver.lost(into).await;
    }

    async fn close(&self) -> Result<()> {
        self.receiver.close().await
    }
}

#[async_trait]
impl SessionReceiver for ServiceBusSession {
    fn session(&self) -> &SessionId {
        &self.session
    }

    fn until(&self) -> Instant {
        self.receiver.until()
    }

    async fn renew(&self) -> Result<Instant> {
        let body = self.ask("renew-session-lock", None).await?;
        let Some(Value::Timestamp(end)) = field(&body, "expiration") else {
            return Err(Error::new(
                ErrorKind::OutcomeUnknown,
                "the broker does not say until when the session is held",
            )
            .at(Operation::Session, self.source()));
        };
        let until = self
            .receiver
            .anchor()
            .instant_of_millis(end.clone().into_inner());
        self.receiver.hold_until(until);
        Ok(until)
    }

    async fn state(&self) -> Result<Option<Bytes>> {
        let body = self.ask("get-session-state", None).await?;
        Ok(match field(&body, "session-state") {
            Some(Value::Binary(state)) => Some(Bytes::copy_from_slice(state)),
            _ => None,
        })
    }

    async fn set_state(&self, state: Option<Bytes>) -> Result<()> {
        let state = state.map_or(Value::Null, |state| {
            Value::Binary(Binary::from(state.to_vec()))
        });
        self.ask("set-session-state", Some(("session-state", state)))
            .await
            .map(|_| ())
    }
}
