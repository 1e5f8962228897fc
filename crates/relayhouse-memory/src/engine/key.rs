//! Ordering keys: the messages of each key in order, and whether one of them is leased.

use std::collections::{HashMap, VecDeque};

use relayhouse_core::Text;

use super::{session::Session, slab::NONE};

/// Holds the messages of one ordering key that are not leased, in order.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: Text,
    /// The slots in order. A message released with a delay keeps its place, and holds back those
    /// behind it.
    pub(crate) queue: VecDeque<u32>,
    /// The deliveries that are out. While there is one, the key is locked.
    pub(crate) leased: u32,
    /// The slot that stands for the key among the available ones, or `NONE`: its turn goes to
    /// whichever is first in the queue then.
    pub(crate) offered: u32,
    /// The messages of the key, those not yet due included.
    pub(crate) members: u32,
    /// The session over the key, on a queue that has sessions.
    pub(crate) session: Session,
}

impl Key {
    /// Puts a slot in its place by `order`.
    pub(crate) fn insert(&mut self, slot: u32, order: impl Fn(u32) -> u64) {
        let place = order(slot);
        let at = self.queue.partition_point(|other| order(*other) < place);
        self.queue.insert(at, slot);
    }

    /// Takes a slot out, wherever it stands.
    pub(crate) fn remove(&mut self, slot: u32) {
        if let Some(at) = self.queue.iter().position(|other| *other == slot) {
            self.queue.remove(at);
        }
    }
}

/// Holds the keys that have messages, by number and by name.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    all: Vec<Option<Key>>,
    free: Vec<u32>,
    by_name: HashMap<Text, u32>,
}

impl Keys {
    /// Returns the number of the key `name`, which is added if it is new.
    pub(crate) fn intern(&mut self, name: &Text) -> u32 {
        if let Some(index) = self.by_name.get(name) {
            return *index;
        }
        let key = Key {
            name: name.clone(),
            queue: VecDeque::new(),
            leased: 0,
            offered: NONE,
            members: 0,
            session: Session::default(),
        };
        let index = self.free.pop().unwrap_or_else(|| {
            self.all.push(None);
            u32::try_from(self.all.len() - 1).unwrap_or(NONE)
        });
        self.all[index as usize] = Some(key);
        self.by_name.insert(name.clone(), index);
        index
    }

    pub(crate) fn get(&self, index: u32) -> Option<&Key> {
        self.all.get(index as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut Key> {
        self.all.get_mut(index as usize)?.as_mut()
    }

    /// Forgets a key that has no message, and no session worth keeping.
    pub(crate) fn tidy(&mut self, index: u32) {
        let is_idle = |key: &Key| key.members == 0 && key.session.is_idle();
        if !self.get(index).is_some_and(is_idle) {
            return;
        }
        if let Some(key) = self.all[index as usize].take() {
            self.by_name.remove(&key.name);
            self.free.push(index);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Key)> {
        let all = (0..).zip(&self.all);
        all.filter_map(|(index, key)| Some((index, key.as_ref()?)))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut Key)> {
        let all = (0..).zip(&mut self.all);
        all.filter_map(|(index, key)| Some((index, key.as_mut()?)))
    }
}
