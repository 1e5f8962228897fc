//! Cases about sessions: an exclusive lease over one ordering key, and a value kept with it.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures_util::future::join;
use relayhouse_core::{
    ErrorKind, Message, SessionId,
    port::{QueueConfig, ReceiverOptions, SessionReceiver, Sessions},
};

use crate::{
    conformance::{
        Case, Fixture, Need, Outlet, Verdict, Violation,
        cases::session_port::SessionPort,
        fixture::{LEASE, PATIENCE, receive, receive_all, settle, settle_all},
        violation::{ensure, equal, fails},
    },
    harness::Harness,
};

const SOURCE: &str = include_str!("session.rs");

const SESSIONS: &[Need] = &[Need::Ability("sessions")];
const STATE: &[Need] = &[Need::Ability("sessions"), Need::Ability("session_state")];

pub(super) const CASES: &[Case] = &[
    case!(session_brings_its_messages_in_order, SESSIONS),
    case!(session_brings_no_other_messages, SESSIONS),
    case!(named_session_may_be_empty, SESSIONS),
    case!(accept_ends_without_a_session_at_its_wait, SESSIONS),
    case!(waiting_accept_is_woken_by_a_send, SESSIONS),
    case!(busy_session_is_refused, SESSIONS),
    case!(concurrent_accept_has_one_winner, SESSIONS),
    case!(free_sessions_are_all_accepted, SESSIONS),
    case!(two_sessions_run_at_the_same_time, SESSIONS),
    case!(renewal_keeps_the_session, SESSIONS),
    case!(expired_session_goes_to_the_next, SESSIONS),
    case!(stale_session_cannot_be_renewed, SESSIONS),
    case!(close_gives_back_in_order, SESSIONS),
    case!(thousand_messages_of_a_session_are_delivered, SESSIONS),
    case!(session_state_survives_a_hand_over, STATE),
    case!(session_state_survives_an_expiry, STATE),
    case!(stale_session_cannot_set_state, STATE),
    case!(session_state_can_be_removed, STATE),
    case!(closed_sessions_accept_nothing, SESSIONS),
    case!(
        sessions_that_are_not_supported_are_refused,
        &[Need::Lack("sessions")]
    ),
    case!(
        session_state_that_is_not_supported_is_refused,
        &[Need::Ability("sessions"), Need::Lack("session_state")]
    ),
];

type Session = Arc<dyn SessionReceiver>;

/// A queue that is received from by session.
struct Desk<'a> {
    harness: &'a dyn Harness,
    fixture: Outlet<'a>,
    sessions: Arc<dyn Sessions>,
}

impl<'a> Desk<'a> {
    async fn new(harness: &'a dyn Harness) -> Result<Self, Violation> {
        let fixture = Outlet::new(harness, with_sessions()).await?;
        let options = ReceiverOptions::default();
        let sessions = fixture.provider.sessions(&fixture.source, options).await?;
        Ok(Self {
            harness,
            fixture,
            sessions,
        })
    }

    fn message(&self, session: &'static str, body: impl Into<bytes::Bytes>) -> Message {
        self.fixture.message(body).ordering_key(session)
    }

    async fn send(&self, session: &'static str, count: usize) -> Verdict {
        let messages = (0..count).map(|index| self.message(session, index.to_string()));
        self.fixture.send_each(messages.collect()).await
    }

    async fn accept(&self, session: &'static str) -> Result<Session, Violation> {
        let id = SessionId::new(session)?;
        let accepted = self.sessions.accept(Some(&id), PATIENCE).await?;
        accepted.ok_or_else(|| Violation::new("a session named was not accepted"))
    }

    async fn accept_any(&self) -> Result<Option<Session>, Violation> {
        Ok(self.sessions.accept(None, self.harness.tolerance()).await?)
    }

    async fn expire(&self, session: &Session) {
        let left = session.until().since(self.fixture.now());
        self.harness.pass(left + self.harness.tolerance()).await;
    }
}

