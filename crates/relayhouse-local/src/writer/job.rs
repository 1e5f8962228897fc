//! One call to the store: what it does, and where its answer goes.

use std::fmt::{self, Debug};

use relayhouse_core::Result;
use tokio::sync::oneshot;

use super::Cost;
use crate::store::{Access, Moment, Store};

/// The most that a quick call costs.
const QUICK_MAX: Cost = Cost {
    messages: 100,
    bytes: 16 << 10,
};

/// Is one call that waits for the storage thread.
pub(crate) trait Job: Debug + Send {
    /// Returns what the call weighs, in the queue and in a group.
    fn cost(&self) -> Cost;

    /// Returns what the call needs of its group.
    fn access(&self) -> Access;

    /// Returns true if the call may roll its group back, and so has one of its own.
    fn is_alone(&self) -> bool;

    /// Returns true if the call may run where it is made: it writes little, and waits for no disk.
    fn is_quick(&self) -> bool;

    /// Returns true if the call only looks, and has not run.
    fn is_look_to_come(&self) -> bool;

    /// Runs the call; an error rolls the whole group back.
    fn run(&mut self, store: &mut dyn Store, moment: Moment) -> Result<()>;

    /// Gives the answer: what the call returned if the group lasts, else why it does not.
    fn answer(self: Box<Self>, end: Result<()>);
}

/// Is a call made of closures: `run` inside the group, and `done` after its end.
pub(crate) struct Call<F, T, G> {
    pub(crate) cost: Cost,
    pub(crate) access: Access,
    pub(crate) is_alone: bool,
    is_quick: bool,
    state: State<F, T>,
    done: G,
}

enum State<F, T> {
    Waiting(F),
    Ran(T),
    Failed,
}

impl<F, T, G> Call<F, T, G> {
    /// Makes a call that shares its group.
    pub(crate) const fn new(cost: Cost, access: Access, run: F, done: G) -> Self {
        Self {
            cost,
            access,
            is_alone: false,
            is_quick: false,
            state: State::Waiting(run),
            done,
        }
    }

    /// Makes the call one that may roll its group back.
    pub(crate) fn alone(mut self) -> Self {
        self.is_alone = true;
        self
    }

    /// Lets the call run where it is made, if it is small enough: it must be short, and must not
    /// block.
    pub(crate) fn quick(mut self) -> Self {
        let is_small =
            self.cost.messages <= QUICK_MAX.messages && self.cost.bytes <= QUICK_MAX.bytes;
        self.is_quick = is_small && self.access == Access::Write;
        self
    }
}

impl<F, T, G> Debug for Call<F, T, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cost,
            access,
            is_alone,
            is_quick,
            state: _,
            done: _,
        } = self;
        f.debug_struct("Call")
            .field("cost", cost)
            .field("access", access)
            .field("is_alone", is_alone)
            .field("is_quick", is_quick)
            .finish()
    }
}

impl<F, T, G> Job for Call<F, T, G>
where
    F: FnOnce(&mut dyn Store, Moment) -> Result<T> + Send,
    T: Send,
    G: FnOnce(Result<T>) + Send,
{
    fn cost(&self) -> Cost {
        self.cost
    }

    fn access(&self) -> Access {
        self.access
    }

    fn is_alone(&self) -> bool {
        self.is_alone
    }

    fn is_quick(&self) -> bool {
        self.is_quick
    }

    fn is_look_to_come(&self) -> bool {
        self.access == Access::Look && matches!(self.state, State::Waiting(_))
    }

    fn run(&mut self, store: &mut dyn Store, moment: Moment) -> Result<()> {
        if let State::Waiting(run) = std::mem::replace(&mut self.state, State::Failed) {
            self.state = State::Ran(run(store, moment)?);
        }
        Ok(())
    }

    fn answer(self: Box<Self>, end: Result<()>) {
        let Self { state, done, .. } = *self;
        match (end, state) {
            (Ok(()), State::Ran(value)) => done(Ok(value)),
            (Err(error), _) => done(Err(error)),
            // A group lasts only if all its calls ran.
            (Ok(()), State::Waiting(_) | State::Failed) => {}
        }
    }
}

/// Sends an answer to who waits for it, if somebody still does.
pub(crate) fn reply<T>(to: oneshot::Sender<Result<T>>) -> impl FnOnce(Result<T>) {
    move |answer| drop(to.send(answer))
}
