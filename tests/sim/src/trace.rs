//! A hash of everything that happened, in order: equal for equal runs.

use std::{
    fmt::Write,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use relayhouse_core::{Error, Event, Instant, Observer};
use relayhouse_testkit::oracle::Watch;

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;

/// Feeds the oracle, and folds every event into a hash.
#[derive(Debug)]
pub(crate) struct Trace {
    pub(crate) watch: Arc<Watch>,
    hash: AtomicU64,
    line: Mutex<String>,
}

impl Trace {
    pub(crate) fn new(watch: Arc<Watch>) -> Self {
        Self {
            watch,
            hash: AtomicU64::new(OFFSET),
            line: Mutex::default(),
        }
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hash.load(Relaxed)
    }

    fn fold(&self, bytes: &[u8]) {
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(PRIME);
        let hash = bytes.iter().fold(self.hash.load(Relaxed), step);
        self.hash.store(hash, Relaxed);
    }
}

impl Observer for Trace {
    fn observe(&self, now: Instant, events: &[Event<'_>]) {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        for event in events {
            line.clear();
            // Writing to a string does not fail.
            let _ = describe(&mut line, event);
            self.fold(&now.as_nanos().to_le_bytes());
            self.fold(line.as_bytes());
        }
        drop(line);
        self.watch.observe(now, events);
    }
}

/// Writes what tells one event from another.
fn describe(line: &mut String, event: &Event<'_>) -> std::fmt::Result {
    match event {
        Event::Sent { id, result, .. } => write!(line, "sent {id} {}", result.is_ok()),
        Event::Intake {
            asked, received, ..
        } => write!(line, "intake {asked} {received}"),
        Event::Received { delivery, .. } => {
            write!(line, "received {} {}", delivery.id, delivery.attempt)
        }
        Event::Started { delivery, .. } => write!(line, "started {}", delivery.id),
        Event::Handled {
            delivery, result, ..
        } => {
            write!(line, "handled {} {}", delivery.id, result.is_ok())
        }
        Event::Settled {
            delivery,
            settlement,
            result,
            ..
        } => {
            let kind = result.map_err(Error::kind);
            write!(line, "settled {} {settlement:?} {kind:?}", delivery.id)
        }
        Event::Extended {
            receipt, result, ..
        } => {
            write!(line, "extended {receipt} {}", result.is_ok())
        }
        other => write!(line, "{}", std::any::type_name_of_val(other)),
    }
}