fn with_sessions() -> QueueConfig {
    QueueConfig {
        requires_sessions: true,
        lease: Some(LEASE),
        ..QueueConfig::default()
    }
}

fn port(session: &Session) -> SessionPort {
    SessionPort::of(Arc::clone(session))
}

/// Receives `count` messages of a session, which must be the numbers from `first` on, and acks
/// them.
async fn consume(session: &Session, first: usize, count: usize) -> Verdict {
    let deliveries = receive_all(&port(session), count).await?;
    for (index, delivery) in deliveries.iter().enumerate() {
        let expected = (first + index).to_string();
        equal("body", &delivery.message.body[..], expected.as_bytes())?;
    }
    let results = settle_all(&port(session), deliveries, &super::ACK).await;
    Ok(results.into_iter().collect::<Result<(), _>>()?)
}

/// The messages of a session are delivered in the order of their sends.
pub async fn session_brings_its_messages_in_order(harness: &dyn Harness) -> Verdict {
    let desk = Desk::new(harness).await?;
    desk.send("a", 20).await?;
    let session = desk.accept("a").await?;
    equal("session", session.session().as_str(), "a")?;
    consume(&session, 0, 20).await
}

/// A session brings the messages of its own key, and no others.
pub async fn session_brings_no_other_messages(harness: &dyn Harness) -> Verdict {
    let desk = Desk::new(harness).await?;
    desk.send("a", 3).await?;
    desk.send("b", 3).await?;
    let session = desk.accept("b").await?;
    consume(&session, 0, 3).await?;
    desk.fixture.nothing_from(&port(&session)).await
}

/// A session that is named is accepted even if it has no messages, and gets those that come.
pub async fn named_session_may_be_empty(harness: &dyn Harness) -> Verdict {
    let desk = Desk::new(harness).await?;
    let session = desk.accept("a").await?;
    desk.fixture.nothing_from(&port(&session)).await?;
    desk.send("a", 2).await?;
    consume(&session, 0, 2).await
}

/// An accept without a name ends with nothing when its wait does, and is no error.
pub async fn accept_ends_without_a_session_at_its_wait(harness: &dyn Harness) -> Verdict {
    let wait = Duration::from_secs(2);
    let desk = Desk::new(harness).await?;
    let start = desk.fixture.now();
    let accepted = desk.sessions.accept(None, wait).await?;
    let took = desk.fixture.now().since(start);
    let slack = harness.tolerance();
    ensure(
        accepted.is_none(),
        "a session without messages was accepted",
    )?;
    ensure(
        wait <= took + slack && took <= wait + slack,
        format!("asked to wait {wait:?}, waited {took:?}"),
    )
}

/// An accept that waits is woken when a session gets its first message.
pub async fn waiting_accept_is_woken_by_a_send(harness: &dyn Harness) -> Verdict {
    let desk = Desk::new(harness).await?;
    let start = desk.fixture.now();
    let (accepted, sent) = join(desk.sessions.accept(None, PATIENCE), desk.send("a", 1)).await;
    sent?;
    let session = accepted?.ok_or_else(|| Violation::new("no session was accepted"))?;
    let took = desk.fixture.now().since(start);
    ensure(took <= harness.tolerance(), format!("woken after {took:?}"))?;
    consume(&session, 0, 1).await
}

/// A session that somebody holds is refused to others, who wait as long as they said.
pub async fn busy_session_is_refused(harness: &dyn Harness) -> Verdict {
    let desk = Desk::new(harness).await?;
    desk.send("a", 1).await?;
    let session = desk.accept("a").await?;
    let id = SessionId::new("a")?;
    let result = desk
        .sessions
        .accept(Some(&id), Duration::from_secs(1))
        .await;
    fails("a second accept", result, ErrorKind::SessionBusy)?;
    ensure(
        desk.accept_any().await?.is_none(),
        "a session is held twice",
    )?;
    consume(&session, 0, 1).await
}

