//! The messages of one queue, by state and by order. It knows nothing of rules but these: when a
//! message becomes visible, and that a group with a message in flight is locked.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::message::Message;

/// The messages of a queue.
#[derive(Debug)]
pub(crate) struct Shelf {
    entries: BTreeMap<u64, Entry>,
    /// What may be handed out now; of a group, only its first message.
    ready: BTreeSet<u64>,
    /// Delayed messages and those in flight, by when they become visible.
    due: BTreeSet<(SystemTime, u64)>,
    /// All messages by when they were sent.
    sent: BTreeSet<(SystemTime, u64)>,
    /// Only a FIFO queue has groups.
    groups: Option<BTreeMap<Arc<str>, Group>>,
    in_flight: usize,
    delayed: usize,
}

/// A message and what is being done with it.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) message: Message,
    pub(crate) state: State,
    /// The last hand-out, if there was one.
    pub(crate) hand_out: Option<HandOut>,
}

/// Whether a message is visible, or when it becomes so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Visible,
    Delayed(SystemTime),
    InFlight(SystemTime),
}

/// One time that a message was handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HandOut {
    pub(crate) number: u64,
    pub(crate) at: SystemTime,
    /// Its visibility was changed since.
    pub(crate) is_changed: bool,
}

/// The messages of one group.
#[derive(Debug, Default)]
struct Group {
    line: BTreeSet<u64>,
    in_flight: usize,
    /// The message that stands in `ready` for the group.
    open: Option<u64>,
}

impl Shelf {
    pub(crate) fn new(is_fifo: bool) -> Self {
        Self {
            entries: BTreeMap::new(),
            ready: BTreeSet::new(),
            due: BTreeSet::new(),
            sent: BTreeSet::new(),
            groups: is_fifo.then(BTreeMap::new),
            in_flight: 0,
            delayed: 0,
        }
    }

    pub(crate) fn get(&self, place: u64) -> Option<&Entry> {
        self.entries.get(&place)
    }

    /// Puts a message at a place, which no other has had.
    pub(crate) fn insert(&mut self, place: u64, message: Message, state: State) {
        self.sent.insert((message.sent, place));
        if let Some(group) = self.group(message.contents.group.as_ref()) {
            group.line.insert(place);
        }
        let entry = Entry {
            message,
            state,
            hand_out: None,
        };
        self.entries.insert(place, entry);
        self.enter(place, state);
    }

