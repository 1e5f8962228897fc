//! What stands between the adapter and the network: one connection, and the links on it.

mod clerk;
mod dial;
mod fault;
mod line;
mod pace;
mod rpc;
mod seat;
pub(crate) mod tap;
mod task;

use std::{
    future::Future,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use relayhouse_core::{Clock, Error, ErrorKind, Event, Observer, Random, Result};
use tokio::sync::{mpsc, oneshot};

use self::{
    line::{Line, Want},
    rpc::Rpc,
};
use crate::token::TokenProvider;

pub(crate) use self::{
    clerk::Clerks,
    dial::{Way, within},
    fault::{
        link_is_lost, of_amqp, of_declare, of_decode, of_detach, of_discharge, of_post,
        of_receiver_attach, of_recv, of_send, of_sender_attach, of_state, unknown,
    },
    line::{Pass, Passage},
    pace::Pace,
    rpc::{Question, Reply, field, items, map},
    seat::Seat,
    task::{Closing, Task},
};

/// The most links that wait to be let in.
const WANTS_MAX: usize = 64;

/// Holds what all queues of one provider share.
#[derive(Debug)]
pub(crate) struct Link {
    place: Arc<Place>,
    names: AtomicU64,
    state: Mutex<State>,
}

/// Says where the broker is, and how it is reached.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) endpoint: Way,
    pub(crate) tokens: Arc<dyn TokenProvider>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) connect_timeout: Duration,
    pub(crate) container: String,
    pub(crate) observer: Option<Arc<dyn Observer>>,
}

impl Place {
    /// Tells the observer, if there is one, that a connection was not made.
    pub(super) fn tell_failed(&self, error: &Error) {
        if let Some(observer) = &self.observer {
            let endpoint = &self.endpoint.to_string();
            let event = Event::ConnectFailed { endpoint, error };
            observer.observe(self.clock.now(), &[event]);
        }
    }

    /// Tells the observer, if there is one, what `event` makes of where the connection leads to.
    pub(super) fn tell(&self, event: impl for<'a> FnOnce(&'a str) -> Event<'a>) {
        if let Some(observer) = &self.observer {
            let endpoint = self.endpoint.to_string();
            observer.observe(self.clock.now(), &[event(&endpoint)]);
        }
    }
}

#[derive(Debug)]
enum State {
    /// Nobody wanted a connection yet.
    New,
    /// A task keeps the connection, and makes it anew.
    Open(Keeper),
    /// It ends, or has ended.
    Closed(Option<Arc<Task>>),
}

/// Is a handle on the task of the connection, which ends with it.
#[derive(Debug)]
struct Keeper {
    wants: mpsc::Sender<Want>,
    task: Arc<Task>,
}

impl Link {
    pub(crate) fn new(place: Place) -> Self {
        Self {
            place: Arc::new(place),
            names: AtomicU64::new(0),
            state: Mutex::new(State::New),
        }
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.place.clock
    }

    /// Makes a pace for something that is attached again after it ended.
    pub(crate) fn pace(&self) -> Pace {
        let Place { clock, random, .. } = &*self.place;
        Pace::new(Arc::clone(clock), Arc::clone(random))
    }

    /// Makes a name that no other link of this container has.
    pub(crate) fn name(&self) -> String {
        let number = self.names.fetch_add(1, Ordering::Relaxed);
        format!("{}-{number}", self.place.container)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns where the task of the connection takes orders, and starts it for the first one.
    fn wants(&self) -> Result<mpsc::Sender<Want>> {
        let mut state = self.state();
        match &*state {
            State::Open(keeper) => Ok(keeper.wants.clone()),
            State::Closed(_) => Err(closed()),
            State::New => {
                let (wants, inbox) = mpsc::channel(WANTS_MAX);
                let line = Line::new(Arc::clone(&self.place));
                *state = State::Open(Keeper {
                    wants: wants.clone(),
                    task: Arc::new(Task::spawn(|closing| line.run(inbox, closing))),
                });
                Ok(wants)
            }
        }
    }

    /// Begins a session for links at `path`, with a connection and a token that hold.
    ///
    /// The work goes on by itself: dropping the future ends nothing but this session.
    pub(crate) async fn session(&self, path: &str) -> Result<Passage> {
        let wants = self.wants()?;
        let (answer, answered) = oneshot::channel();
        let want = Want {
            path: path.to_owned(),
            answer,
        };
        let asking = async {
            wants.send(want).await.map_err(|_| closed())?;
            answered.await.map_err(|_| closed())?
        };
        self.in_time(Duration::ZERO, asking).await
    }

    /// Ends with `Timeout` if `work` takes longer than a connection may, and `more`.
    pub(crate) async fn in_time<T>(
        &self,
        more: Duration,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let Place {
            clock,
            connect_timeout,
            endpoint,
            ..
        } = &*self.place;
        let limit = *connect_timeout + more;
        let done = within(&**clock, limit, work).await;
        done.unwrap_or_else(|| {
            Err(Error::new(
                ErrorKind::Timeout,
                format!("{endpoint} did not let us in within {limit:?}"),
            ))
        })
    }

    /// Ends the connection, and waits until it has.
    ///
    /// Dropping the future leaves the rest to the next call.
    pub(crate) async fn close(&self) {
        let task = {
            let mut state = self.state();
            let task = match &*state {
                State::New => None,
                State::Open(keeper) => Some(Arc::clone(&keeper.task)),
                State::Closed(task) => task.clone(),
            };
            *state = State::Closed(task.clone());
            task
        };
        if let Some(task) = task {
            task.join().await;
        }
    }
}

/// Says that what was called is closed.
pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the provider is closed")
}