/// Of two accepts at the same time, one gets the only session.
pub async fn concurrent_accept_has_one_winner(harness: &dyn Harness) -> Verdict {
    let desk = Desk::new(harness).await?;
    desk.send("a", 1).await?;
    let wait = Duration::from_secs(1);
    let accept = || desk.sessions.accept(None, wait);
    let (one, two) = join(accept(), accept()).await;
    let winners = [one?, two?].into_iter().flatten();
    equal("winners", winners.count(), 1)
}

/// Each session with messages is accepted by somebody who takes any.
pub async fn free_sessions_are_all_accepted(harness: &dyn Harness) -> Verdict {
    let desk = Desk::new(harness).await?;
    let names = ["a", "b", "c", "d"];
    for name in names {
        desk.send(name, 2).await?;
    }
    let mut held = Vec::new();
    while let Some(session) = desk.accept_any().await? {
        held.push(session);
    }
    let found: BTreeSet<_> = held.iter().map(|it| it.session().as_str()).collect();
    equal("sessions", found, BTreeSet::from(names))
}

/// Two sessions are received from at the same time, each in its own order.
pub async fn two_sessions_run_at_the_same_time(harness: &dyn Harness) -> Verdict {
    let desk = Desk::new(harness).await?;
    desk.send("a", 3).await?;
    desk.send("b", 3).await?;
    let (a, b) = (desk.accept("a").await?, desk.accept("b").await?);
    for number in 0..3 {
        consume(&a, number, 1).await?;
        consume(&b, number, 1).await?;
    }
    Ok(())
}

/// A session that is renewed in time is kept, and the new end is told.
pub async fn renewal_keeps_the_session(harness: &dyn Harness) -> Verdict {
    let desk = Desk::new(harness).await?;
    desk.send("a", 1).await?;
    let session = desk.accept("a").await?;
    let delivery = receive(&port(&session)).await?;
    for _ in 0..3 {
        harness.pass(LEASE * 3 / 4).await;
        let until = session.renew().await?;
        equal("end", session.until(), until)?;
        let left = until.since(desk.fixture.now());
        ensure(LEASE / 2 < left, format!("renewed, it has {left:?} left"))?;
    }
    Ok(settle(&port(&session), &delivery, super::ACK).await?)
}

/// A session whose lease ended goes to the next, with its messages in order; who held it before
/// settles nothing.
pub async fn expired_session_goes_to_the_next(harness: &dyn Harness) -> Verdict {
    let desk = Desk::new(harness).await?;
    desk.send("a", 2).await?;
    let old = desk.accept("a").await?;
    let stale = receive(&port(&old)).await?;
    desk.expire(&old).await;
    let new = desk.accept("a").await?;
    let result = settle(&port(&old), &stale, super::ACK).await;
    fails("an ack by who held it before", result, ErrorKind::LeaseLost)?;
    consume(&new, 0, 2).await
}

/// A session whose lease ended cannot be renewed.
pub async fn stale_session_cannot_be_renewed(harness: &dyn Harness) -> Verdict {
    let desk = Desk::new(harness).await?;
    desk.send("a", 1).await?;
    let old = desk.accept("a").await?;
    desk.expire(&old).await;
    fails("a late renewal", old.renew().await, ErrorKind::LeaseLost)?;
    let new = desk.accept("a").await?;
    fails("a later renewal", old.renew().await, ErrorKind::LeaseLost)?;
    consume(&new, 0, 1).await
}

/// Closing a session gives it back at once, what was not settled first, in order.
pub async fn close_gives_back_in_order(harness: &dyn Harness) -> Verdict {
    let desk = Desk::new(harness).await?;
    desk.send("a", 5).await?;
    let old = desk.accept("a").await?;
    consume(&old, 0, 1).await?;
    receive_all(&port(&old), 3).await?;
    old.close().await?;
    let start = desk.fixture.now();
    let new = desk.accept("a").await?;
    consume(&new, 1, 4).await?;
    let took = desk.fixture.now().since(start);
    ensure(
        took <= harness.tolerance(),
        format!("given back after {took:?}"),
    )
}

