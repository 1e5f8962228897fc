//! The roll of what metrics are kept for: it grows to a bound, and is read without a lock.

use std::{
    cell::Cell,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use super::{definition::Scope, series::Series};

/// The places of a roll; a power of two.
const PLACES: usize = 512;

/// The most names of a roll: half of the places, so that a search is short.
pub(crate) const NAMES_MAX: usize = PLACES / 2;

/// What comes under no name of its own.
pub(crate) const OTHER: &str = "_other";

thread_local! {
    /// The place that this thread found last: most events come from where the one before came from.
    static LAST: Cell<usize> = const { Cell::new(0) };
}

/// Names one thing that metrics are kept for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name<'a> {
    /// The messaging system, or nothing.
    pub(crate) system: &'static str,
    pub(crate) name: &'a str,
    pub(crate) subscription: Option<&'a str>,
    pub(crate) dead_letter: bool,
}

/// Holds the series of each name.
#[derive(Debug)]
pub(crate) struct Roll {
    scope: Scope,
    places: Box<[OnceLock<Entry>]>,
    count: AtomicUsize,
    other: Entry,
}

/// Is one name, and its series.
#[derive(Debug)]
pub(crate) struct Entry {
    system: &'static str,
    name: String,
    subscription: Option<String>,
    dead_letter: bool,
    pub(crate) series: Series,
    /// Since when it could not be reached, in nanoseconds of the clock and one more; 0 if it can.
    pub(crate) down_since: std::sync::atomic::AtomicU64,
}

impl Roll {
    pub(crate) fn new(scope: Scope) -> Self {
        let other = Name {
            system: "",
            name: OTHER,
            subscription: None,
            dead_letter: false,
        };
        Self {
            scope,
            places: (0..PLACES).map(|_| OnceLock::new()).collect(),
            count: AtomicUsize::new(0),
            other: Entry::new(other, scope),
        }
    }

    /// Returns the entry of `name`, made on first use; `None` if there is no room for one more.
    #[inline]
    pub(crate) fn find(&self, name: Name<'_>) -> Option<&Entry> {
        match self.places[LAST.get() % PLACES].get() {
            Some(entry) if entry.is(name) => Some(entry),
            _ => self.search(name),
        }
    }

    #[inline(never)]
    fn search(&self, name: Name<'_>) -> Option<&Entry> {
        let mut index = name.hash() % PLACES;
        loop {
            match self.places[index].get() {
                Some(entry) if entry.is(name) => {
                    LAST.set(index);
                    return Some(entry);
                }
                Some(_) => index = (index + 1) % PLACES,
                None => return self.insert(name, index),
            }
        }
    }

    /// Returns the entry of all names that there is no room for.
    pub(crate) const fn other(&self) -> &Entry {
        &self.other
    }

    #[cold]
    fn insert(&self, name: Name<'_>, mut index: usize) -> Option<&Entry> {
        if NAMES_MAX <= self.count.fetch_add(1, Relaxed) {
            self.count.fetch_sub(1, Relaxed);
            return None;
        }
        loop {
            let mut is_new = false;
            let entry = self.places[index].get_or_init(|| {
                is_new = true;
                Entry::new(name, self.scope)
            });
            if entry.is(name) {
                if !is_new {
                    // Another was faster.
                    self.count.fetch_sub(1, Relaxed);
                }
                return Some(entry);
            }
            index = (index + 1) % PLACES;
        }
    }

    /// Walks over all entries, sorted by name.
    pub(super) fn entries(&self) -> Vec<&Entry> {
        let named = self.places.iter().filter_map(OnceLock::get);
        let mut entries: Vec<&Entry> = named.chain([&self.other]).collect();
        entries.sort_by(|one, other| one.key().cmp(&other.key()));
        entries
    }
}

impl Entry {
    fn new(name: Name<'_>, scope: Scope) -> Self {
        Self {
            system: name.system,
            name: name.name.to_owned(),
            subscription: name.subscription.map(ToOwned::to_owned),
            dead_letter: name.dead_letter,
            series: Series::new(scope),
            down_since: std::sync::atomic::AtomicU64::new(0),
        }
    }

