//! The task of one connection: it makes it, shows tokens on it and renews them, and begins sessions.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use fe2o3_amqp::{connection::ConnectionHandle, session::Session};
use fe2o3_amqp_types::primitives::{OrderedMap, SimpleValue, Value};
use relayhouse_core::{Event, Instant, Operation, Result, Timestamp};
use tokio::sync::{mpsc, oneshot};

use super::{
    Closing, Pace, Place, Question, Rpc, Seat, closed, dial, fault, seat::Seats, tap::Answers,
    within,
};
use crate::{convert::time_of, token::Token};

/// The node that takes tokens.
const TOKENS: &str = "$cbs";

/// How long before its end a token is renewed, or sooner if it holds for less than twice as long.
const TOKEN_MARGIN: Duration = Duration::from_secs(5 * 60);

/// The shortest time between two tokens for one entity.
const TOKEN_EVERY_MIN: Duration = Duration::from_secs(1);

/// The most entities whose tokens are remembered, beyond those in use.
const TOKENS_MAX: usize = 1024;

/// How long the end of a connection may take.
const END_MAX: Duration = Duration::from_secs(10);

/// Asks for a session for links at an entity.
#[derive(Debug)]
pub(super) struct Want {
    pub(super) path: String,
    pub(super) answer: oneshot::Sender<Result<Passage>>,
}

/// Is a session for links at one entity, on a connection that lets them in.
#[derive(Debug)]
pub(crate) struct Passage {
    pub(crate) session: Seat,
    pub(crate) answers: Answers,
    /// As long as it is kept, the token is renewed before it ends.
    pub(crate) pass: Arc<Pass>,
}

/// Says that somebody is at an entity.
#[derive(Debug)]
pub(crate) struct Pass;

/// Keeps the connection.
#[derive(Debug)]
pub(super) struct Line {
    place: Arc<Place>,
    pace: Pace,
    wire: Option<Wire>,
}

/// Is one connection.
#[derive(Debug)]
struct Wire {
    connection: ConnectionHandle<()>,
    since: Instant,
    answers: Answers,
    seats: Seats,
    tokens: Option<Rpc>,
    /// Where the broker lets us in.
    allowed: HashMap<String, Allowed>,
}

/// Says until when the broker lets us at an entity, and who is there.
#[derive(Debug)]
struct Allowed {
    until: Timestamp,
    renew_at: Instant,
    pass: Weak<Pass>,
}

impl Line {
    pub(super) fn new(place: Arc<Place>) -> Self {
        let pace = Pace::new(Arc::clone(&place.clock), Arc::clone(&place.random));
        Self {
            place,
            pace,
            wire: None,
        }
    }

    /// Answers until it is asked to end, and then ends the connection.
    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Want>, mut closing: Closing) {
        while let Some(true) = closing.unless(self.step(&mut inbox)).await {}
        drop(inbox);
        if let Some(wire) = self.wire.take() {
            self.place.tell(|endpoint| Event::Disconnected { endpoint });
            within(&*self.place.clock, END_MAX, wire.close()).await;
        }
    }

    /// Does what comes next, and returns false if nobody can ask any more.
    async fn step(&mut self, inbox: &mut mpsc::Receiver<Want>) -> bool {
        let renewal = self.place.clock.sleep_until(self.renew_at());
        tokio::select! {
            biased;
            want = inbox.recv() => match want {
                Some(want) => self.answer(want).await,
                None => return false,
            },
            () = renewal => self.renew().await,
        }
        true
    }

    async fn answer(&mut self, want: Want) {
        let Want { path, answer } = want;
        if answer.is_closed() {
            return;
        }
        let place = Arc::clone(&self.place);
        let passage = Box::pin(self.passage(&path));
        let passage = within(&*place.clock, place.connect_timeout, passage).await;
        // Without a passage the caller's own time is over as well.
        if let Some(passage) = passage {
            // Nobody may wait for it any more: its session ends when it is dropped.
            let _ = answer.send(passage);
        }
    }

    async fn passage(&mut self, path: &str) -> Result<Passage> {
        self.connect().await?;
        let place = Arc::clone(&self.place);
        let wire = self.wire.as_mut().ok_or_else(closed)?;
        let pass = wire.allow(&place, path).await?;
        Ok(Passage {
            session: wire.seat().await?,
            answers: wire.answers.clone(),
            pass,
        })
    }

    /// Makes the connection, if there is none; after a failure not before its time.
    async fn connect(&mut self) -> Result<()> {
        let lost = self.wire.take_if(|wire| wire.connection.is_closed());
        if let Some(wire) = lost {
            self.pace.ended(wire.since, &super::unknown());
            self.place.tell(|endpoint| Event::Disconnected { endpoint });
        }
        if self.wire.is_some() {
            return Ok(());
        }
        self.pace.wait().await;
        let answers = Answers::default();
        let Place {
            endpoint,
            container,
            clock,
            ..
        } = &*self.place;
        match dial::dial(endpoint, container, &answers).await {
            Ok(connection) => {
                self.place.tell(|endpoint| Event::Connected { endpoint });
                self.wire = Some(Wire {
                    connection,
                    since: clock.now(),
                    answers,
                    seats: Seats::default(),
                    tokens: None,
                    allowed: HashMap::new(),
                });
                Ok(())
            }
            Err(error) => {
                self.pace.failed(&error);
                self.place.tell_failed(&error);
                Err(error)
            }
        }
    }

    /// Returns when the next token is to be renewed.
    fn renew_at(&self) -> Instant {
        let wire = self.wire.as_ref().filter(|it| !it.connection.is_closed());
        let times = wire.into_iter().flat_map(|wire| wire.allowed.values());
        let in_use = times.filter(|allowed| allowed.is_in_use());
        in_use.map(|it| it.renew_at).min().unwrap_or(Instant::NEVER)
    }

    /// Renews the tokens that are due, of which somebody makes use.
    async fn renew(&mut self) {
        let place = Arc::clone(&self.place);
        let Some(wire) = &mut self.wire else {
            return;
        };
        let now = place.clock.now();
        let due = wire.allowed.iter();
        let due = due.filter(|(_, it)| it.is_in_use() && it.renew_at <= now);
        let due: Vec<String> = due.map(|(path, _)| path.clone()).collect();
        for path in due {
            let shown = Box::pin(wire.show(&place, &path));
            let shown = within(&*place.clock, place.connect_timeout, shown).await;
            if let (Some(Err(_)) | None, Some(allowed)) = (shown, wire.allowed.get_mut(&path)) {
                // While the old one holds there is time for another try; then the broker ends the
                // links, which tell of it.
                allowed.renew_at = renew_at(allowed.until, &place);
            }
        }
    }
}

