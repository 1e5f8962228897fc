//! Queues and messages, without input or output: time and randomness come from outside.
//!
//! Each operation is a method of [`Model`] in the file of its topic. It is told the time, does
//! what is due by then in the queue that it touches, and answers at once. A receive that finds
//! nothing says what to wait for.

mod attempt;
mod batch;
mod chaos;
mod contents;
mod dead;
mod dedup;
mod digest;
mod lifecycle;
mod list;
mod message;
mod moves;
mod names;
mod permission;
mod queue;
mod receipt;
mod receive;
mod send;
mod settings;
mod settle;
mod shelf;
mod tags;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::SystemTime,
};

pub(crate) use self::{
    chaos::Chaos,
    receive::{Wait, Waiting},
};
use self::{moves::Moves, names::QueueKey, queue::Queue};
use crate::{
    api::{Code, Error, Result},
    random::Random,
};

/// How many of the messages that are kept twice are remembered.
const DOUBLED_MAX: usize = 65_536;

/// All queues of the emulator, and what happens to them.
#[derive(Debug)]
pub(crate) struct Model {
    site: Site,
    queues: BTreeMap<QueueKey, Queue>,
    /// When queues were deleted that may not be made again yet.
    deleted: BTreeMap<QueueKey, SystemTime>,
    moves: Moves,
    chaos: Chaos,
    /// The ids of the messages that are kept twice.
    doubled: VecDeque<Arc<str>>,
    random: Random,
    /// The last number given to a queue, a place in a queue or a hand-out.
    serial: u64,
}

/// Where the queues are.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) region: String,
    /// What stands before the account in the URL of a queue.
    pub(crate) endpoint: String,
}

/// One call: when and by whom, and what is noted about it.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) now: SystemTime,
    pub(crate) account: String,
    /// The entries of a batch that are to fail, by their index.
    pub(crate) failing: Vec<usize>,
    /// The queue that was touched.
    pub(crate) queue: Option<String>,
    /// How many messages were sent, handed out or settled.
    pub(crate) messages: usize,
}

impl Call {
    pub(crate) fn new(now: SystemTime, account: String) -> Self {
        Self {
            now,
            account,
            failing: Vec::new(),
            queue: None,
            messages: 0,
        }
    }
}

impl Model {
    pub(crate) fn new(site: Site, seed: u64) -> Self {
        Self {
            site,
            queues: BTreeMap::new(),
            deleted: BTreeMap::new(),
            moves: Moves::default(),
            chaos: Chaos::default(),
            doubled: VecDeque::new(),
            random: Random::new(seed),
            serial: 0,
        }
    }

    /// Returns what makes the queues behave worse than they must, to be changed.
    pub(crate) fn chaos(&mut self) -> &mut Chaos {
        &mut self.chaos
    }

    /// Returns the ids of the messages that are kept twice, oldest first.
    pub(crate) fn doubled(&self) -> Vec<String> {
        self.doubled.iter().map(ToString::to_string).collect()
    }

    fn note_doubled(&mut self, id: Arc<str>) {
        if self.doubled.len() == DOUBLED_MAX {
            self.doubled.pop_front();
        }
        self.doubled.push_back(id);
    }

    /// Finds the queue of a URL, after what is due in it.
    fn reach(&mut self, call: &mut Call, url: &str) -> Result<&mut Queue> {
        let key = QueueKey::of_url(url)?;
        call.queue = Some(key.name.clone());
        self.run_moves(call.now);
        let queue = self.queues.get_mut(&key).ok_or_else(no_such_queue)?;
        queue.catch_up(call.now);
        Ok(queue)
    }

    fn url(&self, key: &QueueKey) -> String {
        format!("{}/{key}", self.site.endpoint)
    }

    fn arn(&self, key: &QueueKey) -> String {
        let region = &self.site.region;
        format!("arn:aws:sqs:{region}:{}:{}", key.account, key.name)
    }

    /// Finds the queue of an ARN; there is none of another region.
    fn find(&self, arn: &str) -> Option<QueueKey> {
        let key = QueueKey::of_arn(arn).filter(|key| self.arn(key) == arn)?;
        self.queues.contains_key(&key).then_some(key)
    }
}

/// Returns a number that no other call of this function gets.
fn next(serial: &mut u64) -> u64 {
    *serial += 1;
    *serial
}

fn no_such_queue() -> Error {
    Error::new(
        Code::QueueDoesNotExist,
        "The specified queue does not exist.",
    )
}
