//! What clients attach to: entities, their management, tokens, transactions.

mod attach;
mod cbs;
mod compound;
mod condition;
mod coordinator;
mod encode;
mod management;
mod message;
mod raw;
mod receiver;
mod request;
mod role;
mod sections;
mod sender;
mod settle;
mod token;
mod trouble;
mod value;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    future::{self, Future},
    pin::Pin,
    sync::Arc,
    time::SystemTime,
};

use bytes::Bytes;
use fe2o3_amqp_types::definitions::Error;
use futures_util::stream::{FuturesUnordered, StreamExt};

pub(crate) use self::token::Keys;
use self::{
    role::{Ring, Role, Stage},
    token::Grant,
    trouble::Delayed,
};
use crate::{
    amqp::{Connection, Event, Limits, LinkId, Login},
    clock::Clock,
    fault::Drawn,
    model::{Time, TransactionId},
    shared::{Access, Shared, clock_of},
};

type Bell = Pin<Box<dyn Future<Output = Ring> + Send>>;

/// What one client has attached to.
pub(crate) struct Client {
    shared: Arc<Shared>,
    engine: Connection,
    roles: BTreeMap<LinkId, Role>,
    /// What tells that there may be something for a receiver.
    bells: FuturesUnordered<Bell>,
    /// The receivers for which there may be something.
    ready: BTreeSet<LinkId>,
    /// What the client's tokens allow.
    grants: Vec<Grant>,
    /// Whether the client has logged in by a key.
    is_trusted: bool,
    transactions: BTreeSet<TransactionId>,
    /// What is done later, by a fault.
    delayed: Vec<Delayed>,
    /// The connection is to break off, by a fault.
    is_cut: bool,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

impl Client {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let now = shared.clock.now();
        Self {
            shared,
            engine: Connection::new(Limits::default(), now),
            roles: BTreeMap::new(),
            bells: FuturesUnordered::new(),
            ready: BTreeSet::new(),
            grants: Vec::new(),
            is_trusted: false,
            transactions: BTreeSet::new(),
            delayed: Vec::new(),
            is_cut: false,
        }
    }

    /// Takes what was read, and does what it asks for.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        self.engine.receive(self.shared.clock.now(), bytes);
        self.act();
    }

    /// Takes what is to be written.
    pub(crate) fn take_output(&mut self) -> Bytes {
        let output = self.engine.take_output(self.shared.clock.now());
        // There may be room for more, now that this is on its way.
        self.act();
        output
    }

    pub(crate) fn output_bytes(&self) -> usize {
        self.engine.output_bytes()
    }

    pub(crate) fn is_over(&self) -> bool {
        self.engine.is_over()
    }

    /// Returns whether the connection is to break off as it is.
    pub(crate) const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Returns when [`wake`](Self::wake) is to be called.
    pub(crate) fn due(&self) -> Option<SystemTime> {
        let receivers = self.roles.values().filter_map(|role| match role {
            Role::Receiver(receiver) => receiver.due(),
            _ => None,
        });
        let receivers = receivers.min().map(clock_of);
        let delayed = self.delayed.iter().map(|it| it.due).min();
        let tokens = self.grants.iter().map(|it| clock_of(it.until)).min();
        let due = receivers.into_iter().chain(delayed).chain(tokens);
        due.chain(self.engine.due()).min()
    }

    /// Does what is due.
    pub(crate) fn wake(&mut self) {
        self.engine.wake(self.shared.clock.now());
        self.catch_up();
        self.expire();
        let now = self.shared.time();
        for (link, role) in &self.roles {
            if let Role::Receiver(receiver) = role
                && receiver.due().is_some_and(|due| due <= now)
            {
                self.ready.insert(*link);
            }
        }
        self.act();
    }

    /// Waits until there may be something for a receiver. A wait that is given up loses nothing.
    pub(crate) async fn ring(&mut self) {
        let Some(ring) = self.bells.next().await else {
            return future::pending().await;
        };
        if ring.is_gone {
            self.ready.insert(ring.link);
            return;
        }
        if self.roles.contains_key(&ring.link) {
            self.ready.insert(ring.link);
            self.bells.push(bell(ring));
        }
    }

    /// Looks for those receivers for which something may be there.
    pub(crate) fn look(&mut self) {
        self.act();
    }

    /// Closes the connection.
    pub(crate) fn close(&mut self, error: Option<Error>) {
        self.engine.close(error);
        self.act();
    }

    /// Acts on all that has happened, until nothing happens any more.
    fn act(&mut self) {
        while !self.is_cut {
            while let Some(event) = self.engine.next_event() {
                self.on_event(event);
            }
            let Some(link) = self.ready.pop_first() else {
                return;
            };
            self.look_for(link);
        }
    }

    fn run(&mut self, event: Event, drawn: Drawn) {
        match event {
            Event::Login(login) => self.on_login(&login),
            Event::Attached { link, attach } => self.on_attach(link, attach),
            Event::Credit { link, .. } => self.on_credit(link),
            Event::Delivered(delivered) => self.on_delivered(&delivered, drawn),
            Event::Declare { link, delivery } => self.on_declare(link, delivery),
            Event::Discharge {
                link,
                delivery,
                transaction,
                is_rollback,
            } => self.on_discharge(link, delivery, &transaction, is_rollback),
            Event::Disposed(disposed) => self.on_disposed(&disposed, drawn),
            Event::Detached { link, .. } => self.on_detached(link),
            Event::Closed { .. } => self.leave(),
            Event::Opened { .. } => {}
        }
    }

    fn on_login(&mut self, login: &Login) {
        let is_known = match (&self.shared.access, login) {
            (Access::Everybody, _) | (_, Login::Anonymous) => true,
            (Access::Signed(keys), Login::Plain { user, password }) => {
                self.is_trusted = keys.has(user, password);
                self.is_trusted
            }
        };
        self.engine.login(is_known);
    }

    fn on_credit(&mut self, link: LinkId) {
        match self.roles.get_mut(&link) {
            Some(Role::Receiver(_)) => {
                self.ready.insert(link);
            }
            Some(Role::Replies(_)) => self.send_replies(link),
            _ => self.engine.drained(link),
        }
    }

    fn on_detached(&mut self, link: LinkId) {
        if let Some(Role::Receiver(receiver)) = self.roles.remove(&link)
            && let Stage::Holding { key, .. } = &receiver.stage
        {
            let now = self.shared.time();
            let model = &mut self.shared.state().model;
            // If its lock was over before, there is nothing to be given back.
            let _ = model.close_session(now, &receiver.address, key);
        }
        self.ready.remove(&link);
    }

    /// Lets go of everything that the client holds.
    pub(crate) fn leave(&mut self) {
        while let Some((link, _)) = self.roles.first_key_value() {
            self.on_detached(*link);
        }
        self.ready.clear();
        self.delayed.clear();
        self.bells.clear();
        let now = self.shared.time();
        while let Some(transaction) = self.transactions.pop_first() {
            // What has timed out is undone already.
            let _ = self.shared.state().model.rollback(now, transaction);
        }
    }

    /// Returns whether the client may use what is at a path.
    fn may_use(&self, path: &str, now: Time) -> bool {
        let everybody = matches!(self.shared.access, Access::Everybody);
        everybody || self.is_trusted || self.grants.iter().any(|grant| grant.covers(path, now))
    }
}

/// Waits for the next ring, from the last one that was heard.
fn bell(mut ring: Ring) -> Bell {
    Box::pin(async move {
        ring.is_gone = ring.bell.changed().await.is_err();
        ring
    })
}