/// Returns when a token that holds until `until` is renewed.
fn renew_at(until: Timestamp, place: &Place) -> Instant {
    let left = until.since(place.clock.wall());
    let wait = left.saturating_sub(TOKEN_MARGIN).max(left / 2);
    place.clock.now() + wait.max(TOKEN_EVERY_MIN)
}

impl Allowed {
    fn is_in_use(&self) -> bool {
        0 < self.pass.strong_count()
    }
}

impl Wire {
    /// Lets somebody in at `path`, with a token that holds for a while.
    async fn allow(&mut self, place: &Place, path: &str) -> Result<Arc<Pass>> {
        let holds = |it: &Allowed| place.clock.now() < it.renew_at;
        if !self.allowed.get(path).is_some_and(holds) {
            self.show(place, path).await?;
        }
        let allowed = self.allowed.get_mut(path).ok_or_else(closed)?;
        Ok(allowed.pass.upgrade().unwrap_or_else(|| {
            let pass = Arc::new(Pass);
            allowed.pass = Arc::downgrade(&pass);
            pass
        }))
    }

    /// Returns a session without a link: one that has had another, or a new one.
    async fn seat(&mut self) -> Result<Seat> {
        if let Some(seat) = self.seats.take() {
            return Ok(seat);
        }
        let session = Session::begin(&mut self.connection).await;
        Ok(self.seats.first(session.map_err(fault::of_begin)?))
    }

    /// Shows a new token for `path`.
    async fn show(&mut self, place: &Place, path: &str) -> Result<()> {
        let audience = place.endpoint.audience(path);
        let token = place.tokens.token(&audience, place.clock.wall()).await?;
        if self.tokens.as_ref().is_some_and(Rpc::is_over) {
            self.tokens = None;
        }
        let rpc = match &mut self.tokens {
            Some(rpc) => rpc,
            None => {
                let session = self.seat().await?;
                let name = format!("{}-tokens", place.container);
                let rpc = Rpc::open(session, TOKENS, &name).await?;
                self.tokens.insert(rpc)
            }
        };
        let reply = rpc.ask(showing(&token, audience), Operation::Open).await?;
        reply.done(Operation::Open)?;
        if TOKENS_MAX <= self.allowed.len() {
            self.allowed.retain(|_, allowed| allowed.is_in_use());
        }
        let allowed = self.allowed.entry(path.to_owned());
        let allowed = allowed.or_insert_with(|| Allowed {
            until: token.expires_at,
            renew_at: Instant::START,
            pass: Weak::new(),
        });
        allowed.until = token.expires_at;
        allowed.renew_at = renew_at(token.expires_at, place);
        Ok(())
    }

    async fn close(mut self) {
        if let Some(tokens) = self.tokens.take() {
            tokens.close().await;
        }
        // One that broke has ended as well.
        let _ = self.connection.close().await;
    }
}

fn showing(token: &Token, audience: String) -> Question {
    let mut properties = OrderedMap::new();
    let mut set = |name: &str, value| properties.insert(name.to_owned(), value);
    set("operation", SimpleValue::String("put-token".to_owned()));
    set("type", SimpleValue::String(token.kind.as_str().to_owned()));
    set("name", SimpleValue::String(audience));
    set(
        "expiration",
        SimpleValue::Timestamp(time_of(token.expires_at)),
    );
    Question {
        properties,
        body: Value::String(token.text.expose().to_owned()),
    }
}
