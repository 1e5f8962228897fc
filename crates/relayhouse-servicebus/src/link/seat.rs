//! AMQP sessions, each of which carries one link at a time and then the next one.

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError},
};

use fe2o3_amqp::session::SessionHandle;

/// The most links that one session carries, one after the other. Of deliveries that nobody settled
/// the client library forgets nothing before the session ends.
const LINKS_MAX: u32 = 64;

/// The most sessions of a connection that wait for their next link.
const WAITING_MAX: usize = 64;

/// Keeps the sessions of one connection that have no link.
#[derive(Clone, Debug, Default)]
pub(super) struct Seats(Arc<Mutex<Vec<Waiting>>>);

/// Is a session without a link.
#[derive(Debug)]
struct Waiting {
    session: SessionHandle<()>,
    links: u32,
}

/// Is a session for one link.
///
/// When it is dropped the session ends, and with it whatever is left of the link.
#[derive(Debug)]
pub(crate) struct Seat {
    session: SessionHandle<()>,
    /// How many links it has carried, with this one.
    links: u32,
    seats: Seats,
}

impl Seats {
    /// Returns a session that waits, if there is one.
    pub(super) fn take(&self) -> Option<Seat> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(Waiting { session, links }) = waiting.pop() {
            if !session.is_ended() {
                return Some(self.seat(session, links + 1));
            }
        }
        None
    }

    /// Makes a seat of a session that has just begun.
    pub(super) fn first(&self, session: SessionHandle<()>) -> Seat {
        self.seat(session, 1)
    }

    fn seat(&self, session: SessionHandle<()>, links: u32) -> Seat {
        Seat {
            session,
            links,
            seats: self.clone(),
        }
    }
}

impl Seat {
    /// Leaves the session to another link, now that both sides have closed the one that it carried.
    pub(crate) async fn leave(self) {
        if let Some(mut session) = self.handed_on() {
            // One that has ended already has nothing left to end.
            let _ = session.end().await;
        }
    }

    /// Ends the session.
    pub(crate) async fn end(mut self) {
        // One that has ended already has nothing left to end.
        let _ = self.session.end().await;
    }

    /// Returns the session if nobody else is to have it.
    fn handed_on(self) -> Option<SessionHandle<()>> {
        let Self {
            session,
            links,
            seats: Seats(waiting),
        } = self;
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if LINKS_MAX <= links || WAITING_MAX <= waiting.len() || session.is_ended() {
            return Some(session);
        }
        waiting.push(Waiting { session, links });
        None
    }
}

impl Deref for Seat {
    type Target = SessionHandle<()>;

    fn deref(&self) -> &SessionHandle<()> {
        &self.session
    }
}

impl DerefMut for Seat {
    fn deref_mut(&mut self) -> &mut SessionHandle<()> {
        &mut self.session
    }
}