    pub(crate) fn remove(&mut self, place: u64) -> Option<Message> {
        self.leave(place);
        let message = self.entries.remove(&place)?.message;
        self.sent.remove(&(message.sent, place));
        let name = message.contents.group.as_ref();
        if let Some(group) = self.group(name) {
            group.line.remove(&place);
        }
        self.open(name);
        Some(message)
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.groups.is_some());
    }

    /// Hands a message out until `end`.
    pub(crate) fn hand_out(&mut self, place: u64, hand_out: HandOut, end: SystemTime) {
        if let Some(entry) = self.entries.get_mut(&place) {
            let message = &mut entry.message;
            message.receive_count += 1;
            message.first_received.get_or_insert(hand_out.at);
            entry.hand_out = Some(hand_out);
        }
        self.set(place, State::InFlight(end));
    }

    /// Changes until when a message is in flight; nobody may replay its hand-out after that.
    pub(crate) fn change(&mut self, place: u64, end: SystemTime) {
        if let Some(HandOut { is_changed, .. }) = self.hand_out_of(place) {
            *is_changed = true;
        }
        self.set(place, State::InFlight(end));
    }

    pub(crate) fn set(&mut self, place: u64, state: State) {
        self.leave(place);
        if let Some(entry) = self.entries.get_mut(&place) {
            entry.state = state;
            self.enter(place, state);
        }
    }

    /// Makes visible what is due by `now`, and drops what was sent `retention` ago.
    pub(crate) fn catch_up(&mut self, now: SystemTime, retention: Duration) {
        while let Some((at, place)) = self.sent.first().copied() {
            if now < at + retention {
                break;
            }
            self.remove(place);
        }
        while let Some((at, place)) = self.due.first().copied() {
            if now < at {
                break;
            }
            self.set(place, State::Visible);
        }
    }

    /// Returns when [`catch_up`](Self::catch_up) has something to do next.
    pub(crate) fn next_due(&self, retention: Duration) -> Option<SystemTime> {
        let due = self.due.first().map(|(at, _)| *at);
        let end = self.sent.first().map(|(at, _)| *at + retention);
        due.into_iter().chain(end).min()
    }

    /// Returns the message that comes `skip` after the first that may be handed out.
    pub(crate) fn ready(&self, skip: usize) -> Option<u64> {
        self.ready.iter().nth(skip).copied()
    }

    /// Returns `place` and what may be handed out together with it: up to `max` messages of its
    /// group, in order.
    pub(crate) fn run(&self, place: u64, max: usize) -> Vec<u64> {
        let message = self.entries.get(&place).map(|entry| &entry.message);
        let group = message.and_then(|message| message.contents.group.as_ref());
        let groups = self.groups.as_ref();
        let Some(group) = groups.zip(group).and_then(|(all, name)| all.get(name)) else {
            return vec![place];
        };
        let places = group.line.iter().copied();
        places
            .take_while(|place| self.is_visible(*place))
            .take(max)
            .collect()
    }

    pub(crate) fn ready_count(&self) -> usize {
        self.ready.len()
    }

    /// Returns the messages that are neither delayed nor in flight, those behind a lock included.
    pub(crate) fn visible_count(&self) -> usize {
        self.entries.len() - self.in_flight - self.delayed
    }

    pub(crate) fn in_flight_count(&self) -> usize {
        self.in_flight
    }

    pub(crate) fn delayed_count(&self) -> usize {
        self.delayed
    }

    /// Changes the delay of every message that nobody has received.
    pub(crate) fn delay_again(&mut self, delay: Duration) {
        let entries = self.entries.iter();
        let untouched = entries.filter(|(_, entry)| entry.hand_out.is_none());
        let states = untouched
            .map(|(place, entry)| (*place, State::Delayed(entry.message.sent + delay)))
            .collect::<Vec<_>>();
        for (place, state) in states {
            self.set(place, state);
        }
    }

    fn is_visible(&self, place: u64) -> bool {
        let entry = self.entries.get(&place);
        entry.is_some_and(|entry| entry.state == State::Visible)
    }

    fn hand_out_of(&mut self, place: u64) -> Option<&mut HandOut> {
        self.entries.get_mut(&place)?.hand_out.as_mut()
    }

    fn group(&mut self, name: Option<&Arc<str>>) -> Option<&mut Group> {
        let (groups, name) = self.groups.as_mut().zip(name)?;
        Some(groups.entry(Arc::clone(name)).or_default())
    }

    /// Takes a message out of the indexes in which its state has put it.
    fn leave(&mut self, place: u64) {
        let Some(entry) = self.entries.get(&place) else {
            return;
        };
        let (state, group) = (entry.state, entry.message.contents.group.clone());
        match state {
            State::Visible => {
                self.ready.remove(&place);
            }
            State::Delayed(at) => {
                self.due.remove(&(at, place));
                self.delayed -= 1;
            }
            State::InFlight(at) => {
                self.due.remove(&(at, place));
                self.in_flight -= 1;
                if let Some(group) = self.group(group.as_ref()) {
                    group.in_flight -= 1;
                }
            }
        }
    }

    /// Puts a message into the indexes of its state.
    fn enter(&mut self, place: u64, state: State) {
        let entry = self.entries.get(&place);
        let group = entry.and_then(|entry| entry.message.contents.group.clone());
        match state {
            State::Visible if self.groups.is_none() => {
                self.ready.insert(place);
            }
            State::Visible => {}
            State::Delayed(at) => {
                self.due.insert((at, place));
                self.delayed += 1;
            }
            State::InFlight(at) => {
                self.due.insert((at, place));
                self.in_flight += 1;
                if let Some(group) = self.group(group.as_ref()) {
                    group.in_flight += 1;
                }
            }
        }
        self.open(group.as_ref());
    }

    /// Puts the first message of a group up for hand-out, unless the group is locked.
    fn open(&mut self, name: Option<&Arc<str>>) {
        let Some((groups, name)) = self.groups.as_mut().zip(name) else {
            return;
        };
        let Some(group) = groups.get_mut(name) else {
            return;
        };
        if let Some(open) = group.open.take() {
            self.ready.remove(&open);
        }
        let Some(first) = group.line.first().copied() else {
            groups.remove(name);
            return;
        };
        let entry = self.entries.get(&first);
        let is_visible = entry.is_some_and(|entry| entry.state == State::Visible);
        if group.in_flight == 0 && is_visible {
            group.open = Some(first);
            self.ready.insert(first);
        }
    }
}