/// A thousand messages of one session are all delivered in order, under one renewed lease.
pub async fn thousand_messages_of_a_session_are_delivered(harness: &dyn Harness) -> Verdict {
    let desk = Desk::new(harness).await?;
    desk.send("a", 1_000).await?;
    let session = desk.accept("a").await?;
    for round in 0..20 {
        consume(&session, round * 50, 50).await?;
        harness.pass(LEASE / 4).await;
        session.renew().await?;
    }
    desk.fixture.nothing_from(&port(&session)).await
}

/// What was kept with a session is there for whoever accepts it next.
pub async fn session_state_survives_a_hand_over(harness: &dyn Harness) -> Verdict {
    let desk = Desk::new(harness).await?;
    let old = desk.accept("a").await?;
    equal("state before", old.state().await?, None)?;
    old.set_state(Some("step 3".into())).await?;
    equal("state", old.state().await?, Some("step 3".into()))?;
    old.close().await?;
    let new = desk.accept("a").await?;
    equal("state after", new.state().await?, Some("step 3".into()))
}

/// What was kept with a session is there after its lease ended.
pub async fn session_state_survives_an_expiry(harness: &dyn Harness) -> Verdict {
    let desk = Desk::new(harness).await?;
    let old = desk.accept("a").await?;
    old.set_state(Some("step 3".into())).await?;
    desk.expire(&old).await;
    let new = desk.accept("a").await?;
    equal("state", new.state().await?, Some("step 3".into()))
}

/// Who has lost a session can change nothing that is kept with it.
pub async fn stale_session_cannot_set_state(harness: &dyn Harness) -> Verdict {
    let desk = Desk::new(harness).await?;
    let old = desk.accept("a").await?;
    old.set_state(Some("right".into())).await?;
    desk.expire(&old).await;
    let new = desk.accept("a").await?;
    let result = old.set_state(Some("wrong".into())).await;
    fails("a late change", result, ErrorKind::LeaseLost)?;
    equal("state", new.state().await?, Some("right".into()))
}

/// What is kept with a session can be taken away.
pub async fn session_state_can_be_removed(harness: &dyn Harness) -> Verdict {
    let desk = Desk::new(harness).await?;
    let session = desk.accept("a").await?;
    session.set_state(Some("step 3".into())).await?;
    session.set_state(None).await?;
    equal("state", session.state().await?, None)
}

/// Closed sessions refuse an accept, and end one that waits; a second close does nothing.
pub async fn closed_sessions_accept_nothing(harness: &dyn Harness) -> Verdict {
    let desk = Desk::new(harness).await?;
    let close = async {
        harness.pass(Duration::from_millis(200)).await;
        desk.sessions.close().await
    };
    let (accepted, closed) = join(desk.sessions.accept(None, PATIENCE), close).await;
    closed?;
    ensure(
        accepted?.is_none(),
        "a session without messages was accepted",
    )?;
    desk.sessions.close().await?;
    let result = desk.sessions.accept(None, PATIENCE).await;
    fails("an accept after the close", result, ErrorKind::Closed).map(drop)
}

/// A target that declares no sessions refuses to open them.
pub async fn sessions_that_are_not_supported_are_refused(harness: &dyn Harness) -> Verdict {
    let fixture = Fixture::new(harness).await?;
    let options = ReceiverOptions::default();
    let result = fixture.provider.sessions(&fixture.source, options).await;
    super::unsupported("sessions", result)
}

/// A target that declares no session state refuses to keep one.
pub async fn session_state_that_is_not_supported_is_refused(harness: &dyn Harness) -> Verdict {
    let desk = Desk::new(harness).await?;
    let session = desk.accept("a").await?;
    super::unsupported("reading a state", session.state().await)?;
    super::unsupported("a state", session.set_state(Some("x".into())).await)
}