    fn is(&self, name: Name<'_>) -> bool {
        // Most texts of systems are at one address, and need no look at their bytes.
        let is_same_system = std::ptr::eq(self.system, name.system) || self.system == name.system;
        is_same_system
            && self.dead_letter == name.dead_letter
            && self.name == name.name
            && self.subscription.as_deref() == name.subscription
    }

    fn key(&self) -> (&str, &str, Option<&str>, bool) {
        (
            self.system,
            &self.name,
            self.subscription.as_deref(),
            self.dead_letter,
        )
    }

    /// Returns the attributes that name it.
    pub(super) fn attributes(&self) -> Vec<(&'static str, String)> {
        let mut attributes = Vec::new();
        match self.series.scope() {
            Scope::Process => {}
            Scope::Named => attributes.push(("relayhouse.name", self.name.clone())),
            Scope::Endpoint => attributes.push(("server.address", self.name.clone())),
            Scope::Queue => {
                if !self.system.is_empty() {
                    attributes.push(("messaging.system", self.system.to_owned()));
                }
                let suffix = if self.dead_letter {
                    "/$deadletterqueue"
                } else {
                    ""
                };
                let name = format!("{}{suffix}", self.name);
                attributes.push(("messaging.destination.name", name));
                if let Some(subscription) = &self.subscription {
                    let key = "messaging.destination.subscription.name";
                    attributes.push((key, subscription.clone()));
                }
            }
        }
        attributes
    }
}

impl Name<'_> {
    /// Mixes the bytes of the name, eight at a time: the roll is bounded, so that nobody gains by
    /// names that fall together.
    #[expect(clippy::cast_possible_truncation, reason = "the low bits are as good")]
    fn hash(&self) -> usize {
        const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut hash = u64::from(self.dead_letter) + 2 * self.system.len() as u64;
        let mut add = |text: &str| {
            for chunk in text.as_bytes().chunks(8) {
                let mut word = [0; 8];
                word[..chunk.len()].copy_from_slice(chunk);
                hash = (hash ^ u64::from_le_bytes(word))
                    .wrapping_mul(MIX)
                    .rotate_left(29);
            }
        };
        add(self.name);
        self.subscription.into_iter().for_each(&mut add);
        (hash ^ (hash >> 32)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> Name<'_> {
        Name {
            system: "memory",
            name,
            subscription: None,
            dead_letter: false,
        }
    }

    #[test]
    fn roll_stops_at_its_bound() {
        let roll = Roll::new(Scope::Named);
        let names: Vec<String> = (0..NAMES_MAX * 2).map(|it| format!("queue-{it}")).collect();
        let found = names.iter().filter_map(|it| roll.find(name(it))).count();
        assert_eq!(found, NAMES_MAX);
        assert_eq!(roll.entries().len(), NAMES_MAX + 1);
        assert!(roll.find(name("queue-0")).is_some(), "it is known");
        assert!(roll.find(name("queue-511")).is_none());
    }

    #[test]
    fn threads_share_one_entry_of_a_name() {
        let roll = Roll::new(Scope::Named);
        let names: Vec<String> = (0..64).map(|it| format!("queue-{it}")).collect();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for it in &names {
                        let entry = roll.find(name(it)).expect("there is room");
                        entry
                            .series
                            .writer()
                            .add(super::super::Metric::BreakerOpened, 1);
                    }
                });
            }
        });
        let entries = roll.entries();
        assert_eq!(entries.len(), names.len() + 1);
        let total: usize = entries.len() - 1;
        assert_eq!(roll.count.load(Relaxed), total);
    }

    #[test]
    fn kinds_of_sources_are_told_apart() {
        let roll = Roll::new(Scope::Queue);
        let live = name("orders");
        let names = [
            live,
            Name {
                dead_letter: true,
                ..live
            },
            Name {
                subscription: Some("audit"),
                ..live
            },
            Name {
                system: "aws_sqs",
                ..live
            },
        ];
        for name in names {
            roll.find(name).expect("there is room");
        }
        assert_eq!(roll.entries().len(), names.len() + 1);
    }
}
