//! How a hostile provider answers.

use std::{
    collections::VecDeque,
    future::pending,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use relayhouse_core::{Clock, Error, ErrorKind, Random, Result};

/// Says how one item of a batch is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It takes effect.
    Done,
    /// It has no effect, and the item says why.
    Failed(ErrorKind),
    /// It takes effect, and the item says that this is not known.
    UnknownDone,
    /// It has no effect, and the item says that this is not known.
    UnknownLost,
    /// It takes effect, and the item has no answer.
    MissingDone,
    /// It has no effect, and the item has no answer.
    MissingLost,
}

/// Says how the items of one call are answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Items {
    /// All alike.
    All(Reply),
    /// Each as told; those that are not told, as the last one.
    Each(Vec<Reply>),
    /// The first ones, and no answer for the rest.
    First(usize),
}

/// Says how a call ends, after its items were answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It returns.
    Returns,
    /// It fails: an item without an answer never left this process.
    Fails(ErrorKind),
    /// It never ends: only dropping it helps.
    Hangs,
}

/// Says how one call is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// How long the call takes before anything has an effect.
    pub before: Duration,
    /// How its items are answered.
    pub items: Items,
    /// How long the call takes after that.
    pub after: Duration,
    /// How it ends.
    pub ending: Ending,
}

impl Call {
    /// A call that does all it is asked to, at once.
    pub const DONE: Self = Self::all(Reply::Done);

    /// Answers all items alike.
    #[must_use]
    pub const fn all(reply: Reply) -> Self {
        Self::items(Items::All(reply))
    }

    /// Answers the items one by one; those that are not told, as the last one.
    #[must_use]
    pub const fn each(replies: Vec<Reply>) -> Self {
        Self::items(Items::Each(replies))
    }

    /// Answers items as told.
    #[must_use]
    pub const fn items(items: Items) -> Self {
        Self {
            before: Duration::ZERO,
            items,
            after: Duration::ZERO,
            ending: Ending::Returns,
        }
    }

    /// Fails before anything left this process.
    #[must_use]
    pub const fn fails(kind: ErrorKind) -> Self {
        Self::items(Items::First(0)).ending(Ending::Fails(kind))
    }

    /// Has no effect, and never ends.
    #[must_use]
    pub const fn hangs() -> Self {
        Self::items(Items::First(0)).ending(Ending::Hangs)
    }

    /// Sets how the call ends.
    #[must_use]
    pub const fn ending(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self
    }

    /// Sets how long the call takes before anything has an effect.
    #[must_use]
    pub const fn before(mut self, before: Duration) -> Self {
        self.before = before;
        self
    }

    /// Sets how long the call takes after its items were answered.
    #[must_use]
    pub const fn after(mut self, after: Duration) -> Self {
        self.after = after;
        self
    }

    /// Returns how the item at `index` is answered.
    ///
    /// Where the call fails, no item may be left without an answer that had an effect: such a one
    /// is unknown.
    pub(super) fn reply(&self, index: usize) -> Reply {
        let reply = match &self.items {
            Items::All(reply) => *reply,
            Items::Each(replies) => {
                let told = replies.get(index).or(replies.last());
                told.copied().unwrap_or(Reply::Done)
            }
            Items::First(count) if index < *count => Reply::Done,
            Items::First(_) => Reply::MissingLost,
        };
        match (reply, self.ending) {
            (Reply::MissingDone, Ending::Fails(_)) => Reply::UnknownDone,
            _ => reply,
        }
    }
}

/// Says how calls are answered, one after the other.
#[derive(Debug, Default)]
pub struct Script {
    calls: VecDeque<Call>,
    chance: Option<Chance>,
}

/// Answers by chance, once the script is at its end.
#[derive(Debug)]
struct Chance {
    random: Arc<dyn Random>,
    share: f64,
}

impl Script {
    /// Does all that is asked.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers the next call that is not scripted yet with `call`.
    #[must_use]
    pub fn then(mut self, call: Call) -> Self {
        self.calls.push_back(call);
        self
    }

    /// Once the script is at its end, treats about `share` of the items badly, as `random` has
    /// it, and now and then a whole call. No call hangs.
    #[must_use]
    pub fn then_by_chance(mut self, random: Arc<dyn Random>, share: f64) -> Self {
        self.chance = Some(Chance { random, share });
        self
    }

    fn next(&mut self, items: usize) -> Call {
        if let Some(call) = self.calls.pop_front() {
            return call;
        }
        self.chance.as_ref().map_or(Call::DONE, |it| it.call(items))
    }
}

impl Chance {
    fn call(&self, items: usize) -> Call {
        let random = &*self.random;
        if random.chance(self.share / 4.0) {
            return Call::fails(ErrorKind::ConnectionFailed);
        }
        let replies = (0..items).map(|_| self.reply()).collect();
        let slow = random.up_to(Duration::from_millis(20));
        Call::each(replies).before(slow).after(slow)
    }

    fn reply(&self) -> Reply {
        const BAD: [Reply; 5] = [
            Reply::Failed(ErrorKind::Throttled),
            Reply::UnknownDone,
            Reply::UnknownLost,
            Reply::MissingDone,
            Reply::MissingLost,
        ];
        if !self.random.chance(self.share) {
            return Reply::Done;
        }
        let index = usize::try_from(self.random.below(BAD.len() as u64)).unwrap_or_default();
        BAD[index]
    }
}

/// A script that is being played, to the time of a clock.
#[derive(Debug)]
pub(super) struct Player {
    clock: Arc<dyn Clock>,
    script: Mutex<Script>,
}

impl Player {
    pub(super) fn new(clock: Arc<dyn Clock>, script: Script) -> Self {
        Self {
            clock,
            script: Mutex::new(script),
        }
    }

    pub(super) fn set(&self, script: Script) {
        *lock(&self.script) = script;
    }

    /// Plays the next call over `items`: `answer` is told the reply for each of them.
    pub(super) async fn play<T>(
        &self,
        items: &mut [T],
        mut answer: impl FnMut(&mut T, Reply) + Send,
    ) -> Result<()>
    where
        T: Send,
    {
        let call = lock(&self.script).next(items.len());
        self.wait(call.before).await;
        for (index, item) in items.iter_mut().enumerate() {
            answer(item, call.reply(index));
        }
        self.wait(call.after).await;
        match call.ending {
            Ending::Returns => Ok(()),
            Ending::Fails(kind) => Err(Error::new(kind, "the script says so")),
            Ending::Hangs => pending().await,
        }
    }

    async fn wait(&self, time: Duration) {
        if !time.is_zero() {
            self.clock.sleep_until(self.clock.now() + time).await;
        }
    }
}

/// Takes a lock, whoever panicked with it.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the error of an item.
pub(super) fn error(kind: ErrorKind) -> Error {
    Error::new(kind, "the script says so")
}
